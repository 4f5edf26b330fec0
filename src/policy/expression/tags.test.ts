import { describe, expect, it } from 'vitest';
import { compileExpression } from './cel.ts';
import { guestScope, MATCH_SCOPE } from './names.ts';

const SOURCE = { file: 'f', line: 1, column: 1 };
const HOST = { guests: 1, psi: { some: {}, full: {} } };

function evaluate(text: string, guest: { tags?: Record<string, string>; os?: string; max?: number }) {
  const compiled = compileExpression(text, 'bool', MATCH_SCOPE, SOURCE);
  if ('problems' in compiled) throw new Error(compiled.problems.map(({ message }) => message).join());
  return compiled.expression.evaluate({ host: HOST, guest: { name: 'a', uuid: 'u', ...guest } });
}

describe('tags in expressions', () => {
  it.each([
    ["guest.tags.tier == 'gold'", true],
    ["guest.tags['tier'] == 'gold'", true],
    ["'tier' in guest.tags", true],
    ["'team' in guest.tags", false],
    ['has(guest.tags.team)', false],
    ["guest.tags.exists(name, name.startsWith('t'))", true],
    ["has(guest.tags.team) && guest.tags.team == 'x'", false],
    ["guest.os.contains('debian') && guest.max > 1.0 * GiB", true],
  ])('%s gives %s', (text, value) => {
    expect(evaluate(text, { tags: { tier: 'gold' }, os: 'http://debian.org/debian/12', max: 2 ** 31 })).toBe(
      value,
    );
  });

  it('fail when the tag is not there, and when the tags are not known', () => {
    expect(evaluate("guest.tags.team == 'x'", { tags: {} })).toHaveProperty('problem');
    expect(evaluate("guest.tags.constructor == 'x'", { tags: {} })).toHaveProperty('problem');
    expect(evaluate("guest.tags.team == 'x'", {})).toEqual({ problem: 'guest.tags is not known' });
  });

  it('do not stay from one guest to the next', () => {
    expect(evaluate('has(guest.tags.tier)', { tags: { tier: 'gold' } })).toBe(true);
    expect(evaluate('has(guest.tags.tier)', { tags: {} })).toBe(false);
  });

  it('are texts to the type checker', () => {
    const compiled = compileExpression('guest.tags.weight * 2.0', 'double', guestScope([]), SOURCE);
    expect(compiled).toMatchObject({ problems: [{ code: 'POLICY_EXPRESSION_TYPE' }] });
  });
});
