import { describe, expect, it } from 'vitest';
import { GiB } from '../../model/units.ts';
import type { HostNames } from '../expression/expression.ts';
import { compileCondition, identifierOf, nameProblem } from './conditions.ts';

const SOURCE = { file: 't.test.yaml', line: 1, column: 1 };
const HOST: HostNames = { guests: 2, available: GiB, level: 'soft', psi: { some: {}, full: {} } };

function evaluate(text: string, guests: Readonly<Record<string, Record<string, unknown>>>): unknown {
  const compiled = compileCondition(text, Object.keys(guests), SOURCE);
  if ('problems' in compiled) return compiled.problems.map(({ code }) => code);
  const scopes = Object.fromEntries(
    Object.entries(guests).map(([name, scope]) => [identifierOf(name), scope]),
  );
  return compiled.condition.evaluate(HOST, scopes);
}

describe('a condition', () => {
  it('reads guests by names that CEL could not read', () => {
    const guests = { 'batch-1': { target: 3 * GiB }, '7of9.example.com': { used: GiB } };

    expect(evaluate('batch-1.target >= 2 * GiB', guests)).toBe(true);
    expect(evaluate('batch-1.target - 7of9.example.com.used == 2 * GiB', guests)).toBe(true);
    expect(evaluate('7of9.example.com.used > 2 * GiB', guests)).toBe(false);
  });

  it('tells a name from the longer name that it begins, and from a difference', () => {
    const guests = { a: { used: 5 }, 'a-b': { used: 1 } };

    expect(evaluate('a-b.used == 1.0', guests)).toBe(true);
    expect(evaluate('a.used-a-b.used == 4.0', guests)).toBe(true);
    expect(evaluate('db.a.used == 2.0', { db: { used: 1 }, 'db.a': { used: 2 } })).toBe(true);
  });

  it('leaves texts in quotes as they are', () => {
    expect(evaluate('"vm-1.x" == vm-1.name', { 'vm-1': { name: 'vm-1.x' } })).toBe(true);
  });

  it('sees the host, its level, and what was decided', () => {
    const guests = { vm: { action: 'shrink', reason: 'STEP_LIMITED', policy: 'all' } };

    expect(evaluate('host.level == "soft" && host.available < 2 * GiB', guests)).toBe(true);
    expect(
      evaluate('vm.action == "shrink" && vm.reason == "STEP_LIMITED" && vm.policy == "all"', guests),
    ).toBe(true);
  });

  it('is neither true nor false where a figure is not known', () => {
    expect(evaluate('vm.used > 0', { vm: {} })).toHaveProperty('problem');
    expect(evaluate('!has(vm.used) || vm.used > 0', { vm: {} })).toBe(true);
  });

  it('is refused where it names what is not there', () => {
    expect(evaluate('vm-2.used > 0', { 'vm-1': {} })).toEqual(['POLICY_EXPRESSION_NAME']);
    expect(evaluate('vm-1.usd > 0', { 'vm-1': {} })).toEqual(['POLICY_EXPRESSION_NAME']);
    expect(evaluate('vm-1.used', { 'vm-1': {} })).toEqual(['POLICY_EXPRESSION_TYPE']);
  });

  it('says how guests are named to somebody who writes guest', () => {
    const compiled = compileCondition('guest.used > 0', ['vm-1'], SOURCE);

    expect('problems' in compiled && compiled.problems[0]?.hint).toContain('vm-1.');
  });

  it('names its figures with their values, as they are written', () => {
    const compiled = compileCondition(
      'vm-1.used < host.available || "host.x" == ""',
      ['vm-1', 'vm-2'],
      SOURCE,
    );
    if ('problems' in compiled) throw new Error('it is sound');

    expect([...compiled.condition.values(HOST, { vm_1: { used: 7 } })]).toEqual([
      ['vm-1.used', 7],
      ['host.available', GiB],
    ]);
    expect(compiled.condition.about).toEqual([0]);
  });
});

describe('nameProblem', () => {
  it.each(['host', 'in', 'GiB', 'constructor', '__proto__'])(
    'refuses %s, which means something else',
    name => {
      expect(nameProblem(name)).toBeDefined();
    },
  );

  it.each(['guest', 'vm-1', '1', 'true-1', 'db.example.com'])('takes %s', name => {
    expect(nameProblem(name)).toBeUndefined();
  });
});
