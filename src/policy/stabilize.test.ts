import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { highest, type Recommendations, recommend } from './stabilize.ts';

const WINDOW = 60;

/** Recommendations made one a second. */
function made(values: readonly number[], current = 0): Recommendations {
  let result: Recommendations | undefined;
  for (const [second, value] of values.entries()) result = recommend(result, value, current, WINDOW, second);
  return result ?? [];
}

describe('recommendations', () => {
  it('count the present size as the first one, so that nothing shrinks before it has been watched', () => {
    expect(highest(made([10], 100))).toBe(100);
    expect(highest(made(new Array<number>(WINDOW + 10).fill(10), 100))).toBe(10);
  });

  it('never forget what the window has seen, and forget it soon afterwards', () => {
    const value = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), values => {
        const found = highest(made(values));
        const last = values.length - 1;
        const within = (seconds: number) => Math.max(...values.slice(Math.max(0, last - seconds)));

        expect(found).toBeGreaterThanOrEqual(within(WINDOW));
        expect(found).toBeLessThanOrEqual(within(WINDOW + WINDOW / 12 + 1));
      }),
    );
  });

  it('take bounded memory whatever the interval', () => {
    let result: Recommendations | undefined;
    for (let at = 0; at < 1000; at += 0.1) result = recommend(result, at % 7, 0, WINDOW, at);

    expect(result?.length).toBeLessThanOrEqual(14);
  });

  it('have the highest in front, and each of them above the next', () => {
    const value = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 100 }), values => {
        const peaks = made(values).map(({ peak }) => peak);
        expect(peaks).toEqual([...new Set(peaks)].toSorted((a, b) => b - a));
      }),
    );
  });
});
