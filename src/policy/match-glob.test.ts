import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Glob, globCovers, globMatches, globsIntersect, parseGlob } from './match-glob.ts';

function glob(text: string): Glob {
  const parsed = parseGlob(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.glob;
}

describe('globMatches', () => {
  it.each([
    ['web-*', 'web-1', true],
    ['web-*', 'web-', true],
    ['web-*', 'my-web-1', false],
    ['*', '', true],
    ['*', 'a/b/.c', true],
    ['**', 'anything', true],
    ['?', '\u{1F388}', true],
    ['db-?', 'db-10', false],
    ['db-[0-9]', 'db-7', true],
    ['db-[!0-9]', 'db-7', false],
    ['db-[!0-9]', 'db-x', true],
    ['[a-]', '-', true],
    ['[]x]', ']', true],
    ['Web', 'web', false],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['vm (old)', 'vm (old)', true],
    ['a.c', 'abc', false],
    ['*a*b*', 'xxaxxbxx', true],
    ['*ab', 'aab', true],
  ])('%s against %s: %s', (pattern, name, matches) => {
    expect(globMatches(glob(pattern), name)).toBe(matches);
  });

  it('agrees with trying every possibility', () => {
    fc.assert(
      fc.property(
        patterns,
        fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 }),
        (pattern, name) => {
          expect(globMatches(glob(pattern), name)).toBe(matchesByTrial(pattern, name));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('takes no time for many stars', () => {
    const start = performance.now();

    expect(globMatches(glob(`${'*a'.repeat(100)}*b`), 'a'.repeat(5000))).toBe(false);

    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('parseGlob', () => {
  it.each([
    '!web',
    'a{b,c}',
    'a}',
    '+(a)',
    '@(a|b)',
    '*(a)',
    'a[',
    'a[]',
    'a[!]',
    'a[z-a]',
    'a\\',
    '[\\]]',
    '[[:alpha:]]',
    '[!\u0000-\u{10FFFF}]',
  ])('refuses %s', text => {
    expect(parseGlob(text)).toHaveProperty('problem');
  });

  it('reads or refuses any text, and never throws', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.string({ unit: 'binary', maxLength: 20 }),
        (text, name) => {
          const parsed = parseGlob(text);
          if ('glob' in parsed) expect(typeof globMatches(parsed.glob, name)).toBe('boolean');
          else expect(parsed.problem).not.toBe('');
        },
      ),
    );
  });
});

describe('globsIntersect', () => {
  it.each([
    ['web-*', '*-db', true],
    ['web-*', 'db-*', false],
    ['a?c', 'ab*', true],
    ['a?c', 'ab', false],
    ['[a-m]*', '[n-z]*', false],
    ['[!a]', 'a', false],
    ['*', 'x', true],
    ['', '*', true],
    ['*a', '*b', false],
    ['a*b*c', '*x*', true],
  ])('%s and %s: %s', (a, b, meet) => {
    expect(globsIntersect(glob(a), glob(b))).toBe(meet);
    expect(globsIntersect(glob(b), glob(a))).toBe(meet);
  });

  it('says that two globs meet exactly when some name matches both', () => {
    fc.assert(
      fc.property(patterns, patterns, (a, b) => {
        const witness = NAMES.some(name => matchesByTrial(a, name) && matchesByTrial(b, name));

        expect(globsIntersect(glob(a), glob(b))).toBe(witness);
      }),
      { numRuns: 400 },
    );
  });
});

describe('globCovers', () => {
  it('holds for the same glob, for a star, and for a plain name that the glob matches', () => {
    expect(globCovers(glob('gpu-*'), glob('gpu-*'))).toBe(true);
    expect(globCovers(glob('*'), glob('a?b'))).toBe(true);
    expect(globCovers(glob('gpu-*'), glob('gpu-1'))).toBe(true);
    expect(globCovers(glob('gpu-*'), glob('gpu-?'))).toBe(false);
    expect(globCovers(glob('gpu-*'), glob('web'))).toBe(false);
  });

  it('never holds for a glob that reaches further', () => {
    fc.assert(
      fc.property(patterns, patterns, (a, b) => {
        if (!globCovers(glob(a), glob(b))) return;
        for (const name of NAMES) if (matchesByTrial(b, name)) expect(matchesByTrial(a, name)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '[ab]', '[!a]'), maxLength: 3 });

// Two globs of three tokens meet, if they do, in a name of at most six characters.
const NAMES = namesUpTo(6);

function namesUpTo(length: number): string[] {
  if (length === 0) return [''];
  const shorter = namesUpTo(length - 1);
  const longest = shorter.filter(name => name.length === length - 1);
  return [...shorter, ...longest.flatMap(name => ['a', 'b', 'c'].map(character => name + character))];
}

/** The definition of a glob, written as plainly as possible. */
function matchesByTrial(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  if (pattern.startsWith('*')) {
    const rest = pattern.slice(1);
    return Array.from({ length: name.length + 1 }, (_, i) => i).some(i =>
      matchesByTrial(rest, name.slice(i)),
    );
  }
  if (name === '') return false;
  const [head, tail] = pattern.startsWith('[') ? split(pattern, pattern.indexOf(']') + 1) : split(pattern, 1);
  const first = name.charAt(0);
  const taken =
    head === '?' ||
    head === first ||
    (head === '[ab]' && 'ab'.includes(first)) ||
    (head === '[!a]' && first !== 'a');
  return taken && matchesByTrial(tail, name.slice(1));
}

function split(text: string, at: number): [string, string] {
  return [text.slice(0, at), text.slice(at)];
}
