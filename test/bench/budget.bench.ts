/**
 * How the budget solver scales: time a claim for hosts of 100 to 100 000 guests that cannot all have what they want.
 *
 *   npm run bench -- budget
 *
 * How to read it: sorting makes it O(n log n), so nanoseconds a claim may grow with the logarithm (1.7 times from 1000 to 100 000)
 * and the caches; ten times as many guests for a hundred times the time would be a solver that has become quadratic. Best of the
 * rounds. No time is asserted.
 */
import { GiB } from '../../src/model/units.ts';
import { type Claim, solveBudget } from '../../src/policy/budget.ts';

const SIZES = [100, 1000, 10_000, 100_000];
const ROUNDS = 15;

/** Claims of mixed priorities and shares, the same in every run. */
function claimsOf(count: number): Claim[] {
  let seed = count;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  return Array.from({ length: count }, () => {
    const desired = (1 + 15 * random()) * GiB;
    const floor = desired * random();
    return {
      min: floor * random(),
      floor,
      desired,
      priority: 100 * (1 + Math.floor(3 * random())),
      shares: 1 + Math.floor(999 * random()),
      idleTax: 0.75,
      demand: floor,
    };
  });
}

let first: number | undefined;
console.log('guests     ms a solution   ns a claim   against 100 guests');
for (const count of SIZES) {
  const claims = claimsOf(count);
  const wanted = claims.reduce((sum, { desired }) => sum + desired, 0);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    const { outcome } = solveBudget(0.6 * wanted, claims);
    best = Math.min(best, performance.now() - started);
    if (outcome === 'fits') throw new Error('there was nothing to solve');
  }
  const each = (1e6 * best) / count;
  first ??= each;
  console.log(
    `${String(count).padStart(6)}  ${best.toFixed(3).padStart(16)}  ${each.toFixed(0).padStart(11)}  ${(each / first).toFixed(1).padStart(17)} x`,
  );
}
