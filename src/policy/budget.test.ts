import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../model/units.ts';
import { type Claim, fill, newBounds, solveBudget as solve } from './budget.ts';
import { deepFreeze } from './testing.ts';

const size = fc.integer({ min: 0, max: 16 * 1024 }).map(mib => mib * MiB);

const claimOf: fc.Arbitrary<Claim> = fc
  .record({
    sizes: fc.tuple(size, size, size),
    priority: fc.integer({ min: 1, max: 3 }),
    shares: fc.integer({ min: 1, max: 1000 }),
    idleTax: fc.integer({ min: 0, max: 100 }).map(percent => percent / 100),
    demand: size,
  })
  .map(({ sizes, ...rest }) => {
    const [min = 0, floor = 0, desired = 0] = sizes.toSorted((a, b) => a - b);
    return { min, floor, desired, ...rest };
  });

const claimsOf = fc.array(claimOf, { minLength: 1, maxLength: 12 });
const share = fc.integer({ min: 0, max: 120 }).map(percent => percent / 100);

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const desired = (claims: readonly Claim[]) => sum(claims.map(claim => claim.desired));
/** Sizes of a dozen claims are rounded to whole bytes, twice. */
const CLOSE = 24;

/** With the sizes as an ordinary list. */
function solveBudget(budget: number, claims: readonly Claim[]) {
  const { outcome, sizes } = solve(budget, claims);
  return { outcome, sizes: [...sizes] };
}

function claim(parts: Partial<Claim> = {}): Claim {
  return { min: 0, floor: 0, desired: 4 * GiB, priority: 100, shares: 100, idleTax: 0, demand: 0, ...parts };
}

