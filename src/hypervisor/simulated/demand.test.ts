import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDemand, type DemandSpec } from './demand.ts';

const BURSTS: DemandSpec = {
  kind: 'bursts',
  base: 100,
  peak: [500, 900],
  every: 60,
  length: [10, 20],
  rise: 5,
  chance: 0.6,
};
const SPECS: readonly DemandSpec[] = [
  { kind: 'constant', bytes: 7 },
  {
    kind: 'steps',
    levels: [
      { bytes: 10, seconds: 3 },
      { bytes: 20, seconds: 4 },
    ],
    jitter: 0.5,
    offset: 1.5,
  },
  { kind: 'ramps', low: 10, high: 90, rest: 10, rise: 4, hold: 5, fall: 2, jitter: 0.3, offset: 3 },
  { kind: 'diurnal', low: 10, high: 90, period: 86_400, phase: 0.25 },
  BURSTS,
  { kind: 'plateau', level: 100, wobble: 0.2, over: 30 },
  { kind: 'sum', parts: [{ kind: 'constant', bytes: 5 }, BURSTS] },
];

const spec = fc.constantFrom(...SPECS);
const time = fc.double({ min: 0, max: 1e7, noNaN: true });

function series(demand: DemandSpec, seconds: number, step = 0.1, seed = 1): number[] {
  const at = createDemand(demand, seed);
  return Array.from({ length: Math.round(seconds / step) }, (_, i) => at(i * step));
}

describe('createDemand', () => {
  it('is a function of the time alone: the order of questions does not matter', () => {
    fc.assert(
      fc.property(spec, fc.integer(), fc.array(time, { minLength: 1 }), (demand, seed, times) => {
        const forwards = createDemand(demand, seed);
        const backwards = createDemand(demand, seed);
        const answers = times.map(t => forwards(t));
        expect(times.toReversed().map(t => backwards(t))).toEqual(answers.toReversed());
      }),
    );
  });

  it('is never negative and never infinite', () => {
    fc.assert(
      fc.property(spec, fc.integer(), time, (demand, seed, t) => {
        const bytes = createDemand(demand, seed)(t);
        expect(bytes).toBeGreaterThanOrEqual(0);
        expect(bytes).toBeLessThan(2000);
      }),
    );
  });

  it('differs by seed where chance has a part', () => {
    expect(series(BURSTS, 600, 1, 1)).not.toEqual(series(BURSTS, 600, 1, 2));
  });

  it('plays steps in turn', () => {
    const steps: DemandSpec = {
      kind: 'steps',
      levels: [
        { bytes: 10, seconds: 2 },
        { bytes: 30, seconds: 1 },
      ],
    };
    expect(series(steps, 6, 0.5)).toEqual([10, 10, 10, 10, 30, 30, 10, 10, 10, 10, 30, 30]);
  });

  it('rests, rises, holds and falls in a ramp', () => {
    const ramp: DemandSpec = { kind: 'ramps', low: 0, high: 100, rest: 2, rise: 4, hold: 2, fall: 2 };
    expect(series(ramp, 11, 1)).toEqual([0, 0, 0, 25, 50, 75, 100, 100, 100, 50, 0]);
  });

  it('has its bottom at phase 0 and its top half a period later', () => {
    const day = createDemand({ kind: 'diurnal', low: 10, high: 90, period: 100 }, 1);
    expect([day(0), day(25), day(50), day(100)]).toEqual([10, 50, 90, 10]);
  });

  it('bursts within its bounds, in about the share of slots that chance allows', () => {
    const values = series(BURSTS, 60 * 1000, 1);
    expect(Math.min(...values)).toBe(100);
    expect(Math.max(...values)).toBeLessThanOrEqual(900);
    const slots = Array.from({ length: 1000 }, (_, i) => Math.max(...values.slice(i * 60, i * 60 + 60)));
    const withBurst = slots.filter(peak => peak > 400).length;
    expect(withBurst).toBeGreaterThan(550);
    expect(withBurst).toBeLessThan(650);
    expect(Math.min(...slots.filter(peak => peak > 100))).toBeGreaterThanOrEqual(500);
  });

  it('wanders around a plateau without jumps', () => {
    const values = series({ kind: 'plateau', level: 100, wobble: 0.2, over: 30 }, 3000);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(80);
    expect(Math.max(...values)).toBeLessThanOrEqual(120);
    expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(20);
    expect(Math.max(...values.slice(1).map((v, i) => Math.abs(v - (values[i] ?? v))))).toBeLessThan(0.3);
  });

  it('begins a recording anew no faster than it was sampled, where it does at all', () => {
    const recorded = { kind: 'trace', times: [0, 2, 4], bytes: [10, 30, 50] } as const;
    expect(series(recorded, 8, 1)).toEqual([10, 20, 30, 40, 50, 50, 50, 50]);
    expect(series({ ...recorded, repeat: true }, 8, 1)).toEqual([10, 20, 30, 40, 50, 30, 10, 20]);
    expect(series({ kind: 'trace', times: [0], bytes: [10], repeat: true }, 2, 1)).toEqual([10, 10]);
  });
});
