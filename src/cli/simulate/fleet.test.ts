/** The shipped fleet beside the population that it is drawn from: 500 production guests of Bitbrains, GWA-T-12. */
import { describe, expect, it } from 'vitest';
import { createDemand } from '../../hypervisor/simulated/demand.ts';
import { deriveSeed } from '../../hypervisor/simulated/random.ts';
import { GiB, type Ratio } from '../../model/units.ts';
import { openSimulation } from './open.ts';

/** Five minutes, as the traces are sampled. */
const EVERY = 300;
const { scenario, seed, seconds } = openSimulation('scenarios/diurnal-fleet.yaml');
const moments = Array.from({ length: seconds / EVERY }, (_, i) => i * EVERY);
/** Use over time of each guest, as a share of its capacity. */
const fleet = scenario.guests.map(({ name, maximum, demand }) => {
  const at = createDemand(demand, deriveSeed(deriveSeed(seed, name), 'demand'));
  return { maximum, shares: moments.map(time => Math.min(1, at(time) / maximum)) };
});

function quantile(values: readonly number[], share: Ratio): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * values.length)] ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [mean(a), mean(b)];
  let [both, left, right] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    const other = (b[i] ?? 0) - y;
    both += (value - x) * other;
    left += (value - x) ** 2;
    right += other ** 2;
  }
  return both / Math.sqrt(left * right);
}

describe('diurnal-fleet', () => {
  it('has two hundred guests for a week, of the sizes of the population', () => {
    expect([fleet.length, seconds]).toEqual([200, 7 * 86_400]);
    const capacities = fleet.map(({ maximum }) => maximum / GiB);
    const [p5, p50, p95] = [0.05, 0.5, 0.95].map(share => quantile(capacities, share));
    within(p5, 0.11, 0.14);
    within(p50, 3.7, 4.1);
    within(p95, 30, 34);
  });

  it('uses of them what the population uses: a tenth, most guests half of that, few a third and more', () => {
    const means = fleet.map(({ shares }) => mean(shares));
    within(mean(means), 0.09, 0.11);
    within(quantile(means, 0.5), 0.05, 0.06);
    within(quantile(means, 0.95), 0.33, 0.41);
    // The population's is 0.6.
    within(quantile(means, 0.99), 0.4, 0.65);
    const changes = fleet.flatMap(({ shares }) =>
      shares.slice(1).map((share, i) => Math.abs(share - (shares[i] ?? 0))),
    );
    // The population's is 2 to 4 %, of what was smoothed differently.
    within(quantile(changes, 0.95), 0.005, 0.04);
  });

  it('peaks apart: pairs go together hardly ever, and twenty guests at about half of the sum of their peaks', () => {
    const some = fleet.filter((_, i) => i % 4 === 0);
    const pairs = some.flatMap((a, i) => some.slice(i + 1).map(b => correlation(a.shares, b.shares)));
    within(quantile(pairs, 0.5), -0.03, 0.03);
    within(quantile(pairs, 0.95), 0.1, 0.18);
    const together = Array.from({ length: 10 }, (_, index) => {
      const group = fleet.slice(20 * index, 20 * index + 20);
      const peaks = group.reduce((sum, { shares, maximum }) => sum + Math.max(...shares) * maximum, 0);
      const used = moments.map((_, t) =>
        group.reduce((sum, { shares, maximum }) => sum + (shares[t] ?? 0) * maximum, 0),
      );
      return Math.max(...used) / peaks;
    });
    within(mean(together), 0.45, 0.6);
  });
});

function within(value: number | undefined, least: number, most: number): void {
  expect(value).toBeGreaterThanOrEqual(least);
  expect(value).toBeLessThanOrEqual(most);
}
