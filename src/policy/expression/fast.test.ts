import { Environment } from '@marcbachmann/cel-js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, KiB } from '../../model/units.ts';
import { compileExpression } from './cel.ts';
import type { Scope } from './expression.ts';
import { fastOf } from './fast.ts';
import { guestScope } from './names.ts';

const VISIBLE = guestScope(['headroom']);
const ENVIRONMENT = new Environment({ unlistedVariablesAreDyn: true });

function fast(text: string) {
  return fastOf(ENVIRONMENT.parse(text).ast, VISIBLE);
}

const SCOPE: Scope = {
  host: { guests: 2, psi: { some: {}, full: { avg10: 12 } }, level: 'soft', available: Number.NaN },
  guest: { name: 'web-1', uuid: 'u', tags: { tier: 'gold' }, demand: 2 * GiB, boots: 1, distress: false },
  guarantees: { min: GiB, max: 4 * GiB, reserve: GiB / 4 },
  vars: { headroom: 100 },
};

const NUMBERS = [
  'guest.used',
  'guest.cache',
  'guarantees.reserve',
  'host.psi.some.avg10',
  'vars.headroom',
] as const;

describe('the fast form of an expression', () => {
  it.each([
    ['guest.demand + max(guarantees.reserve, guest.demand * 0.25)', 2.5 * GiB],
    ['2 * guest.demand - 1 * GiB / -2', 4.5 * GiB],
    ['clamp(guest.demand, 1, 5) + abs(-vars.headroom) + min(7, 8.0, 9)', 112],
    ['has(guest.swap_out_rate) && guest.swap_out_rate > 64 * KiB', false],
    ['guest.boots > 1 || host.psi.full.avg10 >= 12', true],
    ['!guest.distress && host.level == "soft" && guest.name != "x"', true],
    ['guest.boots == 1 ? guest.demand : 1.0', 2 * GiB],
    ['has(host.available)', false],
    ['64 * KiB', 64 * KiB],
    ['max(KiB, 2.0 * KiB) - guest.boots / 2.0', 2047.5],
    ['1 - KiB < guest.boots', true],
  ])('gives of %s what CEL gives', (text, value) => {
    expect(fast(text)?.(SCOPE)).toBe(value);
  });

  it.each([
    'guest.used > 1.0',
    'guest.used > 1.0 || true',
    'guest.used * 1.0 + guest.demand',
    'max(guest.demand, guest.used)',
    'min(1.0, 2.0, guest.used)',
    'host.available > 1.0 ? 1.0 : 2.0',
    '-guest.used',
    '!(guest.used > 1.0)',
  ])('gives nothing for %s, of which a value is missing, so that CEL has the word', text => {
    const run = fast(text);
    expect(run).toBeDefined();
    expect([undefined, Number.NaN]).toContainEqual(run?.(SCOPE));
  });

  it.each([
    'guest.tags.tier == "gold"',
    'guest.name.startsWith("web")',
    'guest.name in ["web-1"]',
    '[1.0, 2.0].exists(x, x > 1.0)',
    '2 + 3 > 4',
    'size(guest.tags) == 1',
    'guest.demand > (2 + 3)',
    'guest.name + "x" == "web-1x"',
    'true == false',
  ])('is none for %s, which is not of the common part', text => {
    expect(fast(text)).toBeUndefined();
  });

  /** Numbers and conditions over names of which each may have a value or not. */
  const { bool } = fc.letrec<{ number: string; bool: string }>(part => ({
    number: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom(...NUMBERS, '2', '0.0', '1.5', '3 * KiB'),
      fc
        .tuple(part('number'), fc.constantFrom('+', '-', '*', '/'), part('number'))
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
      fc
        .tuple(fc.constantFrom('min', 'max'), fc.array(part('number'), { minLength: 2, maxLength: 3 }))
        .map(([name, operands]) => `${name}(${operands.join(', ')})`),
      fc
        .tuple(fc.constantFrom('abs(', 'floor(', '-('), part('number'))
        .map(([opening, operand]) => `${opening}${operand})`),
      fc
        .tuple(part('bool'), part('number'), part('number'))
        .map(([condition, a, b]) => `(${condition} ? ${a} : ${b})`),
    ),
    bool: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom('guest.distress', 'host.level == "soft"', 'guest.os != "x"', 'true'),
      fc.constantFrom(...NUMBERS).map(name => `has(${name})`),
      fc
        .tuple(part('number'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), part('number'))
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
      fc
        .tuple(part('bool'), fc.constantFrom('&&', '||'), part('bool'))
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
      part('bool').map(operand => `!${operand}`),
    ),
  }));
  const amount = fc.option(fc.constantFrom(-1, 0, 1, 2, 3 * KiB, 0.5, Number.NaN, Number.POSITIVE_INFINITY), {
    nil: undefined,
  });
  const scopes = fc
    .record({
      used: amount,
      cache: amount,
      reserve: amount,
      some: amount,
      headroom: amount,
      told: fc.boolean(),
    })
    .map(
      ({ used, cache, reserve = 1, some, headroom = 2, told }): Scope => ({
        host: { guests: 2, psi: { some: { avg10: some }, full: {} }, ...(told && { level: 'soft' }) },
        guest: { name: 'a', uuid: 'u', used, cache, ...(told && { distress: true, os: 'linux' }) },
        guarantees: { min: 1, max: 2, reserve },
        vars: { headroom },
      }),
    );

  it('gives what the library gives, or nothing, of any expression in any scope', () => {
    let told = 0;
    fc.assert(
      fc.property(bool, scopes, (text, scope) => {
        const compiled = compileExpression(text, 'bool', VISIBLE, { file: 'p.yaml', line: 1, column: 1 });
        const value = fast(text)?.(scope);
        if ('problems' in compiled || value === undefined) return;
        told++;
        // The library works the parts of a trace out.
        expect(value).toBe(compiled.expression.trace(scope).value);
      }),
      { numRuns: 400 },
    );
    expect(told).toBeGreaterThan(100);
  });
});
