/** The host's side of the decision: how much there is for guests, and what each of them is entitled to of it. */
import { type Obstacle, type Snapshot, trusted } from '../model/snapshot.ts';
import type { Bytes, Ratio, Seconds } from '../model/units.ts';
import { type Allotment, type Claim, fill, newBounds, solveBudget } from './budget.ts';
import { isContent, isInNeed } from './content.ts';
import { isBackingOff } from './convergence.ts';
import { isDoubtful } from './efficacy.ts';
import { type HostPolicy, hostReserve, LEVEL_NONE, resolveAmount } from './policy-set.ts';
import { isBarred, isMovable, type Movable, type Sheet } from './sheet.ts';

export interface HostBudget {
  /** Pool total less reserve, less what is not the guests', less what missing guests and processes hold beyond their size. */
  readonly total: Bytes;
  /** Sizes promised to all guests now: present size, or the target of a growth under way. */
  readonly committed: Bytes;
  /** What growth may be granted from before anybody has given anything back. */
  readonly free: Bytes;
  /** The part of it that only guests in distress, and such as boot, may take (H27, R21). */
  readonly emergency: Bytes;
}

/** Of the pool. Ordinary growth that takes the last of it would leave nothing for a guest that is in need a second later. */
const EMERGENCY: Ratio = 0.02;

/**
 * Undefined while the host's own memory is not known.
 *
 * @param missing promised to guests that this snapshot does not have, and that may yet be there
 */
export function hostBudget(
  policy: HostPolicy,
  snapshot: Snapshot,
  sheets: readonly Sheet[],
  missing: Bytes = 0,
): HostBudget | undefined {
  const poolTotal = trusted(snapshot.host.readings.total);
  const available = trusted(snapshot.host.readings.available);
  if (poolTotal === undefined || available === undefined) return undefined;
  // A pool of fixed size is the guests' own: nobody else is in it, and what QEMU needs for itself comes from outside.
  const exclusive = policy.memory.kind === 'size';
  let resident = 0;
  let unseen = missing;
  let beyond = missing;
  let overhead = 0;
  let committed = 0;
  let ungranted = 0;
  for (const sheet of sheets) {
    const { sample, memory, promised } = sheet;
    if (sample.state === 'stopped') continue;
    // The last figure stands when there is no new one: a backup job hides it for as long as it takes.
    const rss = sample.readings.rss.value;
    if (rss === undefined) unseen += promised;
    resident += rss ?? 0;
    // Memory that a guest has given up but its process still holds is as little free as what the process needs for itself.
    overhead += rss === undefined ? 0 : memory.overheadBytes;
    beyond += exclusive ? stuckBytes(sheet) : Math.max(memory.overheadBytes, (rss ?? 0) - promised);
    committed += promised;
    ungranted += memory.granted;
  }
  // H28: what the guests never get, so that the host's own OOM killer has no reason to take one of them.
  const reserve = hostReserve(policy, poolTotal);
  // Pages that processes share, such as QEMU's text, are counted with each of them, but take memory once: this may be negative.
  const others = exclusive ? 0 : Math.max(-overhead, poolTotal - available - resident);
  // What an unseen process holds looks like somebody else's. It must not make the other guests give, nor be given to them.
  const doubtful = Math.max(0, Math.min(others, unseen));
  const total = poolTotal - reserve - beyond - others + doubtful;
  // A host may be overcommitted from the start: guests promised more at boot than there is. Sizes that nobody has touched are
  // then no bound for a guest in need; what is really unused is, less what we ourselves have given and is not yet touched.
  const free = committed <= total ? total - doubtful - committed : available - reserve - ungranted;
  return { total, committed, free: Math.max(0, free), emergency: EMERGENCY * poolTotal };
}

/** What is inflated in guests with these frees nothing. */
const PINNING: ReadonlySet<Obstacle> = new Set(['passthrough', 'hugepages', 'locked', 'launch-security']);

/**
 * What a guest holds of a pool that is measured by sizes, though its size says otherwise, because its balloon frees nothing (H20,
 * H21; R15, R16).
 */
function stuckBytes({ sample: { obstacles, readings }, memory, promised }: Sheet): Bytes {
  const max = readings.max.value ?? promised;
  if (obstacles?.some(obstacle => PINNING.has(obstacle))) return Math.max(0, max - promised);
  return isDoubtful(memory) ? Math.max(0, Math.min(max, readings.rss.value ?? max) - promised) : 0;
}

export type Split = 'fits' | 'cut' | 'insufficient';

export interface Arbitration {
  readonly split: Split;
  /** What those that may move have together. */
  readonly left: Bytes;
  /** Those that may move, with their shares. */
  readonly movable: readonly Movable[];
}

/**
 * Splits the budget among movable guests, and writes their shares; those that are held keep what they are promised. It gives out
 * sizes, not what is missing: a rule that asks for the shortfall anew each time takes back what it has just asked for (H23, R18).
 */
