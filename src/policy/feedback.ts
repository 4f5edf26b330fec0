/** What a guest says of having been shrunk: harm gives the memory back at once and teaches a floor (H29, R22). */
import { absoluteReserve } from '../model/floor.ts';
import type { GuestSample } from '../model/snapshot.ts';
import { type Bytes, KiB, type Seconds } from '../model/units.ts';
import type { Harm, LearnedFloor, Probation } from './lessons.ts';
import { isSqueezed } from './squeeze.ts';
import type { Draft, GuestMemory } from './state.ts';
import { SWAP_NOISE } from './swapping.ts';

/** How long a shrink is on probation, and how long a guest that one has harmed is not shrunk again. */
const PROBATION_SECONDS: Seconds = 60;

/** Major faults per second that any guest may have, and the multiple of its own ordinary rate that is a spike. */
const FAULT_NOISE = 50;
const FAULT_FACTOR = 4;
/** Pages of any size count; of a larger one, fewer faults are taken off than could be. */
const PAGE: Bytes = 4 * KiB;
/** Weight of one report in the ordinary rate. */
const FAULT_WEIGHT = 1 / 60;

/** The floor is raised by a factor at once, and falls by a share of the guest's maximum over time: AIMD, upside down. */
const FLOOR_RAISE = 1.1;
const FLOOR_DECAY_PER_SECOND = 0.01 / 60;

/** Allocations that had to wait between two reports; the balloon's own are among them while it fills. */
const STALL_NOISE = 20;

/** What a tick knows of a guest that is judged. */
interface Standing {
  readonly sample: GuestSample;
  readonly memory: GuestMemory;
  /** The memory, to be written to. */
  readonly draft: Draft;
  readonly at: Seconds;
  readonly current: Bytes;
  readonly max: Bytes;
  readonly reserve: Bytes;
  /** It has reported since the last tick. */
  readonly fresh: boolean;
}

/**
 * A probation for a shrink from this size. One that began within the same while is gone on with: harm may be of either. One that
 * has ended in harm is over: a guest that is shrunk all the same has freed what it was harmed for.
 */
export function beginProbation(
  before: Probation | undefined,
  from: Bytes,
  report: number,
  now: Seconds,
): Probation {
  const open = before !== undefined && before.harm === undefined;
  const goesOn = open && before.from > from && now - before.begun < PROBATION_SECONDS;
  return goesOn ? newProbation(before.from, before.begun, now, report) : newProbation(from, now, now, report);
}

/** All of one shape; see `draftOf()`. */
function newProbation(from: Bytes, begun: Seconds, since: Seconds, report: number, harm?: Harm): Probation {
  return { from, begun, since, report, harm };
}

/** Judges this tick's report: probation, learned floor, and the guest's ordinary rate of major faults. */
export function judgeShrink(standing: Standing): void {
  const { sample, memory, at: now } = standing;
  // What our own squeeze does to a guest is known, and judged by itself.
  if (isSqueezed(memory.cold, now)) return;
  const before = memory.probation;
  const probation = before === undefined ? undefined : judged(before, standing);
  const faultRate =
    probation === undefined && standing.fresh ? ordinaryFaults(sample, memory.faultRate) : memory.faultRate;
  let learned = memory.learned;
  if (learned !== undefined && decayedFloor(learned, standing.max, now) <= 0) learned = undefined;
  if (probation?.harm !== undefined && probation.report !== before?.report) {
    learned = { bytes: raisedFloor(learned, probation, standing), at: now };
  }
  if (probation === before && faultRate === memory.faultRate && learned === memory.learned) return;
  const { draft } = standing;
  draft.probation = probation;
  draft.faultRate = faultRate;
  draft.learned = learned;
}

function judged(probation: Probation, standing: Standing): Probation | undefined {
  const { sample, memory, at: now } = standing;
  const { move, faultRate = 0 } = memory;
  const moving = move !== undefined && move.to < move.from;
  if (!moving && now - probation.since >= PROBATION_SECONDS) return undefined;
  const smaller = standing.current < probation.from;
  if (!smaller && probation.harm === undefined && !moving) return undefined;
  const harm = smaller && sample.reportsInEpoch > probation.report ? harmOf(standing, faultRate) : undefined;
  if (harm !== undefined) {
    return newProbation(probation.from, probation.begun, now, sample.reportsInEpoch, harm);
  }
  const { from, begun, report } = probation;
  return moving ? newProbation(from, begun, now, report, probation.harm) : probation;
}

/** The first sign of harm in a report. A figure that is not known is none; swapping in is recovery and none either. */
function harmOf({ sample: { readings }, reserve }: Standing, faultRate: number): Harm | undefined {
  if (readings.trusted.oomKills > 0) return 'oom-kill';
  if (readings.trusted.swapOutRate > SWAP_NOISE) return 'swap-out';
  // H14: where zswap hides swapping, and H16: where dropped cache is read again, only faults tell.
  const spike = Math.max(FAULT_NOISE, FAULT_FACTOR * faultRate);
  if (faultsOf(readings) > spike) return 'major-faults';
  if (readings.trusted.allocStalls > STALL_NOISE) return 'alloc-stall';
  return readings.trusted.available < reserve / 2 ? 'exhausted' : undefined;
}

/**
 * Major faults per second that read no swapped page. Each of those is in PSWPIN too (mm/page_io.c), but for zswap's, and was evicted
 * before: swapping in is recovery, and swapping out has been seen. NaN while not known.
 */
function faultsOf({ trusted: { majorFaultRate, swapInRate } }: GuestSample['readings']): number {
  return Math.max(0, majorFaultRate - (Number.isNaN(swapInRate) ? 0 : swapInRate / PAGE));
}

function ordinaryFaults({ readings }: GuestSample, before: number | undefined): number | undefined {
  const rate = faultsOf(readings);
  if (Number.isNaN(rate)) return before;
  if (before === undefined) return rate;
  return before + (rate - before) * FAULT_WEIGHT;
}

/** Above the size that did harm, and not above the one from which it came. */
function raisedFloor(
  before: LearnedFloor | undefined,
  { from }: Probation,
  { current, max, at: now }: Standing,
): Bytes {
  const above = Math.max(FLOOR_RAISE * current, current + absoluteReserve(max));
  return Math.max(before === undefined ? 0 : decayedFloor(before, max, now), Math.min(from, above));
}

/** What is left of a learned floor. */
export function decayedFloor({ bytes, at }: LearnedFloor, max: Bytes, now: Seconds): Bytes {
  return bytes - FLOOR_DECAY_PER_SECOND * max * (now - at);
}
