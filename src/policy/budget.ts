import type { Bytes, Ratio } from '../model/units.ts';

/** One guest's claim on the host, in whole bytes. `min <= floor <= desired`. */
export interface Claim {
  /** Guaranteed size: never cut. */
  readonly min: Bytes;
  /** Size under which the guest would lose memory it uses: cut only when nobody has any above it. */
  readonly floor: Bytes;
  readonly desired: Bytes;
  /** Higher gives first. */
  readonly priority: number;
  /** Positive. */
  readonly shares: number;
  readonly idleTax: Ratio;
  /** Memory that the guest is taken to use; what it has beyond is idle. */
  readonly demand: Bytes;
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
 * cut: when they do not fit, each gets its own and the outcome says `insufficient`. Within a priority, sizes are such that
 * shares / (used + k x idle), k = 1 / (1 - tax), is the same for all (Waldspurger, OSDI 2002, section 5.3), between their
 * bounds. O(n log n).
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
  // What is left of a cut that was enough is what rounding to whole bytes left.
  return { outcome: excess > claims.length ? 'insufficient' : 'cut', sizes };
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
  const bounds = members.map(index => boundsOf(at(claims, index), bound, at(sizes, index)));
  let have = 0;
  let least = 0;
  for (const { lower, upper } of bounds) {
    have += upper;
    least += lower;
  }
  const after = fill(Math.max(have - excess, least), bounds);
  let left = 0;
  for (let i = 0; i < members.length; i++) {
    const size = Math.round(at(after, i));
    sizes[at(members, i)] = size;
    left += size;
  }
  return have - left;
}

/**
 * The size of a claim as a line over the group's level L. Equal ratios mean used + k x (size - used) = L x shares, so
 * size = tax x used + (1 - tax) x L x shares. Taking the size that results, and not the present one, to say what is idle, the
 * split does not depend on where the guests happen to be, and so does not chase its own moves.
 */
function boundsOf(claim: Claim, bound: 'floor' | 'min', upper: Bytes): Bounds {
  // At a tax of 1 the level would no longer matter; at 0.999 idle memory already weighs a thousandth.
  const tax = Math.min(Math.max(0, claim.idleTax), 0.999);
  return { offset: tax * claim.demand, weight: (1 - tax) * claim.shares, lower: claim[bound], upper };
}

export interface Bounds {
  readonly offset: number;
  readonly weight: number;
  readonly lower: number;
  readonly upper: number;
}

/**
 * Water-filling: sizes clamp(offset + level x weight, lower, upper) whose sum is `amount`. `amount` must lie between the sums
 * of the bounds; outside it, the bounds themselves come back. Weights are positive.
 */
export function fill(amount: number, bounds: readonly Bounds[]): number[] {
  let total = 0;
  for (const { lower } of bounds) total += lower;
  if (amount <= total) return bounds.map(({ lower }) => lower);
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
  return bounds.map(b => Math.min(b.upper, Math.max(b.lower, b.offset + water * b.weight)));
}

/** Levels at which the water reaches a lower bound or an upper one, and how the slope of the sum changes there. */
interface Edges {
  readonly levels: Float64Array;
  readonly slopes: Float64Array;
  /** Indices of the edges, lowest level first. */
  readonly order: Uint32Array;
}

/** In typed arrays: a host has a thousand guests and a tick a second, and objects of numbers take five times as much. */
function edgesOf(bounds: readonly Bounds[]): Edges {
  const levels = new Float64Array(2 * bounds.length);
  const slopes = new Float64Array(2 * bounds.length);
  let count = 0;
  for (const { lower, upper, offset, weight } of bounds) {
    if (upper <= lower) continue;
    levels[count] = (lower - offset) / weight;
    slopes[count++] = weight;
    levels[count] = (upper - offset) / weight;
    slopes[count++] = -weight;
  }
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  order.sort((a, b) => numberAt(levels, a) - numberAt(levels, b));
  return { levels, slopes, order };
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

function numberAt(values: Float64Array | Uint32Array, index: number): number {
  return values[index] ?? Number.NaN;
}