export function arbitrate(
  budget: HostBudget,
  sheets: readonly Sheet[],
  level: string,
  now: Seconds,
  surplus: HostPolicy['surplus'] = 'keep',
): Arbitration {
  const movable: Movable[] = [];
  let left = budget.total;
  let guaranteed = 0;
  let relieving = false;
  for (const sheet of sheets) {
    if (sheet.sample.state === 'stopped') continue;
    guaranteed += guaranteeOf(sheet);
    if (isMovable(sheet)) {
      movable.push(sheet);
      relieving ||= sheet.distressed;
    } else left -= sheet.promised;
  }
  if (!relieving) left -= budget.emergency;
  const outcome = grantsAll(movable, left, level, now) ? 'fits' : cutShares(movable, left, now, relieving);
  if (outcome === 'fits' && surplus === 'return' && level === LEVEL_NONE) returnSurplus(left, movable);
  // What held guests have beyond their guarantees makes the others go short, but does not make the host too small.
  return { split: outcome === 'insufficient' && guaranteed <= budget.total ? 'cut' : outcome, left, movable };
}

/**
 * Adds what the budget leaves, split by shares among the guests that may grow. The present sizes have no part in it, so that the
 * split does not chase its own moves.
 */
function returnSurplus(budget: Bytes, movable: readonly Movable[]): void {
  const bounds = newBounds(movable.length);
  movable.forEach(({ policy, promised, ceiling, bar, share }, i) => {
    const mayGrow = bar === undefined && policy.grow.at.has(LEVEL_NONE);
    bounds.offset[i] = share;
    bounds.weight[i] = policy.shares;
    bounds.lower[i] = share;
    bounds.upper[i] = Math.max(share, mayGrow ? ceiling : Math.min(promised, ceiling));
  });
  const sizes = fill(budget, bounds);
  movable.forEach((guest, i) => {
    const size = Math.floor(sizes[i] ?? guest.share);
    guest.returned = size > guest.share;
    if (guest.returned) guest.share = size;
  });
}

/** The size that a guest keeps in any case. One without a policy keeps what it has. */
function guaranteeOf(sheet: Sheet): Bytes {
  if (isMovable(sheet)) return sheet.min;
  const { policy, promised, sample } = sheet;
  return policy === undefined
    ? promised
    : Math.min(promised, resolveAmount(policy.guarantees.min, sample.readings.max.value ?? promised));
}

/** Gives each guest what it may come to have; true when there is enough for that. */
function grantsAll(movable: readonly Movable[], left: Bytes, level: string, now: Seconds): boolean {
  let desired = 0;
  for (const guest of movable) {
    guest.share = attainable(guest, level, now);
    guest.returned = false;
    desired += guest.share;
  }
  return desired <= left;
}

/** Cuts the shares to what there is. */
function cutShares(
  movable: readonly Movable[],
  left: Bytes,
  now: Seconds,
  relieving: boolean,
): Allotment['outcome'] {
  const claims = movable.map(guest => claimOf(guest, now, relieving));
  const { outcome, sizes } = solveBudget(left, claims);
  for (let i = 0; i < movable.length; i++) {
    const guest = movable[i];
    if (guest !== undefined) guest.share = sizes[i] ?? guest.min;
  }
  return outcome;
}

/** What a guest may really come to have: one that its policy keeps from growing now takes nothing from the others. */
function attainable(guest: Movable, level: string, now: Seconds): Bytes {
  const { desired, promised } = guest;
  const mayGrow = desired <= promised || guest.distressed || guest.policy.grow.at.has(level);
  return Math.max(leastOf(guest, now), mayGrow ? desired : promised);
}

/** What a guest keeps that cannot give: the others do not count on it. */
function leastOf(guest: Movable, now: Seconds): Bytes {
  // H5 (R5): a guest in distress never donates.
  const barred = (guest.distressed || isBarred(guest, true)) && !isContent(guest);
  return barred || isBackingOff(guest.memory, now) ? guest.current : 0;
}

/** The claim of a guest on its share of a host where not all can have theirs. */
function claimOf(guest: Movable, now: Seconds, relieving: boolean): Claim {
  const { policy, claim, share } = guest;
  const least = leastOf(guest, now);
  claim.min = Math.min(share, Math.max(least, guest.min));
  // What a guest in need is about to use counts as much as what others use now, of which some can be had.
  const about = policy.cold !== undefined && isInNeed(guest) ? guest.soon + guest.reserve : 0;
  claim.floor = Math.min(share, Math.max(least, guest.floor, about));
  claim.desired = share;
  claim.priority = policy.priority;
  claim.shares = policy.shares;
  claim.idleTax = policy.idleTax;
  // While another guest hurts, memory is idle that was needed a while ago.
  claim.demand = relieving ? guest.soon : guest.demand;
  return claim;
}
