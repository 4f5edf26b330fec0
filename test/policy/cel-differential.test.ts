import { celEnv, isCelError, parse, plan } from '@bufbuild/cel';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Trace } from '../../src/model/explanation.ts';
import { compileExpression } from '../../src/policy/expression/cel.ts';
import type { Scope } from '../../src/policy/expression/expression.ts';
import { guestScope } from '../../src/policy/expression/names.ts';

/**
 * Expressions over doubles mean the same to our expressions and to an independent implementation of CEL. What we add to the
 * language (whole numbers mixed with doubles, min, max, clamp) is not in the other and stays out.
 */

const NAMES = ['max', 'current', 'used', 'free', 'cache'] as const;

const literal = fc
  .oneof(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.constantFrom(0, 1, 0.5, 1024))
  .map(value => (Number.isInteger(value) ? `${value}.0` : value.toFixed(6)));

const { number, condition } = fc.letrec<{ number: string; condition: string }>(tie => ({
  number: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'cel' },
    literal,
    fc.constantFrom(...NAMES.map(name => `guest.${name}`)),
    fc
      .tuple(tie('number'), fc.constantFrom('+', '-', '*', '/'), tie('number'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    // Without parentheses, so that both have to agree on precedence and on which side binds first.
    fc
      .tuple(
        literal,
        fc.constantFrom('+', '-', '*', '/'),
        literal,
        fc.constantFrom('+', '-', '*', '/'),
        literal,
      )
      .map(parts => `(${parts.join(' ')})`),
    tie('number').map(a => `(-${a})`),
    fc.tuple(tie('condition'), tie('number'), tie('number')).map(([c, a, b]) => `(${c} ? ${a} : ${b})`),
  ),
  condition: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'cel' },
    fc.constantFrom('true', 'false'),
    fc.constantFrom(...NAMES.map(name => `has(guest.${name})`)),
    fc
      .tuple(tie('number'), fc.constantFrom('<', '<=', '>', '>=', '==', '!='), tie('number'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc
      .tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('condition').map(a => `(!${a})`),
  ),
}));

const guests = fc.record(
  Object.fromEntries(
    NAMES.map(name => [
      name,
      fc.oneof(fc.constantFrom(0, 1, 4096), fc.double({ noNaN: true, noDefaultInfinity: true })),
    ]),
  ),
  { requiredKeys: [] },
);

type Guest = Readonly<Partial<Record<string, number>>>;

const visible = guestScope([]);
const environment = celEnv();

function scopeOf(guest: Guest): Scope {
  return { host: { guests: 0, psi: { some: {}, full: {} } }, guest: { name: 'g', uuid: 'u', ...guest } };
}

function ours(text: string, type: 'bool' | 'double', guest: Guest) {
  const compiled = compileExpression(text, type, visible, { file: 'f', line: 1, column: 1 });
  if ('problems' in compiled) return { refused: compiled.problems.map(({ code }) => code) };
  const value = compiled.expression.evaluate(scopeOf(guest));
  return typeof value === 'object' ? { failed: true } : { value };
}

function theirs(text: string, guest: Guest) {
  const value = plan(
    environment,
    parse(text),
  )({
    guest: new Map(
      Object.entries(guest).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    ),
  });
  if (isCelError(value) || (typeof value === 'number' && !Number.isFinite(value))) return { failed: true };
  return { value };
}

describe.each([
  ['double', number],
  ['bool', condition],
] as const)('expressions that give a %s', (type, expressions) => {
  it('have the value that another implementation of CEL finds', () => {
    let compared = 0;
    fc.assert(
      fc.property(expressions, guests, (text, guest) => {
        const mine = ours(text, type, guest);
        // Larger than an expression may be.
        fc.pre(!('refused' in mine && mine.refused.every(code => code === 'POLICY_LIMIT')));
        compared++;

        expect(mine).toEqual(theirs(text, guest));
      }),
      { numRuns: 500 },
    );
    expect(compared).toBeGreaterThanOrEqual(500);
  }, 60_000);

  it('have a truth tree whose root has that value, and whose parts are expressions with the values they have alone', () => {
    let parts = 0;
    const tracedAlone = (trace: Trace, guest: Guest): void => {
      for (const part of trace.parts.filter(({ skipped }) => skipped !== true)) {
        parts++;
        const { value } = part;
        const alone = ours(part.text, typeof value === 'boolean' ? 'bool' : 'double', guest);
        if (value !== undefined) expect(alone).toEqual({ value });
        tracedAlone(part, guest);
      }
    };
    fc.assert(
      fc.property(expressions, guests, (text, guest) => {
        const compiled = compileExpression(text, type, visible, { file: 'f', line: 1, column: 1 });
        fc.pre('expression' in compiled);
        if (!('expression' in compiled)) return;
        const scope = scopeOf(guest);
        const whole = compiled.expression.evaluate(scope);
        const trace = compiled.expression.trace(scope);

        expect(typeof whole === 'object' ? trace.problem !== undefined : trace.value === whole).toBe(true);
        tracedAlone(trace, guest);
      }),
      { numRuns: 500 },
    );
    expect(parts).toBeGreaterThan(100);
  }, 60_000);
});
