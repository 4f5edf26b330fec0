import type { Bytes, Ratio } from '../model/units.ts';

/** One guest's claim on the host. `min <= floor <= desired`. */
export interface Claim {
  /** Guaranteed size: never cut. */
  readonly min: Bytes;
  /** Size under which the guest would lose memory it uses: cut only when nobody has any above it. */
  readonly floor: Bytes;
  readonly desired: Bytes;
  /** Higher gives first. */
  readonly priority: number;
  readonly shares: number;
  readonly idleTax: Ratio;
  /** Share of the guest's memory that is in use, 0..1. */
  readonly active: Ratio;
}

export interface Allotment {
  readonly outcome: 'fits' | 'cut' | 'insufficient';
  /** One size per claim, in the order of the claims. */
  readonly sizes: readonly Bytes[];
}

/**
 * Splits `budget` among claims.
 *
 * If all that is desired fits, everybody gets it. Else memory above the floors is cut first, priority by priority from the
 * highest number down; only if that is not enough, the same again from the floors to the guarantees. Guarantees are never
 * cut: when they do not fit, each gets its own and the outcome says `insufficient`. Within a priority, sizes are
 * proportional to shares / (active + k x idle), k = 1 / (1 - tax) (Waldspurger, OSDI 2002, section 5.3), between their bounds.
 * O(n log n).
 */
export function solveBudget(budget: Bytes, claims: readonly Claim[]): Allotment {
  const sizes = claims.map(claim => claim.desired);
  let excess = sum(sizes) - budget;
  if (excess <= 0) return { outcome: 'fits', sizes };
  const groups = groupByPriority(claims);
  for (const bound of ['floor', 'min'] as const) {
    for (const members of groups) {
      if (excess <= 0) return { outcome: 'cut', sizes };
      excess -= cutGroup(claims, sizes, members, bound, excess);
    }
  }
  return { outcome: excess > 0 ? 'insufficient' : 'cut', sizes };
}

/** Indices of the claims, one group a priority, those that give first in front. */
function groupByPriority(claims: readonly Claim[]): number[][] {
  const groups = new Map<number, number[]>();
  claims.forEach(({ priority }, index) => {
    const group = groups.get(priority);
    if (group) group.push(index);
    else groups.set(priority, [index]);
  });
  return [...groups.entries()].sort(([a], [b]) => b - a).map(([, members]) => members);
}

/** Takes up to `excess` from one group, not below `bound`; returns what it took. */
function cutGroup(
  claims: readonly Claim[],
  sizes: Bytes[],
  members: readonly number[],
  bound: 'floor' | 'min',
  excess: Bytes,
): Bytes {
  const before = members.map(index => at(sizes, index));
  const bounds = members.map((index, i) => ({
    weight: weightOf(at(claims, index)),
    lower: at(claims, index)[bound],
    upper: at(before, i),
  }));
  const have = sum(before);
  const after = fill(Math.max(have - excess, sum(bounds.map(b => b.lower))), bounds);
  members.forEach((index, i) => {
    sizes[index] = at(after, i);
  });
  return have - sum(after);
}

function weightOf({ shares, idleTax, active }: Claim): number {
  // A tax of 1 would divide by zero; at 0.999 idle memory already weighs a thousandth.
  const k = 1 / (1 - Math.min(idleTax, 0.999));
  const busy = Math.min(1, Math.max(0, active));
  return shares / (busy + k * (1 - busy));
}

export interface Bounds {
  readonly weight: number;
  readonly lower: number;
  readonly upper: number;
}

/**
 * Water-filling: sizes clamp(level x weight, lower, upper) whose sum is `amount`. `amount` must lie between the sums of the
 * bounds; outside it, the bounds themselves come back. Weights are positive.
 */
export function fill(amount: number, bounds: readonly Bounds[]): number[] {
  let total = sum(bounds.map(b => b.lower));
  if (amount <= total) return bounds.map(b => b.lower);
  const edges = bounds
    .filter(b => b.upper > b.lower)
    .flatMap(b => [
      { level: b.lower / b.weight, slope: b.weight },
      { level: b.upper / b.weight, slope: -b.weight },
    ])
    .sort((a, b) => a.level - b.level);
  let level = edges[0]?.level ?? 0;
  let slope = 0;
  for (const edge of edges) {
    const reached = total + slope * (edge.level - level);
    if (reached >= amount) break;
    total = reached;
    level = edge.level;
    slope += edge.slope;
  }
  const water = slope > 0 ? level + (amount - total) / slope : Number.POSITIVE_INFINITY;
  return bounds.map(b => Math.min(b.upper, Math.max(b.lower, water * b.weight)));
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function at<T>(values: readonly T[], index: number): T {
  const value = values[index];
  if (value === undefined) throw new RangeError(`no element ${index}`);
  return value;
}
