import { describe, expect, it } from 'vitest';
import { type Point, search } from './search.ts';

const GOAL = [0.8, 0.2, 0.55];

/** A hill for each trial, the tops close to each other; it counts what it is asked. */
function hills() {
  const asked = { points: 0, heights: 0 };
  const height = (point: Point, trial: number): number =>
    -point.reduce((sum, place, i) => sum + (place - (GOAL[i] ?? 0) - 0.01 * trial) ** 2, 0);
  return {
    asked,
    evaluate: async (points: readonly Point[], trials: readonly number[]) => {
      asked.points += points.length;
      asked.heights += points.length * trials.length;
      return points.map(point => trials.map(trial => height(point, trial)));
    },
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const START = [0.1, 0.9, 0.1];

describe('search', () => {
  it('climbs to the top of several hills together', async () => {
    const [best] = await search({ start: START, seed: 1, budget: 400, trials: 5, score: mean, ...hills() });
    for (const [i, place] of (best?.point ?? []).entries())
      expect(place).toBeCloseTo((GOAL[i] ?? 0) + 0.02, 1);
    expect(best?.results).toHaveLength(5);
  });

  it('comes to the same end with the same seed, and to another with another', async () => {
    const run = (seed: number) =>
      search({ start: START, seed, budget: 60, trials: 5, score: mean, ...hills() });
    expect(await run(7)).toEqual(await run(7));
    expect((await run(8))[0]?.point).not.toEqual((await run(7))[0]?.point);
  });

  it('tries no more candidates than it may, most of them on a part of the trials', async () => {
    const { asked, evaluate } = hills();
    const found = await search({ start: START, seed: 1, budget: 33, trials: 5, score: mean, evaluate });
    expect(asked.heights).toBeLessThan(33 * 5 * 0.7);
    expect(found).toHaveLength(1 + 4 * 2);
  });

  it('never ends below where it began, nor beyond the bounds', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const found = await search({ start: [1, 0, 1], seed, budget: 40, trials: 3, score: mean, ...hills() });
      const start = found.find(({ point }) => point[0] === 1 && point[1] === 0 && point[2] === 1);
      expect(found[0]?.score).toBeGreaterThanOrEqual(start?.score ?? 0);
      for (const place of found.flatMap(({ point }) => point)) {
        expect(place).toBeGreaterThanOrEqual(0);
        expect(place).toBeLessThanOrEqual(1);
      }
    }
  });
});
