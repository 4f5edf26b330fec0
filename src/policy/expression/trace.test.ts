import { describe, expect, it } from 'vitest';
import type { Trace } from '../../model/explanation.ts';
import { GiB } from '../../model/units.ts';
import { compileExpression } from './cel.ts';
import type { ExpressionTypes } from './evaluate.ts';
import type { Scope } from './expression.ts';
import { type Fields, guestScope, unitOf } from './names.ts';

const SCOPE: Scope = {
  host: { guests: 2, psi: { some: {}, full: {} }, level: 'soft', available: 6 * GiB },
  guest: { name: 'web-1', uuid: 'u', tags: { tier: 'gold' }, demand: 2 * GiB, boots: 1, uptime: 50 },
  guarantees: { min: GiB, max: 4 * GiB, reserve: GiB / 4 },
  vars: { headroom: 0.5 },
};

function traced(text: string, type: keyof ExpressionTypes = 'bool'): Trace {
  const compiled = compileExpression(text, type, guestScope(['headroom']), {
    file: 'p.yaml',
    line: 1,
    column: 1,
  });
  if ('problems' in compiled) throw new Error(compiled.problems.map(({ message }) => message).join('; '));
  return compiled.expression.trace(SCOPE);
}

/** The tree as lines, each part further in than the whole. */
function lines({ text, value, problem, skipped, parts }: Trace, indent = ''): string[] {
  const told = skipped ? 'skipped' : problem === undefined ? String(value) : `! ${problem}`;
  return [`${indent}${text}: ${told}`, ...parts.flatMap(part => lines(part, `${indent}  `))];
}

describe('the trace of an expression', () => {
  it('gives each part its value, and leaves out numbers and constants', () => {
    expect(lines(traced('guest.demand + guarantees.reserve * 2 > 1 * GiB'))).toEqual([
      'guest.demand + guarantees.reserve * 2 > 1 * GiB: true',
      `  guest.demand + guarantees.reserve * 2: ${2.5 * GiB}`,
      `    guest.demand: ${2 * GiB}`,
      `    guarantees.reserve * 2: ${GiB / 2}`,
      `      guarantees.reserve: ${GiB / 4}`,
    ]);
  });

  it.each([
    ['guest.boots > 1 && guest.uptime < 120', ['guest.boots > 1: false', 'guest.uptime < 120: skipped']],
    ['guest.boots == 1 || guest.uptime < 120', ['guest.boots == 1: true', 'guest.uptime < 120: skipped']],
    ['guest.boots == 1 && guest.uptime < 120', ['guest.boots == 1: true', 'guest.uptime < 120: true']],
    ['guest.boots > 1 || guest.uptime < 120', ['guest.boots > 1: false', 'guest.uptime < 120: true']],
    ['has(guest.cache) && guest.cache > 1.0', ['has(guest.cache): false', 'guest.cache > 1.0: skipped']],
    [
      'guest.boots == 1 ? guest.uptime < 120 : guest.uptime > 9',
      ['guest.boots == 1: true', 'guest.uptime < 120: true', 'guest.uptime > 9: skipped'],
    ],
    [
      'guest.boots > 1 ? guest.uptime < 120 : guest.uptime > 9',
      ['guest.boots > 1: false', 'guest.uptime < 120: skipped', 'guest.uptime > 9: true'],
    ],
    ['false && guest.uptime < 120', ['guest.uptime < 120: skipped']],
  ])('says which parts CEL did not come to: %s', (text, parts) => {
    expect(traced(text).parts.flatMap(part => lines(part)[0])).toEqual(parts);
  });

  it('tells why a part has no value, and goes on where CEL does', () => {
    expect(lines(traced('guest.cache > 1.0 || guest.uptime < 120'))).toEqual([
      'guest.cache > 1.0 || guest.uptime < 120: true',
      '  guest.cache > 1.0: ! guest.cache is not known',
      '    guest.cache: ! guest.cache is not known',
      '  guest.uptime < 120: true',
      '    guest.uptime: 50',
    ]);
    expect(traced('guest.demand / 0', 'double')).toMatchObject({ problem: 'the expression gave Infinity' });
  });

  it('keeps parentheses together, and those inside of texts apart', () => {
    expect(
      lines(traced('((guest.boots) > (1.0 + 2.0)) || !(guest.name == "a)(" && guest.name != \')\')')),
    ).toEqual([
      '((guest.boots) > (1.0 + 2.0)) || !(guest.name == "a)(" && guest.name != \')\'): true',
      '  (guest.boots) > (1.0 + 2.0): false',
      '    guest.boots: 1',
      '  !(guest.name == "a)(" && guest.name != \')\'): true',
      '    guest.name == "a)(" && guest.name != \')\': false',
      '      guest.name == "a)(": false',
      '        guest.name: web-1',
      "      guest.name != ')': skipped",
    ]);
  });

  it('shows tags, methods, functions and macros by what they give', () => {
    expect(lines(traced('guest.tags.tier == "gold" && guest.name.startsWith("web")'))).toEqual([
      'guest.tags.tier == "gold" && guest.name.startsWith("web"): true',
      '  guest.tags.tier == "gold": true',
      '    guest.tags.tier: gold',
      '  guest.name.startsWith("web"): true',
      '    guest.name: web-1',
    ]);
    expect(lines(traced('guest.tags.exists(key, key == "tier")'))).toEqual([
      'guest.tags.exists(key, key == "tier"): true',
    ]);
    expect(
      lines(traced('max(guarantees.reserve, guest.demand * vars.headroom)', 'double')).slice(0, 3),
    ).toEqual([
      `max(guarantees.reserve, guest.demand * vars.headroom): ${GiB}`,
      `  guarantees.reserve: ${GiB / 4}`,
      `  guest.demand * vars.headroom: ${GiB}`,
    ]);
  });

  it('is plain data', () => {
    const trace = traced('size(guest.tags) == 1 && guest.tags == guest.tags');
    expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
  });
});

describe('units of names', () => {
  const numbers = (fields: Fields, path: readonly string[]): string[][] =>
    Object.entries(fields).flatMap(([name, type]) =>
      type === 'double' ? [[...path, name]] : typeof type === 'object' ? numbers(type, [...path, name]) : [],
    );

  it('are told for every number that expressions can read', () => {
    const { vars: _, ...visible } = guestScope([]);
    const names = numbers({ ...visible }, []);
    expect(names.length).toBeGreaterThan(30);
    expect(names.filter(path => unitOf(path) === undefined)).toEqual([]);
  });
});
