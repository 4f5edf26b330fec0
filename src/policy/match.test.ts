import { describe, expect, it } from 'vitest';
import { GiB } from '../model/units.ts';
import type { Expression } from './expression/expression.ts';
import { mismatchOf, type Selection, type Selector, selectionsOverlap } from './match.ts';
import { type Glob, parseGlob } from './match-glob.ts';
import { expression, guestSample } from './testing.ts';

type Globs = Readonly<Record<string, readonly string[]>>;

function glob(text: string): Glob {
  const parsed = parseGlob(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.glob;
}

function selector(fields: Globs): Selector {
  const lists = Object.entries(fields).map(([field, globs]) => [field, globs.map(glob)]);
  return Object.fromEntries(lists) as Selector;
}

function selection(match: Globs, exclude?: Globs): Selection {
  return { match: selector(match), exclude: exclude === undefined ? undefined : selector(exclude) };
}

const guest = { name: 'web-1', uuid: '6fa2b6c0-0000-4000-8000-00000000000a', title: 'nightly shop' };

describe('mismatchOf', () => {
  it('selects every guest with an empty match', () => {
    expect(mismatchOf(selection({}), guest)).toBeUndefined();
    expect(mismatchOf(selection({}), {})).toBeUndefined();
  });

  it('wants every field, and one glob of each', () => {
    expect(mismatchOf(selection({ name: ['db-*', 'web-*'], title: ['*shop*'] }), guest)).toBeUndefined();
    expect(mismatchOf(selection({ name: ['web-*'], title: ['*test*'] }), guest)).toBe('match.title');
    expect(mismatchOf(selection({ name: ['db-*'], title: ['*shop*'] }), guest)).toBe('match.name');
  });

  it('takes UUIDs in any case', () => {
    expect(
      mismatchOf(selection({ uuid: ['6fa2*'] }), { ...guest, uuid: guest.uuid.toUpperCase() }),
    ).toBeUndefined();
  });

  it('does not select by a title that the guest does not have', () => {
    expect(mismatchOf(selection({ title: ['*'] }), { name: 'web-1' })).toBe('match.title');
  });

  it('leaves out what exclude selects, which takes all of its fields', () => {
    const policy = selection({ name: ['web-*'] }, { name: ['*-1'], title: ['nightly*'] });

    expect(mismatchOf(policy, guest)).toBe('exclude.name+title');
    expect(mismatchOf(policy, { ...guest, title: 'daily' })).toBeUndefined();
  });
});

describe('selectionsOverlap', () => {
  const overlap = (a: Selection, b: Selection) => selectionsOverlap(a, b, { left: 1e6 });

  it('keeps apart what a common field keeps apart', () => {
    expect(overlap(selection({ name: ['a*'] }), selection({ name: ['b*'] }))).toBe(false);
    expect(overlap(selection({ name: ['a*', 'c'] }), selection({ name: ['b*', '?'] }))).toBe(true);
    expect(
      overlap(selection({ name: ['x'], title: ['a*'] }), selection({ name: ['x'], title: ['b*'] })),
    ).toBe(false);
  });

  it('does not take a field that only one of them has for a difference', () => {
    expect(overlap(selection({ name: ['a'] }), selection({ title: ['b'] }))).toBe(true);
    expect(overlap(selection({}), selection({ uuid: ['0*'] }))).toBe(true);
  });

  it('keeps apart what one of them excludes altogether', () => {
    const all = selection({}, { name: ['db-*'] });

    expect(overlap(all, selection({ name: ['db-*'] }))).toBe(false);
    expect(overlap(selection({ name: ['db-1', 'db-2'] }), all)).toBe(false);
    expect(overlap(all, selection({ name: ['db-*', 'web'] }))).toBe(true);
    expect(overlap(all, selection({ title: ['x'] }))).toBe(true);
  });

  it('takes an exclusion by two fields only for guests that both exclude', () => {
    const all = selection({}, { name: ['db-*'], title: ['old*'] });

    expect(overlap(all, selection({ name: ['db-*'] }))).toBe(true);
    expect(overlap(all, selection({ name: ['db-*'], title: ['old*'] }))).toBe(false);
  });

  it('says that they overlap when it may not look any further', () => {
    const work = { left: 3 };

    expect(selectionsOverlap(selection({ name: ['aaaa'] }), selection({ name: ['bbbb'] }), work)).toBe(true);
    expect(work.left).toBeLessThan(0);
  });
});

const tagged = (tags: Globs): Selector => ({
  tags: new Map(Object.entries(tags).map(([tag, globs]) => [tag, globs.map(glob)])),
});
const only = (match: Selector, exclude?: Selector): Selection => ({ match, exclude });
const large: Expression<boolean> = expression<boolean>(({ guest }) =>
  guest?.max === undefined ? { problem: 'guest.max is not known' } : guest.max >= 4 * GiB,
);

describe('matching by what the domain says', () => {
  const gold = { name: 'a', tags: { tier: 'gold', env: 'prod' }, os: 'http://debian.org/debian/12' };

  it('wants every tag, and one glob of each', () => {
    expect(mismatchOf(only(tagged({ tier: ['silver', 'go*'], env: ['prod'] })), gold)).toBeUndefined();
    expect(mismatchOf(only(tagged({ tier: ['silver'] })), gold)).toBe('match.tags.tier');
    expect(mismatchOf(only(tagged({ team: ['*'] })), gold)).toBe('match.tags.team');
    expect(mismatchOf(only(tagged({ constructor: ['*'] })), gold)).toBe('match.tags.constructor');
    expect(mismatchOf(only(tagged({ tier: ['*'] })), { name: 'a' })).toBe('match.tags.tier');
  });

  it('knows the operating system', () => {
    expect(mismatchOf(selection({ os: ['http://debian.org/*'] }), gold)).toBeUndefined();
    expect(mismatchOf(selection({ os: ['http://microsoft.com/*'] }), gold)).toBe('match.os');
    expect(mismatchOf(selection({ os: ['*'] }), { name: 'a' })).toBe('match.os');
  });

  it('bounds the maximum memory, both ends inclusive', () => {
    const between = only({ memory: { min: 2 * GiB, max: 4 * GiB } });
    expect(mismatchOf(between, guestSample({ max: 2 * GiB }))).toBeUndefined();
    expect(mismatchOf(between, guestSample({ max: 4 * GiB }))).toBeUndefined();
    expect(mismatchOf(between, guestSample({ max: 5 * GiB }))).toBe('match.memory');
    expect(mismatchOf(between, { name: 'a' })).toBe('match.memory');
  });

  it('asks the expression, and takes one that fails for no', () => {
    expect(mismatchOf(only({ expression: large }), guestSample({ max: 8 * GiB }))).toBeUndefined();
    expect(mismatchOf(only({ expression: large }), guestSample({ max: GiB }))).toBe('match.expression');
    expect(mismatchOf(only({ expression: large }), { name: 'a' })).toBe('match.expression');
  });

  it('excludes by them, and names them', () => {
    const exclude = { ...tagged({ tier: ['gold'] }), memory: { min: 0, max: 8 * GiB } };
    const guest = { ...guestSample({ max: 2 * GiB }), tags: gold.tags };
    expect(mismatchOf(only({}, exclude), guest)).toBe('exclude.tags.tier+memory');
    expect(mismatchOf(only({}, exclude), { ...guest, tags: {} })).toBeUndefined();
  });
});

describe('overlaps of what the domain says', () => {
  const meet = (a: Selection, b: Selection): boolean => selectionsOverlap(a, b, { left: 1e6 });

  it('are ruled out by one tag, and by bounds that do not touch', () => {
    expect(meet(only(tagged({ tier: ['gold'] })), only(tagged({ tier: ['silver', 'bronze'] })))).toBe(false);
    expect(meet(only(tagged({ tier: ['gold'] })), only(tagged({ tier: ['g*'] })))).toBe(true);
    expect(meet(only(tagged({ tier: ['gold'] })), only(tagged({ env: ['prod'] })))).toBe(true);
    const bounds = (min: number, max: number) => only({ memory: { min, max } });
    expect(meet(bounds(0, 4), bounds(5, 9))).toBe(false);
    expect(meet(bounds(0, 4), bounds(4, 9))).toBe(true);
  });

  it('are not ruled out by expressions, unless one excludes the very same', () => {
    expect(meet(only({ expression: large }), only({ expression: large }))).toBe(true);
    expect(meet(only({ expression: large }), only({}, { expression: large }))).toBe(false);
  });

  it('are ruled out by an exclusion only when all of it covers the other', () => {
    const gold = tagged({ tier: ['gold'] });
    expect(meet(only(gold), only({}, gold))).toBe(false);
    expect(meet(only(gold), only({}, { ...gold, ...selector({ name: ['a'] }) }))).toBe(true);
    expect(meet(only({}), only({}, gold))).toBe(true);
    const upTo = (max: number): Selector => ({ memory: { min: 0, max } });
    expect(meet(only(upTo(4)), only({}, upTo(8)))).toBe(false);
    expect(meet(only(upTo(8)), only({}, upTo(4)))).toBe(true);
  });
});