describe('solveBudget', () => {
  it('gives everybody what is desired when that fits, and touches nobody', () => {
    const { outcome, sizes } = solveBudget(8 * GiB, [claim(), claim()]);
    expect(outcome).toBe('fits');
    expect(sizes).toEqual([4 * GiB, 4 * GiB]);
  });

  it('spends the whole budget when it has to cut, and no more, unless the guarantees do not fit', () => {
    fc.assert(
      fc.property(claimsOf, share, (claims, part) => {
        const budget = part * desired(claims);
        const { outcome, sizes } = solveBudget(budget, deepFreeze(claims));
        const guaranteed = sum(claims.map(({ min }) => min));
        if (guaranteed > budget + CLOSE) expect(outcome).toBe('insufficient');
        if (outcome === 'insufficient') {
          expect(sum(sizes)).toBe(guaranteed);
          expect(guaranteed).toBeGreaterThan(budget);
        } else if (outcome === 'cut') expect(Math.abs(sum(sizes) - budget)).toBeLessThanOrEqual(CLOSE);
        else expect(desired(claims)).toBeLessThanOrEqual(budget);
      }),
    );
  });

  it('never goes under a guarantee nor above what is desired', () => {
    fc.assert(
      fc.property(claimsOf, share, (claims, part) => {
        const { sizes } = solveBudget(part * desired(claims), claims);
        for (const [i, size] of sizes.entries()) {
          expect(size).toBeGreaterThanOrEqual(claims[i]?.min ?? Number.NaN);
          expect(size).toBeLessThanOrEqual(claims[i]?.desired ?? Number.NaN);
        }
      }),
    );
  });

  it('cuts nobody under its floor while anybody has memory above its own', () => {
    fc.assert(
      fc.property(claimsOf, share, (claims, part) => {
        const { sizes } = solveBudget(part * desired(claims), claims);
        const under = claims.some(({ floor }, i) => (sizes[i] ?? 0) < floor - CLOSE);
        const above = claims.some(({ floor }, i) => (sizes[i] ?? 0) > floor + CLOSE);
        expect(under && above).toBe(false);
      }),
    );
  });

  it('cuts the highest number first, and the next only when that one is at its floor', () => {
    const claims = [100, 300, 200].map(priority => claim({ priority, floor: GiB }));
    const at = (budget: number) => solveBudget(budget, claims).sizes;
    expect(at(10 * GiB)).toEqual([4 * GiB, 2 * GiB, 4 * GiB]);
    expect(at(8 * GiB)).toEqual([4 * GiB, GiB, 3 * GiB]);
    expect(at(4 * GiB)).toEqual([2 * GiB, GiB, GiB]);
    expect(at(2.5 * GiB)).toEqual([GiB, GiB / 2, GiB]);
  });

  it('takes nothing from a priority while one that gives first has anything left to give in the same pass', () => {
    fc.assert(
      fc.property(claimsOf, share, (claims, part) => {
        const { sizes } = solveBudget(part * desired(claims), claims);
        const size = (i: number) => sizes[i] ?? Number.NaN;
        for (const [i, a] of claims.entries()) {
          for (const [j, b] of claims.entries()) {
            if (a.priority <= b.priority) continue;
            if (size(j) < b.desired - CLOSE)
              expect(size(i)).toBeLessThanOrEqual(Math.max(a.floor, a.min) + CLOSE);
            if (size(j) < b.floor - CLOSE) expect(size(i)).toBeLessThanOrEqual(a.min + CLOSE);
          }
        }
      }),
    );
  });

  it('is proportional to shares inside a priority where there is no tax', () => {
    expect(solveBudget(3 * GiB, [claim({ shares: 200 }), claim({ shares: 100 })]).sizes).toEqual([
      2 * GiB,
      GiB,
    ]);
  });

  it('gives the same adjusted ratio of shares to all that no bound holds (Waldspurger)', () => {
    const ratio = ({ shares, idleTax, demand }: Claim, size: number) => {
      const k = 1 / (1 - Math.min(idleTax, 0.999));
      return shares / (demand + k * (size - demand));
    };
    fc.assert(
      fc.property(claimsOf, share, (list, part) => {
        const claims = list.map(entry => ({ ...entry, priority: 1, floor: entry.min }));
        const { sizes, outcome } = solveBudget(part * desired(claims), claims);
        if (outcome !== 'cut') return;
        const free = claims.flatMap((entry, i) => {
          const size = sizes[i] ?? Number.NaN;
          const bound = size - entry.min < 1024 || entry.desired - size < 1024;
          return bound ? [] : [1 / ratio(entry, size)];
        });
        const span = Math.max(1, ...free.map(Math.abs));
        for (const value of free) expect(Math.abs(value - (free[0] ?? 0)) / span).toBeLessThan(1e-3);
      }),
      { numRuns: 300 },
    );
  });

  it('takes idle memory first, and all of it at a full tax', () => {
    const busy = claim({ demand: 3 * GiB });
    const idle = claim({ demand: GiB / 2 });
    const at = (idleTax: number) =>
      solveBudget(4 * GiB, [
        { ...busy, idleTax },
        { ...idle, idleTax },
      ]).sizes;
    expect(at(0)).toEqual([2 * GiB, 2 * GiB]);
    const [taxed = 0, untaxed = 0] = at(0.75);
    expect(taxed).toBeGreaterThan(2.5 * GiB);
    expect(taxed + untaxed).toBeCloseTo(4 * GiB, 0);
    expect(at(1)[0]).toBeCloseTo(3.25 * GiB, -7);
  });

  it('gives nobody less when the budget grows', () => {
    fc.assert(
      fc.property(claimsOf, share, share, (claims, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map(
          part => solveBudget(part * desired(claims), claims).sizes,
        );
        for (const [i, size] of (less ?? []).entries())
          expect(more?.[i] ?? Number.NaN).toBeGreaterThanOrEqual(size - CLOSE);
      }),
    );
  });

  it('gives a guest that desires more no less, and no other guest more', () => {
    fc.assert(
      fc.property(claimsOf, share, fc.integer({ min: 0, max: 2 ** 36 }), (claims, part, extra) => {
        const budget = part * desired(claims);
        const before = solveBudget(budget, claims).sizes;
        const [first, ...rest] = claims;
        if (first === undefined) return;
        const after = solveBudget(budget, [{ ...first, desired: first.desired + extra }, ...rest]).sizes;
        expect(after[0] ?? Number.NaN).toBeGreaterThanOrEqual((before[0] ?? Number.NaN) - CLOSE);
        for (let i = 1; i < claims.length; i++)
          expect(after[i] ?? Number.NaN).toBeLessThanOrEqual((before[i] ?? Number.NaN) + CLOSE);
      }),
    );
  });

  it('does not depend on the order of the claims', () => {
    fc.assert(
      fc.property(claimsOf, share, fc.integer({ min: 1, max: 11 }), (claims, part, turn) => {
        const budget = part * desired(claims);
        const sizes = solveBudget(budget, claims).sizes;
        const by = turn % claims.length;
        const turned = solveBudget(budget, [...claims.slice(by), ...claims.slice(0, by)]).sizes;
        const back = [...turned.slice(claims.length - by), ...turned.slice(0, claims.length - by)];
        for (const [i, size] of sizes.entries()) expect(Math.abs((back[i] ?? 0) - size)).toBeLessThan(CLOSE);
      }),
    );
  });

  it('keeps the guarantees when there is no budget at all, or less than none', () => {
    const claims = [claim({ min: GiB, floor: GiB }), claim({ min: 2 * GiB, floor: 2 * GiB, priority: 300 })];
    for (const budget of [0, -5 * GiB]) {
      expect(solveBudget(budget, claims)).toEqual({ outcome: 'insufficient', sizes: [GiB, 2 * GiB] });
    }
    expect(solveBudget(3 * GiB, claims)).toEqual({ outcome: 'cut', sizes: [GiB, 2 * GiB] });
    expect(solveBudget(-GiB, [])).toEqual({ outcome: 'insufficient', sizes: [] });
    expect(solveBudget(0, [])).toEqual({ outcome: 'fits', sizes: [] });
  });
});

describe('fill', () => {
  interface Line {
    readonly offset?: number;
    readonly upper?: number;
  }
  const boundsOf = (...lines: readonly Line[]) => {
    const bounds = newBounds(lines.length);
    lines.forEach(({ offset = 0, upper = 3 }, i) => {
      bounds.offset[i] = offset;
      bounds.weight[i] = 1;
      bounds.lower[i] = 1;
      bounds.upper[i] = upper;
    });
    return bounds;
  };

  it('gives the bounds back outside them', () => {
    expect([...fill(0, boundsOf({}, {}))]).toEqual([1, 1]);
    expect([...fill(100, boundsOf({}, {}))]).toEqual([3, 3]);
    expect([...fill(1, boundsOf())]).toEqual([]);
  });

  it('starts each at its offset', () => {
    expect([...fill(7, boundsOf({ upper: 10, offset: 4 }, { upper: 10 }))]).toEqual([5.5, 1.5]);
  });
});
