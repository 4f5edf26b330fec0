import type { Bytes, Ratio } from '../model/units.ts';

/** One guest's claim on the host, in whole bytes. `min <= floor <= desired`. */
export interface Claim {
  /** Guaranteed size: never cut. */
  min: Bytes;
  /** Size under which the guest would lose memory it uses: cut only when nobody has any above it. */
  floor: Bytes;
  desired: Bytes;
  /** Higher gives first. */
  priority: number;
  /** Positive. */
  shares: number;
  idleTax: Ratio;
  /** Memory that the guest is taken to use; what it has beyond is idle. */
  demand: Bytes;
}

export interface Allotment {
  readonly outcome: 'fits' | 'cut' | 'insufficient';
  /** One size per claim, in the order of the claims. */
  readonly sizes: Float64Array;
}

/**
 * Splits `budget` among claims.
 *
 * If all that is desired fits, everybody gets it. Else memory above the floors is cut first, priority by priority from the
 * highest number down; only if that is not enough, the same again from the floors to the guarantees. Guarantees are never
 * cut: when they do not fit, each gets its own and the outcome says `insufficient`. Within a priority, sizes are such that
 * shares / (used + k x idle), k = 1 / (1 - tax), is the same for all (Waldspurger, OSDI 2002, section 5.3), between their
 * bounds. O(n log n).
 */
export function solveBudget(budget: Bytes, claims: readonly Claim[]): Allotment {
  const sizes = new Float64Array(claims.length);
  for (let i = 0; i < sizes.length; i++) sizes[i] = at(claims, i).desired;
  let excess = sum(sizes) - budget;
  if (excess <= 0) return { outcome: 'fits', sizes };
  const groups = groupByPriority(claims);
  for (const bound of ['floor', 'min'] as const) {
    for (const members of groups) {
      if (excess <= 0) return { outcome: 'cut', sizes };
      excess -= cutGroup(claims, sizes, members, bound, excess);
    }
  }
  // What is left of a cut that was enough is what rounding to whole bytes left.
  return { outcome: excess > claims.length ? 'insufficient' : 'cut', sizes };
}

/** Indices of the claims, one group a priority, those that give first in front. */
function groupByPriority(claims: readonly Claim[]): Uint32Array[] {
  const counts = new Map<number, number>();
  for (const { priority } of claims) counts.set(priority, (counts.get(priority) ?? 0) + 1);
  const priorities = [...counts.keys()].sort((a, b) => b - a);
  const groups = new Map(priorities.map(priority => [priority, new Uint32Array(counts.get(priority) ?? 0)]));
  for (let i = claims.length - 1; i >= 0; i--) {
    const { priority } = at(claims, i);
    const left = (counts.get(priority) ?? 0) - 1;
    counts.set(priority, left);
    const members = groups.get(priority);
    if (members !== undefined) members[left] = i;
  }
  return [...groups.values()];
}

/** Takes up to `excess` from one group, not below `bound`; returns what it took. */
function cutGroup(
  claims: readonly Claim[],
  sizes: Float64Array,
  members: Uint32Array,
  bound: 'floor' | 'min',
  excess: Bytes,
): Bytes {
  const bounds = newBounds(members.length);
  let have = 0;
  let least = 0;
  for (let i = 0; i < members.length; i++) {
    const index = numberAt(members, i);
    const claim = at(claims, index);
    setLine(bounds, i, claim);
    bounds.lower[i] = claim[bound];
    bounds.upper[i] = numberAt(sizes, index);
    have += numberAt(bounds.upper, i);
    least += numberAt(bounds.lower, i);
  }
  const after = fill(Math.max(have - excess, least), bounds);
  let left = 0;
  for (let i = 0; i < members.length; i++) {
    const size = Math.round(numberAt(after, i));
    sizes[numberAt(members, i)] = size;
    left += size;
  }
  return have - left;
}

/**
 * The size of a claim as a line over the group's level L. Equal ratios mean used + k x (size - used) = L x shares, so
 * size = tax x used + (1 - tax) x L x shares. Taking the size that results, and not the present one, to say what is idle, the
 * split does not depend on where the guests happen to be, and so does not chase its own moves.
 */
function setLine({ offset, weight }: Bounds, i: number, { idleTax, demand, shares }: Claim): void {
  // At a tax of 1 the level would no longer matter; at 0.999 idle memory already weighs a thousandth.
  const tax = Math.min(Math.max(0, idleTax), 0.999);
  offset[i] = tax * demand;
  weight[i] = (1 - tax) * shares;
}

/** Lines over the level, by column: a host has a thousand guests and a tick a second, and objects of numbers take five times as long. */
export interface Bounds {
  readonly offset: Float64Array;
  readonly weight: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

export function newBounds(count: number): Bounds {
  const column = () => new Float64Array(count);
  return { offset: column(), weight: column(), lower: column(), upper: column() };
}

/**
 * Water-filling: sizes clamp(offset + level x weight, lower, upper) whose sum is `amount`. `amount` must lie between the sums
 * of the bounds; outside it, the bounds themselves come back. Weights are positive.
 */
export function fill(amount: number, bounds: Bounds): Float64Array {
  const { offset, weight, lower, upper } = bounds;
  let total = 0;
  for (const bound of lower) total += bound;
  if (amount <= total) return lower.slice();
  const { levels, slopes, order } = edgesOf(bounds);
  let level = order.length === 0 ? 0 : numberAt(levels, numberAt(order, 0));
  let slope = 0;
  for (const edge of order) {
    const reached = total + slope * (numberAt(levels, edge) - level);
    if (reached >= amount) break;
    total = reached;
    level = numberAt(levels, edge);
    slope += numberAt(slopes, edge);
  }
  const water = slope > 0 ? level + (amount - total) / slope : Number.POSITIVE_INFINITY;
  const sizes = new Float64Array(lower.length);
  for (let i = 0; i < sizes.length; i++) {
    const size = numberAt(offset, i) + water * numberAt(weight, i);
    sizes[i] = Math.min(numberAt(upper, i), Math.max(numberAt(lower, i), size));
  }
  return sizes;
}

/** Levels at which the water reaches a lower bound or an upper one, and how the slope of the sum changes there. */
interface Edges {
  readonly levels: Float64Array;
  readonly slopes: Float64Array;
  /** Indices of the edges, lowest level first. */
  readonly order: Uint32Array;
}

function edgesOf({ offset, weight, lower, upper }: Bounds): Edges {
  const levels = new Float64Array(2 * lower.length);
  const slopes = new Float64Array(2 * lower.length);
  let count = 0;
  for (let i = 0; i < lower.length; i++) {
    const from = numberAt(lower, i);
    const to = numberAt(upper, i);
    if (to <= from) continue;
    levels[count] = (from - numberAt(offset, i)) / numberAt(weight, i);
    slopes[count++] = numberAt(weight, i);
    levels[count] = (to - numberAt(offset, i)) / numberAt(weight, i);
    slopes[count++] = -numberAt(weight, i);
  }
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  // Small whole numbers: any other would be an object on the heap, ten a guest.
  order.sort((a, b) => Math.sign(numberAt(levels, a) - numberAt(levels, b)));
  return { levels, slopes, order };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function at<T>(values: readonly T[], index: number): T {
  const value = values[index];
  if (value === undefined) throw new RangeError(`no element ${index}`);
  return value;
}

function numberAt(values: Float64Array | Uint32Array, index: number): number {
  return values[index] ?? Number.NaN;
}
