import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB } from '../../model/units.ts';
import { compileExpression } from './cel.ts';
import type { ExpressionTypes } from './evaluate.ts';
import type { Scope } from './expression.ts';
import { guestScope, HOST_SCOPE, type Visible } from './names.ts';

const source = { file: 'p.yaml', line: 1, column: 1 };
const GUEST = guestScope(['headroom']);

function compile<T extends keyof ExpressionTypes>(text: string, type: T, visible: Visible = GUEST) {
  const result = compileExpression(text, type, visible, source);
  if ('problems' in result)
    throw new Error(`${text}: ${result.problems.map(({ message }) => message).join('; ')}`);
  return result.expression;
}

function problemsOf(text: string, type: keyof ExpressionTypes, visible: Visible = GUEST) {
  const result = compileExpression(text, type, visible, source);
  return 'problems' in result
    ? result.problems.map(({ code, start, end }) => [code, text.slice(start, end)])
    : [];
}

function scope(guest: Partial<NonNullable<Scope['guest']>> = {}, host: Partial<Scope['host']> = {}): Scope {
  return {
    host: { guests: 2, psi: { some: {}, full: {} }, level: 'soft', ...host },
    guest: { name: 'web-1', uuid: 'u', ...guest },
    guarantees: { min: 1 * GiB, max: 4 * GiB, reserve: 0.25 * GiB },
    vars: { headroom: 100 },
  };
}

