/**
 * Memory in use that is seldom touched, taken by feedback (see squeeze.ts). Only where the guest policy vouches for the guests' swap, and
 * only while a guest shows that it has some.
 */
import { SHARED_STEP } from '../model/floor.ts';
import { type Bytes, MiB, type Ratio, type Seconds } from '../model/units.ts';
import { forbids, isContent, isInNeed } from './content.ts';
import { isBackingOff, isUnderWay } from './convergence.ts';
import { byUuid } from './grant.ts';
import type { Cold } from './lessons.ts';
import type { Restrained } from './outcome.ts';
import { type ColdPolicy, resolveAmount } from './policy-set.ts';
import { RISING } from './protect.ts';
import { type Call, type Circumstances, tolerance } from './restrain.ts';
import type { Movable, Sheet } from './sheet.ts';
import { bound, DRY, isSqueezed, letGo, refaults } from './squeeze.ts';
import { record } from './trail.ts';

/** Until a guest has shown that it swaps, it is squeezed by so much at once. */
export const PROBE_STEP: Bytes = 32 * MiB;
/**
 * And in the end to so much under its use. MemAvailable is nothing when what is free is at the high watermark, and kswapd wakes at the
 * low one, up to 16.5 MiB below in a guest of three zones (mm/page_alloc.c, __setup_per_zone_wmarks(); mm/khugepaged.c).
 */
const PROBE_DEPTH: Bytes = 24 * MiB;

/** Shrinks of a tick that take cold memory; those that somebody in distress waits for are urgent. */
export interface Offloading {
  readonly steps: ReadonlyMap<Movable, Restrained>;
  readonly urgent: readonly Movable[];
}

/** With less of its rest behind it a guest is not squeezed again, though another one is in need; one that has read back rests on. */
const SHORT_REST: Seconds = 20;
/** Of the half of its swap that a guest keeps for itself, so much is taken for one that is in need. */
const LENT: Ratio = 0.5;

/**
 * The next step of each guest that is squeezed or may be. What growth misses for a guest in need is asked for at once of those that
 * have shown that they swap, those first that have swapped out least; the others wait until nothing else is going on with them.
 *
 * @param missing what growth found no room for, and no other donor gives
 */
export function takeCold(
  movable: readonly Movable[],
  calls: ReadonlyMap<Movable, Call>,
  missing: Bytes,
  circumstances: Circumstances,
): Offloading {
  const steps = new Map<Movable, Restrained>();
  const called: Movable[] = [];
  let left = Math.min(missing, shortInNeed(movable));
  for (const guest of left > 0 ? byEvicted(movable) : movable) {
    if (guest.policy.cold === undefined || calls.has(guest) || guest.grant?.target !== undefined) continue;
    const target = nextStep(guest, guest.policy.cold, left > 0, circumstances);
    if (target === undefined) continue;
    const swapped = guest.memory.cold?.swapped ?? 0;
    const inputs = { use: guest.inUse, swapped, called: left > 0 };
    steps.set(guest, { target, code: 'COLD_TAKEN', inputs, source: undefined, short: 0 });
    if (left > 0) called.push(guest);
    left -= guest.current - target;
  }
  return { steps, urgent: called };
}

/** What guests miss that are not content with what they have. */
function shortInNeed(movable: readonly Movable[]): Bytes {
  let short = 0;
  for (const guest of movable) if (isInNeed(guest)) short += guest.grant?.short ?? 0;
  return short;
}

function byEvicted(movable: readonly Movable[]): readonly Movable[] {
  const share = ({ memory: { cold }, inUse }: Movable) => (cold?.swapped ?? 0) / inUse;
  return movable.toSorted((a, b) => share(a) - share(b) || byUuid(a, b));
}

function nextStep(
  guest: Movable,
  policy: ColdPolicy,
  needed: boolean,
  { level, now }: Circumstances,
): Bytes | undefined {
  const { memory, sample, current, max, min, inUse, bar, distressed } = guest;
  const { cold } = memory;
  if (cold === undefined || cold.swaps === false) return undefined;
  if ((bar !== undefined || distressed) && !(needed && isContent(guest))) return undefined;
  if (isUnderWay(memory.move, now) || isBackingOff(memory, now)) return undefined;
  // H24 (R19): one step a report.
  if (sample.reportsInEpoch <= memory.decidedOnReport) return undefined;
  if (!cold.squeezing && !mayBegin(guest, cold, needed, level, now)) return undefined;
  const ours = bound(policy, max);
  const left = (needed ? ours + LENT * ours : ours) - cold.swapped;
  if (left <= 0 || !(refaults(sample) <= policy.refault)) return undefined;
  // What was only to show that it swaps, or for one that has enough by now, goes no further.
  if (cold.swaps === true && !needed && !policy.at.has(level)) return undefined;
  if (cold.swaps !== true && current - inUse < DRY) return undefined;
  const step = Math.min(resolveAmount(policy.step, max), SHARED_STEP * max, left);
  const probe = current - inUse < PROBE_STEP + DRY ? inUse - PROBE_DEPTH : current - PROBE_STEP;
  const wanted = cold.swaps === true ? inUse - step : probe;
  const target = Math.ceil(Math.max(min, wanted) / MiB) * MiB;
  return target < current ? target : undefined;
}

function mayBegin(guest: Movable, cold: Cold, needed: boolean, level: string, now: Seconds): boolean {
  const { policy, current, desired, soon, need } = guest;
  const rested = now >= cold.restUntil;
  if (needed && cold.swaps === true) return rested || isRestedForNeed(cold, now);
  if (!rested || soon - need > RISING) return false;
  // What is idle goes first.
  if (current - desired > Math.max(tolerance(guest), policy.shrink.stepMin)) return false;
  // That it swaps must be known before anybody is in need.
  const levels = cold.swaps === undefined ? policy.shrink.at : policy.cold?.at;
  return levels?.has(level) === true;
}

function isRestedForNeed({ ended }: Cold, now: Seconds): boolean {
  if (ended === undefined || ended.sign === 'refault' || ended.sign === 'unknown') return false;
  // It grew, or had given what is ours while nobody was in need: neither says that it misses anything.
  return ended.sign === 'growth' || ended.sign === 'full' || now - ended.at >= SHORT_REST;
}

/** What a guest that has been squeezed shows is no sign of its own need; a squeeze that does harm, or may not be, ends. */
export function holdSqueezed(sheet: Sheet, policy: ColdPolicy): void {
  const { memory, at, current, distressed, trail } = sheet;
  let { cold } = memory;
  const barred = forbids(sheet.bar);
  if (cold?.swaps === false) record(trail, 'vetoes', 'COLD_BARRED', sheet.desired, {}, sheet.policy?.source);
  if (cold === undefined || !isSqueezed(cold, at)) return;
  if (cold.squeezing && !distressed && !barred) {
    sheet.desired = Math.min(sheet.desired, current);
    sheet.stable = Math.min(sheet.stable, current);
    sheet.floor = Math.min(sheet.floor, current);
    return;
  }
  if (cold.squeezing) {
    cold = letGo(cold, barred ? 'barred' : 'growth', policy.restSeconds, at);
    sheet.draft.cold = cold;
  }
  record(trail, 'feedback', 'COLD_RETURNED', sheet.desired, { sign: cold.ended?.sign ?? '' });
  if (current >= sheet.floor || distressed) return;
  sheet.distressed = true;
  sheet.growth = 'COLD_RETURNED';
}
