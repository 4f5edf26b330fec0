import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSeries } from './series.ts';

const UNKNOWN = Number.NaN;

describe('figures over time', () => {
  it('are not there before the first one', () => {
    expect(createSeries(1, 4, 10).view()).toBeUndefined();
  });

  it('keep the last values of each step', () => {
    const series = createSeries(2, 4, 10);
    series.note(1000, [1, 10]);
    series.note(1009.9, [2, Number.NaN]);
    series.note(1010, [3, 30]);
    expect(series.view()).toEqual({
      at: 1010,
      stepSeconds: 10,
      columns: [
        [2, 3],
        [UNKNOWN, 30],
      ],
    });
  });

  it('hold what was known between ticks that are further apart than rows, and know nothing of a longer gap', () => {
    const series = createSeries(1, 12, 1);
    for (const at of [0, 3, 6, 9]) series.note(at, [at]);
    series.note(17, [17]);
    const [values] = series.view()?.columns ?? [];
    expect(values).toEqual([3, 3, 3, 6, 6, 6, 9, ...Array(7).fill(UNKNOWN), 17].slice(-12));
  });

  it('leave out what is older than the latest', () => {
    const series = createSeries(1, 4, 1);
    series.note(5, [5]);
    series.note(3, [3]);
    expect(series.view()).toEqual({ at: 5, stepSeconds: 1, columns: [[5]] });
  });

  it('are never more than there is room for, with the latest note as their last row', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1 }), gaps => {
        const series = createSeries(1, 8, 3);
        let at = 0;
        for (const gap of gaps) {
          at += gap;
          series.note(at, [at]);
        }
        const view = series.view();
        expect(view?.at).toBe(Math.floor(at / 3) * 3);
        expect(view?.columns[0]?.length).toBeLessThanOrEqual(8);
        expect(view?.columns[0]?.at(-1)).toBe(at);
        const known = (view?.columns[0] ?? []).filter(value => !Number.isNaN(value));
        expect(known).toEqual(known.toSorted((a, b) => a - b));
      }),
    );
  });
});
