/**
 * Shares in a shortage: where not even what guests use fits in the host, those that have more than their share give to those that
 * hurt, a little at a time. Only where the host policy asks for it (`shortage: share`), for it takes memory that is in use.
 */
import type { SourceRef } from '../model/decision.ts';
import { SHARED_STEP } from '../model/floor.ts';
import { type Bytes, MiB, type Ratio, type Seconds } from '../model/units.ts';
import { type Claim, solveBudget } from './budget.ts';
import { isBackingOff, isUnderWay } from './convergence.ts';
import type { Restrained } from './outcome.ts';
import type { Bar } from './protect.ts';
import { isBarred, type Movable } from './sheet.ts';

/** A size this close to the share is fair. What pages come and go would else be sent back and forth. */
const FAIR: Ratio = 0.04;

/**
 * The share of every guest, by `shares` and strict by priority, between its guarantee and what it needs; no tax, for nothing is idle.
 * Undefined when there is no shortage, or nobody hurts. A guest in distress is then entitled to its share, whoever has it.
 *
 * @param budget of all guests that may move
 */
export function shareShortage(
  budget: Bytes,
  movable: readonly Movable[],
  now: Seconds,
): ReadonlyMap<Movable, Bytes> | undefined {
  if (!movable.some(({ distressed }) => distressed)) return undefined;
  const claims = movable.map(guest => claimOf(guest, now));
  const { outcome, sizes } = solveBudget(budget, claims);
  if (outcome === 'fits') return undefined;
  const shares = new Map<Movable, Bytes>();
  movable.forEach((guest, i) => {
    const share = Math.floor(sizes[i] ?? guest.current);
    shares.set(guest, share);
    if (guest.distressed) guest.share = Math.max(guest.current, share);
  });
  return shares;
}

function claimOf(guest: Movable, now: Seconds): Claim {
  const { policy, current, min, ceiling, need, reserve, floor } = guest;
  const least = canSpare(guest, now) ? min : Math.max(min, Math.min(current, idleFrom(guest, now)));
  const desired = Math.max(least, Math.min(ceiling, Math.max(floor, need + reserve)));
  const { priority, shares } = policy;
  return { min: least, floor: least, desired, priority, shares, idleTax: 0, demand: 0 };
}

/** What a guest has beyond this can be called for as for any growth. */
function idleFrom(guest: Movable, now: Seconds): Bytes {
  return isBarred(guest, true) || isBackingOff(guest.memory, now) ? guest.current : guest.floor;
}

/**
 * The shrinks that bring guests in distress what they still miss after all that is idle has been called for. Those that have most
 * above their share give first, none of them below its share, nor more than a small step at once.
 *
 * @param missing what growth found no room for, and no other donor gives
 * @param source where the host policy says that shortages are shared
 */
export function takeShares(
  shares: ReadonlyMap<Movable, Bytes>,
  missing: Bytes,
  now: Seconds,
  source: SourceRef | undefined,
): ReadonlyMap<Movable, Restrained> {
  const over = ([guest, share]: readonly [Movable, Bytes]) => guest.current - share;
  let left = 0;
  for (const [{ distressed, grant, current }, share] of shares) {
    if (distressed && current < (1 - FAIR) * share) left += grant?.short ?? 0;
  }
  left = Math.min(left, missing);
  const givers = new Map<Movable, Restrained>();
  for (const entry of [...shares].sort((a, b) => over(b) - over(a))) {
    const [guest, share] = entry;
    if (left <= 0 || over(entry) <= FAIR * share) break;
    if (!isFree(guest, now) || !canSpare(guest, now)) continue;
    const step = Math.min(over(entry), SHARED_STEP * guest.max, Math.max(left, guest.policy.shrink.stepMin));
    const target = Math.ceil((guest.current - step) / MiB) * MiB;
    if (target >= guest.current) continue;
    left -= guest.current - target;
    const inputs = { share, use: guest.inUse };
    givers.set(guest, { target, code: 'SHORTAGE_SHARED', inputs, source, short: 0 });
  }
  return givers;
}

/** Bars that come of being squeezed, which is what is shared here. Vetoes hold, and so does the grace after a boot. */
const SQUEEZED: ReadonlySet<Bar['code']> = new Set(['SWAPPING', 'ROLLED_BACK', 'RELIEF']);

/**
 * True for a guest that can do with less than it uses: it has shown in this epoch that it can swap. One that has nothing available
 * and does not swap has no swap left, and would kill.
 */
function canSpare({ bar, memory, condition, sample }: Movable, now: Seconds): boolean {
  if (bar !== undefined && !SQUEEZED.has(bar.code)) return false;
  if (memory.swapping?.noisyAt === undefined || (sample.readings.oomKills.value ?? 0) > 0) return false;
  if (condition.distress && !((sample.readings.swapOutRate.value ?? 0) > 0)) return false;
  return !isBackingOff(memory, now);
}

/** Not on its way anywhere, and with a report since the last decision (H24, R19). */
function isFree({ memory, sample, grant }: Movable, now: Seconds): boolean {
  if (grant?.target !== undefined || isUnderWay(memory.move, now)) return false;
  return sample.reportsInEpoch > memory.decidedOnReport;
}
