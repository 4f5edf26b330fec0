import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, KiB, MiB } from '../../model/units.ts';
import { TICKS_MAX } from '../schema/policy-test.ts';
import { parseSeries, type Sample, type SeriesUnit, sampleAt } from './series.ts';

function expand(text: string, unit: SeriesUnit = 'size'): Sample[] {
  const parsed = parseSeries(text, unit);
  if ('problem' in parsed) throw new Error(parsed.problem.message);
  return Array.from({ length: parsed.series.length }, (_, tick) => sampleAt(parsed.series, tick));
}

function problemOf(text: string, unit: SeriesUnit = 'size') {
  const parsed = parseSeries(text, unit);
  if (!('problem' in parsed)) throw new Error('it is sound');
  const { code, start, end } = parsed.problem;
  return `${code} ${text.slice(start, end)}`;
}

describe('parseSeries', () => {
  it('takes one sample after the other', () => {
    expect(expand(' 1GiB  2GiB 0B ')).toEqual([GiB, 2 * GiB, 0]);
  });

  // Prometheus, docs/configuration/unit_testing_rules.md: 'axn' becomes 'a a a … a' (a n+1 times).
  it('reads axn as a and n more samples of it, as promtool does', () => {
    expect(expand('1x4', 'number')).toEqual([1, 1, 1, 1, 1]);
    expect(expand('9GiBx60')).toHaveLength(61);
    expect(expand('9GiBx0')).toEqual([9 * GiB]);
  });

  it('reads a+bxn and a-bxn as a and n more samples in steps of b', () => {
    expect(expand('2GiB+16MiBx2')).toEqual([2 * GiB, 2 * GiB + 16 * MiB, 2 * GiB + 32 * MiB]);
    expect(expand('8-2x4', 'number')).toEqual([8, 6, 4, 2, 0]);
    expect(expand('10+10x2 30+20x5', 'number')).toEqual([10, 20, 30, 30, 50, 70, 90, 110, 130]);
  });

  it('reads _xn as n missing samples, and stale alike', () => {
    expect(expand('1 _x3 stale', 'number')).toEqual([1, 'missing', 'missing', 'missing', 'stale']);
    expect(expand('_ stalex2')).toEqual(['missing', 'stale', 'stale']);
  });

  it('reads rates and durations in their own units', () => {
    expect(expand('0B/s 1MiB/s+64KiB/sx1', 'rate')).toEqual([0, MiB, MiB + 64 * KiB]);
    expect(expand('1m+500msx2', 'duration')).toEqual([60, 60.5, 61]);
  });

  it('says what is wrong, and where in the text', () => {
    expect(problemOf('')).toBe('POLICY_SERIES ');
    expect(problemOf('1GiB 2 3GiB')).toBe('POLICY_UNIT 2');
    expect(problemOf('1GiB+5x3')).toBe('POLICY_UNIT 5');
    expect(problemOf('1GiB 1GiB+1MiB')).toBe('POLICY_SERIES 1GiB+1MiB');
    expect(problemOf('-1GiB')).toBe('POLICY_SERIES -1GiB');
    expect(problemOf('1GiBx')).toBe('POLICY_SERIES 1GiBx');
    expect(problemOf('_x0')).toBe('POLICY_SERIES _x0');
    expect(problemOf('1GiB-1MiBx1025')).toBe('POLICY_RANGE 1GiB-1MiBx1025');
    expect(problemOf('1TiB+1TiBx8192')).toBe('POLICY_RANGE 1TiB+1TiBx8192');
    expect(problemOf(`1GiBx${TICKS_MAX}`)).toBe(`POLICY_LIMIT 1GiBx${TICKS_MAX}`);
    expect(problemOf(`_x${'9'.repeat(400)}`)).toBe(`POLICY_LIMIT _x${'9'.repeat(400)}`);
    expect(problemOf('12%', 'number')).toBe('POLICY_SERIES 12%');
    expect(problemOf('1GiB', 'rate')).toBe('POLICY_UNIT 1GiB');
  });

  it('never throws, and points into the text when it refuses one', () => {
    const piece = fc.constantFrom(
      '1',
      'GiB',
      'x',
      '+',
      '-',
      '_',
      'stale',
      ' ',
      '9'.repeat(30),
      '.',
      '/s',
      'ms',
      'é',
    );
    const text = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.array(piece, { maxLength: 12 }).map(parts => parts.join('')),
    );
    fc.assert(
      fc.property(
        text,
        fc.constantFrom<SeriesUnit>('size', 'rate', 'duration', 'number'),
        (written, unit) => {
          const parsed = parseSeries(written, unit);
          if ('problem' in parsed) {
            const { start, end } = parsed.problem;
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeLessThanOrEqual(written.length);
            expect(end).toBeGreaterThanOrEqual(start);
            return;
          }
          for (const tick of [0, parsed.series.length - 1, parsed.series.length]) {
            const sample = sampleAt(parsed.series, tick);
            if (typeof sample === 'number') expect(Number.isFinite(sample) && sample >= 0).toBe(true);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('gives back the samples that were written in any form', () => {
    const value = fc.nat(1000);
    const part = fc.oneof(
      value.map(mib => ({ text: `${mib}MiB`, samples: [mib * MiB] as Sample[] })),
      fc.tuple(value, value, fc.nat(20)).map(([first, step, more]) => ({
        text: `${first}MiB+${step}MiBx${more}`,
        samples: Array.from({ length: more + 1 }, (_, i): Sample => (first + i * step) * MiB),
      })),
      fc.integer({ min: 1, max: 9 }).map(count => ({
        text: `_x${count}`,
        samples: Array.from({ length: count }, (): Sample => 'missing'),
      })),
      fc.integer({ min: 1, max: 9 }).map(count => ({
        text: count === 1 ? 'stale' : `stalex${count}`,
        samples: Array.from({ length: count }, (): Sample => 'stale'),
      })),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 20 }), parts => {
        expect(expand(parts.map(({ text }) => text).join(' '))).toEqual(
          parts.flatMap(({ samples }) => samples),
        );
      }),
    );
  });
});

describe('sampleAt', () => {
  it.each([
    ['1GiB stale', 'stale'],
    ['1GiB+1GiBx2', 3 * GiB],
    ['_', 'missing'],
  ])('keeps the last sample of %s after the end', (text, last) => {
    const parsed = parseSeries(text, 'size');

    expect('series' in parsed && sampleAt(parsed.series, 1000)).toBe(last);
  });
});