describe('a compiled expression', () => {
  it.each([
    ['guest.demand + vars.headroom', 2 * GiB + 100],
    ['2 * guest.demand', 4 * GiB],
    ['guest.demand * 2 - 1 * GiB', 3 * GiB],
    ['guest.demand / 2', 1 * GiB],
    ['1 / guest.demand', 1 / (2 * GiB)],
    ['max(guarantees.reserve, guest.demand * 0.15)', 0.3 * GiB],
    ['min(1, 2.5, guest.demand)', 1],
    ['max(1, 2, 3, 4)', 4],
    ['clamp(guest.demand, 3 * GiB, 4 * GiB)', 3 * GiB],
    ['clamp(5, 1.0, 2)', 2],
    ['abs(-3) + ceil(1.2) + floor(1.9)', 6],
    ['guest.demand == 2147483648 ? 1.0 : 0.0', 1],
    ['2147483648 != guest.demand ? 1.0 : 0.0', 0],
    ['guest.name.startsWith("web") && host.level == "soft" ? 64 * MiB : 1 * KiB', 64 * 1024 ** 2],
    ['has(guest.cache) ? guest.cache : 7.0', 7],
    ['[1.0, 5.0].exists(x, x > vars.headroom) ? 1.0 : 0.0', 0],
  ])('%s gives %d', (text, value) => {
    expect(compile(text, 'double').evaluate(scope({ demand: 2 * GiB }))).toBe(value);
  });

  it('reads the scope anew each time, since the caller reuses it', () => {
    const expression = compile('guest.used + host.free', 'double');
    const reused = scope({ used: 1 }, { free: 10 });

    expect(expression.evaluate(reused)).toBe(11);
    Object.assign(reused.guest ?? {}, { used: 2 });
    expect(expression.evaluate(reused)).toBe(12);
    delete reused.guest?.used;
    expect(expression.evaluate(reused)).toHaveProperty('problem');
  });

  it('fails, and does not read 0, when a value is absent', () => {
    expect(compile('guest.used * 1.0', 'double').evaluate(scope())).toEqual({
      problem: 'guest.used is not known',
    });
    expect(compile('host.psi.full.avg10 > 10', 'bool', HOST_SCOPE).evaluate(scope())).toEqual({
      problem: 'host.psi.full.avg10 is not known',
    });
    expect(compile('true ? guest.used : 1.0', 'double').evaluate(scope())).toEqual({
      problem: 'guest.used is not known',
    });
    expect(compile('guarantees.min', 'double').evaluate({ host: scope().host })).toHaveProperty('problem');
  });

  it('needs an absent value only where it decides the outcome, as CEL has it', () => {
    const short = compile('host.available < 1 * GiB || host.psi.full.avg10 > 10', 'bool', HOST_SCOPE);

    expect(short.evaluate(scope({}, { available: 1 }))).toBe(true);
    expect(short.evaluate(scope({}, { psi: { some: {}, full: { avg10: 50 } } }))).toBe(true);
    expect(short.evaluate(scope({}, { available: 2 * GiB }))).toHaveProperty('problem');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('takes %d for absent', value => {
    expect(compile('guest.used + 1', 'double').evaluate(scope({ used: value }))).toHaveProperty('problem');
    expect(compile('guest.used > 1 ? 1.0 : 2.0', 'double').evaluate(scope({ used: value }))).toHaveProperty(
      'problem',
    );
  });

  it.each(['1.0 / 0.0', '0.0 / 0.0', '1e308 * 10', 'guest.used / (guest.used - guest.used)'])(
    'fails when the result is no finite number: %s',
    text => {
      expect(compile(text, 'double').evaluate(scope({ used: 1 }))).toHaveProperty('problem');
    },
  );

  it('fails and does not throw when the caller puts a text where a number belongs', () => {
    const broken = scope(JSON.parse('{"used": "many"}'));

    expect(compile('guest.used + 1', 'double').evaluate(broken)).toHaveProperty('problem');
    expect(compile('[1.0][3]', 'double').evaluate(broken)).toHaveProperty('problem');
  });
});

describe('compileExpression', () => {
  it.each([
    ['guest.used >', 'bool', 'POLICY_EXPRESSION_SYNTAX', ''],
    ['', 'bool', 'POLICY_EXPRESSION_SYNTAX', ''],
    ['guest.used = 5.0', 'bool', 'POLICY_EXPRESSION_SYNTAX', '='],
    ['9007199254740993 * guest.used', 'double', 'POLICY_RANGE', '9007199254740993'],
    ['1.0 + guest.usd', 'double', 'POLICY_EXPRESSION_NAME', 'guest.usd'],
    ['1.0 + guset.used', 'double', 'POLICY_EXPRESSION_NAME', 'guset'],
    ['1.0 + guest', 'double', 'POLICY_EXPRESSION_NAME', 'guest'],
    ['guest.used.max', 'double', 'POLICY_EXPRESSION_NAME', 'guest.used.max'],
    ['has(guest.usd)', 'bool', 'POLICY_EXPRESSION_NAME', 'guest.usd'],
    ['guest["used"] > 1.0', 'bool', 'POLICY_EXPRESSION_NAME', 'guest["used"]'],
    ['vars.other', 'double', 'POLICY_EXPRESSION_NAME', 'vars.other'],
    ['constructor', 'double', 'POLICY_EXPRESSION_NAME', 'constructor'],
    ['guest.constructor', 'double', 'POLICY_EXPRESSION_NAME', 'guest.constructor'],
    ['guest.__proto__', 'double', 'POLICY_EXPRESSION_NAME', 'guest.__proto__'],
    ['guest.name.matches("(a+)+$")', 'bool', 'POLICY_EXPRESSION_NAME', 'guest.name.matches("(a+)+$")'],
    ['dyn(guest.used) > 1.0', 'bool', 'POLICY_EXPRESSION_NAME', 'dyn(guest.used)'],
    ['cel.bind(x, 1.0, x)', 'double', 'POLICY_EXPRESSION_NAME', 'cel.bind(x, 1.0, x)'],
    ['[1.0].exists(guest, true)', 'bool', 'POLICY_EXPRESSION_NAME', 'guest'],
    ['[1.0].all(x, [2.0].all(y, y > x))', 'bool', 'POLICY_LIMIT', '[2.0].all(y, y > x)'],
    ['guest.used > "1GiB"', 'bool', 'POLICY_EXPRESSION_TYPE', 'guest.used > "1GiB"'],
    ['guest.used', 'bool', 'POLICY_EXPRESSION_TYPE', 'guest.used'],
    ['guest.used > 1.0', 'double', 'POLICY_EXPRESSION_TYPE', 'guest.used > 1.0'],
    ['(1024)', 'double', 'POLICY_EXPRESSION_TYPE', '(1024)'],
    ['guest.max * (1 / 2)', 'double', 'POLICY_EXPRESSION_TYPE', '1 / 2'],
    ['guest.max * (size("abc") / -2)', 'double', 'POLICY_EXPRESSION_TYPE', 'size("abc") / -2'],
    ['min(1.0)', 'double', 'POLICY_EXPRESSION_TYPE', 'min(1.0)'],
    ['true ? 1 : guest.used', 'double', 'POLICY_EXPRESSION_TYPE', 'true ? 1 : guest.used'],
  ] as const)('refuses %s as a %s with %s', (text, type, code, part) => {
    const found = problemsOf(text, type);

    expect(found.map(([first]) => first)).toContain(code);
    if (part !== '') expect(found).toContainEqual([code, part]);
  });

  it('shows pressure levels nothing but the host', () => {
    for (const text of ['guest.used > 1.0', 'vars.x > 1.0', 'guarantees.min > 1.0', 'host.level == "x"']) {
      expect(problemsOf(text, 'bool', HOST_SCOPE).map(([code]) => code)).toEqual(['POLICY_EXPRESSION_NAME']);
    }
  });

  it('refuses what is too large, too deep or too long', () => {
    const codes = (text: string) => problemsOf(text, 'double').map(([code]) => code);

    expect(codes(`guest.used${' + 1'.repeat(150)}`)).toEqual(['POLICY_LIMIT']);
    expect(codes(`${'('.repeat(3000)}guest.used${')'.repeat(900)}`)).not.toEqual([]);
    expect(codes(`${'-'.repeat(3000)}1.0`)).not.toEqual([]);
    expect(codes(`guest.used${' '.repeat(5000)}`)).toEqual(['POLICY_LIMIT']);
    expect(codes(`[${'1.0,'.repeat(70)}1.0].exists(x, x > 1.0) ? 1.0 : 2.0`)).toEqual(['POLICY_LIMIT']);
  });

  it('compiles any text or says what is wrong with it, and what it compiles never throws', () => {
    const parts = [
      'guest.used',
      'host.psi',
      'vars',
      '.',
      '(',
      ')',
      '[',
      ']',
      '{',
      '+',
      '-',
      '/',
      '?',
      ':',
      '&&',
      '!',
      '<',
      '1',
      '2.5',
    ];
    const more = [
      '"a"',
      "'",
      'has',
      'max',
      'size',
      '.map(x, ',
      '.exists(guest, ',
      'true',
      'null',
      ' in ',
      '==',
      ',',
      '\\',
      '`',
      'b"x"',
    ];
    const text = fc.array(fc.oneof(fc.constantFrom(...parts, ...more), fc.string({ maxLength: 3 })), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(text, fc.constantFrom('bool' as const, 'double' as const), (words, type) => {
        const written = words.join('');
        const result = compileExpression(written, type, GUEST, source);
        if ('problems' in result) {
          expect(result.problems.length).toBeGreaterThan(0);
          for (const { start, end } of result.problems) {
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeLessThanOrEqual(written.length + 1);
          }
        } else {
          const value = result.expression.evaluate(scope({ used: 1 }));
          expect(['boolean', 'number', 'object']).toContain(typeof value);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
