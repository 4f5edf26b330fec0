/**
 * What a guest shows while memory is taken from it that it uses and seldom touches, and when that ends.
 *
 * After Weiner et al., "TMO: Transparent Memory Offloading in Datacenters", ASPLOS 2022, section 3.3 (Senpai): a little at a time, for as
 * long as little of it comes back. The balloon's statistics have no PSI, so what comes back stands for it.
 */
import { figureOr } from '../model/guest-readings.ts';
import { type GuestSample, isWindows } from '../model/snapshot.ts';
import { type Bytes, KiB, MiB, type Seconds } from '../model/units.ts';
import type { Cold, ColdEnd } from './lessons.ts';
import { type ColdPolicy, resolveAmount } from './policy-set.ts';
import type { GuestMemory } from './state.ts';

/** A guest with less than this available has nothing left but what it swaps out. */
export const DRY: Bytes = 8 * MiB;
/** Swapped out between two reports, it shows that there is swap. */
const SHOWN: Bytes = MiB;
/** A step has this long to show in a report; this long to be followed, less than after which a shrink counts as not followed. */
const SHOWING: Seconds = 1.5;
const FOLLOWING: Seconds = 3;
/** So long without a step, the squeeze is held up by something else. */
const IDLE: Seconds = 6;
/** Growth of use between two reports that is none of ours: page cache comes and goes with the balloon, and some of it counts as use. */
const OWN_GROWTH: Bytes = 16 * MiB;
/**
 * Use that has ended, and with it what was swapped out of it. After a move, less than the first is what page cache makes of it
 * (si_mem_available()); while the balloon stands still, a report that is off by less than the second says nothing.
 */
const FREED: Bytes = 64 * MiB;
const FREED_STANDING: Bytes = 16 * MiB;
const NOISE: Bytes = 8 * MiB;
/** For so long after its end, what a squeeze has done to a guest is still seen in its reports. */
const ECHO: Seconds = 4;
/** Pages of any size count; of a larger one, more is read. */
const PAGE: Bytes = 4 * KiB;
/** Half of the swap that the policy vouches for stays for the guest's own need. */
const OURS = 0.5;

/** What a new report says. */
interface Report {
  readonly sample: GuestSample;
  readonly memory: GuestMemory;
  readonly used: Bytes;
  readonly current: Bytes;
  readonly kernelBytes: Bytes;
  readonly max: Bytes;
  readonly at: Seconds;
}

/** The most that a guest is to have swapped out for us, of its own swap. */
export function bound({ swap }: ColdPolicy, max: Bytes): Bytes {
  return OURS * resolveAmount(swap, max);
}

/** Bytes a second that come back: those that are counted, and what zswap hides (H14) at a page a fault. NaN while unknown. */
export function refaults({ readings }: GuestSample): number {
  const { swapInRate: inRate, majorFaultRate: faults } = readings.trusted;
  return Math.max(inRate, faults * PAGE);
}

/**
 * What the guest's programs and kernel fill, beside what has come back from swap and still has its place there: the kernel counts that as
 * cache (NR_FILE_PAGES has the swap cache in it). MemAvailable does not tell it of a guest that is squeezed: it is 0 as long as less than
 * the high watermark is free (mm/show_mem.c), and what it is taken off follows the balloon. NaN where a figure is missing, where
 * the total has the balloon in it (H15), or where cache counts as free (H17).
 */
function filledBytes({ readings, balloon, os }: GuestSample): Bytes {
  if (balloon?.autodeflate !== false || isWindows(os)) return Number.NaN;
  const { total, free, cache } = readings.trusted;
  return total - free - cache;
}

/**
 * Learns from a new report, and ends the squeeze under way when it should.
 *
 * @param usedBefore what the report before said
 * @param seconds time between the two
 */
