import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB } from '../../model/units.ts';
import { forgetSizes, newSizeHistory, noteSize, sizeAtReport } from './size-history.ts';

/** Sizes at wall-clock instants. */
function history(...observations: readonly (readonly [at: number, bytes: number])[]) {
  const sizes = newSizeHistory();
  for (const [at, bytes] of observations) noteSize(sizes, bytes, at);
  return sizes;
}

describe('the size at the time of a report', () => {
  it('is unknown while no size is known', () => {
    expect(sizeAtReport(newSizeHistory(), 100)).toBeUndefined();
  });

  it('is the size of that time, not the present one', () => {
    const sizes = history([100, 8 * GiB], [105, 8 * GiB], [110, 4 * GiB], [115, 4 * GiB]);

    expect(sizeAtReport(sizes, 102)).toBe(8 * GiB);
    expect(sizeAtReport(sizes, 112)).toBe(4 * GiB);
  });

  it('lies between two sizes while the balloon moved', () => {
    const sizes = history([100, 8 * GiB], [101, 8 * GiB], [102, 6 * GiB], [103, 4 * GiB]);

    expect(sizeAtReport(sizes, 102)).toBe(5 * GiB);
  });

  it('does not take a size that stood for a minute to have been on its way for a minute', () => {
    const observations = Array.from({ length: 60 }, (_, second) => [100 + second, 8 * GiB] as const);
    const sizes = history(...observations, [160, 2 * GiB]);

    expect(sizeAtReport(sizes, 130)).toBe(8 * GiB);
  });

  it('does not trust an unchanged size about its last second, in which an event may be on its way', () => {
    const sizes = history([100, 8 * GiB], [101.9, 8 * GiB], [102, 4 * GiB]);

    const size = sizeAtReport(sizes, 101);

    expect(size).toBeGreaterThan(4 * GiB);
    expect(size).toBeLessThan(8 * GiB);
  });

  it('is unknown again after everything was forgotten', () => {
    const sizes = history([100, GiB]);

    forgetSizes(sizes);

    expect(sizeAtReport(sizes, 100)).toBeUndefined();
  });

  it('never lies outside the sizes that were seen, and few are kept', () => {
    const step = fc.tuple(fc.double({ min: 0, max: 5, noNaN: true }), fc.integer({ min: 1, max: 64 }));
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 100 }),
        fc.integer({ min: 0, max: 600 }),
        (steps, stamp) => {
          const sizes = newSizeHistory();
          let at = 0;
          for (const [wait, gib] of steps) {
            at += wait;
            noteSize(sizes, gib * GiB, at);
          }

          const size = sizeAtReport(sizes, stamp) ?? 0;

          const seen = steps.map(([, gib]) => gib * GiB);
          expect(size).toBeGreaterThanOrEqual(Math.min(...seen));
          expect(size).toBeLessThanOrEqual(Math.max(...seen));
          expect(sizes.spans.length).toBeLessThanOrEqual(32);
        },
      ),
    );
  });
});