export function judgeCold(policy: ColdPolicy, report: Report, usedBefore: Bytes, seconds: Seconds): Cold {
  const { sample, memory, used, current, max, at } = report;
  const filled = filledBytes(sample);
  const isFilled = !Number.isNaN(filled);
  const use = isFilled ? filled : used;
  const before = memory.cold ?? unsqueezed(current, use, isFilled, at + policy.restSeconds);
  const out = figureOr(sample.readings.trusted.swapOutRate, 0) * seconds;
  const back = figureOr(sample.readings.trusted.swapInRate, 0) * seconds;
  const grown = used - usedBefore + out - back;
  // No figure tells of swap that is freed: programs that end take theirs along, of what is swapped as of what is not.
  // While the balloon moves, MemAvailable may be of another size than it is put to.
  const expected = before.use - out + (isFilled ? 0 : back);
  const resting = current === before.size && !isSqueezed(before, at);
  const quiet = resting && before.stood && out + back < SHOWN;
  // Two figures do not compare: a report without the one, or a state of a version that went by the other, frees nothing.
  const isAlike = before.isFilled === isFilled;
  const ended = isAlike && (isFilled || resting) ? expected - use : 0;
  const told = ended > (quiet ? FREED_STANDING : FREED);
  const freed = told ? ended / (ended + Math.max(use, used)) : 0;
  // What is too little to tell of freed memory adds up.
  const anew = !isAlike || told || -ended > (resting ? NOISE : FREED);
  // By the operator's word there is no more of it.
  const most = resolveAmount(policy.swap, max);
  const swapped = Math.min(most, Math.max(0, before.swapped + out - back)) * (1 - freed);
  const given = Math.min(swapped, Math.max(0, before.given + (isSqueezed(before, at) ? out : 0) - back));
  const cold = draftOfCold(before);
  cold.swapped = swapped;
  cold.given = given;
  cold.size = current;
  cold.use = anew ? use : expected;
  cold.isFilled = isFilled;
  cold.stood = resting && (anew || before.stood);
  // Squeezed or not. Where a program was killed, there is swap and it is full.
  if (out > SHOWN && before.ended?.sign !== 'oom-kill') cold.swaps = true;
  if (!before.squeezing) return cold;
  const { steppedAt } = cold;
  const sign = endOf(policy, report, { grown, out, full: swapped >= bound(policy, max), steppedAt });
  if (sign === undefined) return cold;
  if (sign === 'oom-kill' || (sign === 'dry' && cold.swaps === undefined)) cold.swaps = false;
  cold.squeezing = false;
  cold.ended = { sign, at };
  cold.restUntil = at + policy.restSeconds;
  return cold;
}

type ColdDraft = { -readonly [K in keyof Cold]: Cold[K] };

/** A copy to be changed, of the shape and the order that all have; see draftOf(). */
function draftOfCold(cold: Cold): ColdDraft {
  return {
    swaps: cold.swaps,
    squeezing: cold.squeezing,
    from: cold.from,
    steppedAt: cold.steppedAt,
    ended: cold.ended,
    swapped: cold.swapped,
    given: cold.given,
    restUntil: cold.restUntil,
    size: cold.size,
    use: cold.use,
    isFilled: cold.isFilled,
    stood: cold.stood,
  };
}

function unsqueezed(size: Bytes, use: Bytes, isFilled: boolean, restUntil: Seconds): Cold {
  return {
    swaps: undefined,
    squeezing: false,
    from: 0,
    steppedAt: restUntil,
    ended: undefined,
    swapped: 0,
    given: 0,
    restUntil,
    size,
    use,
    isFilled,
    stood: true,
  };
}

interface Outcome extends Pick<Cold, 'steppedAt'> {
  readonly grown: Bytes;
  readonly out: Bytes;
  readonly full: boolean;
}

/** Why a squeeze is over; undefined while it is not. */
function endOf(
  { refault }: ColdPolicy,
  { sample, memory, used, current, kernelBytes, at }: Report,
  { grown, out, full, steppedAt }: Outcome,
): ColdEnd | undefined {
  const back = refaults(sample);
  const { oomKills, swapOutRate } = sample.readings.trusted;
  if (oomKills > 0) return 'oom-kill';
  if (Number.isNaN(back + swapOutRate)) return 'unknown';
  if (grown > OWN_GROWTH) return 'growth';
  if (back > refault) return 'refault';
  if (full) return 'full';
  const since = at - steppedAt;
  if (out < SHOWN && since >= SHOWING && current - used - kernelBytes < DRY) return 'dry';
  return since > (memory.move === undefined ? IDLE : FOLLOWING) ? 'stuck' : undefined;
}

/** True while what a guest shows may come of our squeeze: its swapping and its want of memory are then no sign of its own need. */
export function isSqueezed(cold: Cold | undefined, now: Seconds): boolean {
  return cold !== undefined && (cold.squeezing || (cold.ended !== undefined && now - cold.ended.at < ECHO));
}

/** The squeeze ends with this tick, because the guest needs its memory itself or may not be shrunk. */
export function letGo(cold: Cold, sign: ColdEnd, rest: Seconds, now: Seconds): Cold {
  const after = draftOfCold(cold);
  after.squeezing = false;
  after.ended = { sign, at: now };
  after.restUntil = now + rest;
  return after;
}

/** The squeeze goes on, or begins, with this step. */
export function stepped(cold: Cold, from: Bytes, now: Seconds): Cold {
  const after = draftOfCold(cold);
  after.squeezing = true;
  if (!cold.squeezing) after.from = from;
  after.steppedAt = now;
  return after;
}
