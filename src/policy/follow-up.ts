/** What became of earlier moves, what a guest at rest shows, and which standing targets must be taken back. */
import { absoluteReserve, kernelShare } from '../model/floor.ts';
import { type GuestSample, trusted } from '../model/snapshot.ts';
import { type Bytes, MiB, type Seconds } from '../model/units.ts';
import { nextBoot } from './boot.ts';
import {
  type Convergence,
  isUnderWay,
  judgeMove,
  NO_MOVE,
  settleMove,
  WITHDRAWAL_MARGIN,
} from './convergence.ts';
import { judgeEfficacy } from './efficacy.ts';
import { learnOverhead } from './overhead.ts';
import type { Bar } from './protect.ts';
import { amended, type Draft, type GuestMemory, type Move, newGuestMemory } from './state.ts';
import type { StageInputs } from './trail.ts';

/** QEMU sends at most one balloon event a second (monitor/monitor.c), so a size seen once may still be on its way. */
const REST_SECONDS = 1.5;

/** A target that replaces the one that the guest is working towards, whatever the host needs. */
export interface Correction {
  readonly target: Bytes;
  readonly code: 'WITHDRAWN' | 'GUARD_FLOOR' | 'INEFFECTIVE' | Bar['code'];
  readonly inputs: StageInputs;
}

/** What a guest may take up by the last word there is on its size; see `promisedBytes`. */
export function promisedTo({ sample, memory }: Pick<Followed, 'sample' | 'memory'>): Bytes {
  if (memory.move === undefined) return lastKnownSize(sample, memory);
  return promisedBytes(lastKnownSize(sample, memory), memory, sample.readings.max.value);
}

/** What is promised to a guest of this size: that, or what it has been asked to grow to, as far as it still can (H41). */
export function promisedBytes(size: Bytes, { move }: GuestMemory, max = Number.POSITIVE_INFINITY): Bytes {
  return move === undefined ? size : Math.max(size, Math.min(max, move.to));
}

/** The size by the last word there is on it. Where there is none, what its process holds counts among the host's other users. */
export function lastKnownSize({ readings }: GuestSample, memory: GuestMemory): Bytes {
  return readings.current.value ?? memory.resting?.size ?? readings.max.value ?? readings.rss.value ?? 0;
}

/** What a guest is followed up with beyond its sample. */
interface FollowUp {
  /** How long a guest is left alone whose balloon somebody else has moved; undefined: nobody looks. */
  readonly yieldFor?: Seconds | undefined;
  /** The guest is new, and was not there at the first tick. */
  readonly appeared?: boolean;
}

/** A guest, and what is written about it. */
interface Followed {
  readonly sample: GuestSample;
  memory: GuestMemory;
  /** The memory, to be written to. */
  readonly draft: Draft;
  readonly at: Seconds;
}

/** Carries the memory over into this tick: a new epoch starts afresh, a move under way is judged, standing figures are learned. */
export function followUp(
  guest: Followed,
  before: GuestMemory | undefined,
  { yieldFor, appeared = false }: FollowUp,
): Convergence {
  const { sample, at: now } = guest;
  guest.memory = before?.epoch === sample.epoch ? before : beginEpoch(sample, before, appeared, now);
  const { value: current, quality } = sample.readings.current;
  if (
    current === undefined ||
    quality !== 'ok' ||
    sample.state !== 'running' ||
    (sample.obstacles?.length ?? 0) > 0
  ) {
    // A guest that does not run, or that a job holds, cannot follow: its move has its time when it can again (H31, H42).
    guest.memory = suspended(guest.memory, now);
    return NO_MOVE;
  }
  const { move, resting } = guest.memory;
  const foreign = yieldFor !== undefined && movedByOthers(sample, guest.memory, current, now);
  const verdict =
    move === undefined ? NO_MOVE : judgeMove(move, current, now, stoodSeconds(guest.memory, current, now));
  if (verdict !== NO_MOVE) guest.memory = settleMove(guest.memory, verdict, now);
  if (foreign) {
    guest.draft.yieldUntil = now + yieldFor;
    guest.draft.target = undefined;
  }
  if (resting?.size !== current) guest.draft.resting = { size: current, since: now };
  learnStanding(guest, current);
  return verdict;
}

/** How long the size has not changed; undefined when nothing is known of it. */
function stoodSeconds({ resting }: GuestMemory, current: Bytes, now: Seconds): Seconds | undefined {
  if (resting === undefined) return undefined;
  return resting.size === current ? now - resting.since : 0;
}

/**
 * H12, H37 (R11): nothing that was learned of another boot counts, but for the size that did harm: the same work will want it
 * again. An epoch with a lower number is of a collector that counts anew, not of a guest that has booted.
 */
function beginEpoch(
  { epoch }: GuestSample,
  before: GuestMemory | undefined,
  appeared: boolean,
  now: Seconds,
): GuestMemory {
  const boots = before === undefined ? appeared : epoch > before.epoch;
  const memory = newGuestMemory(epoch);
  if (!boots && before?.learned === undefined) return memory;
  return amended(memory, {
    learned: before?.learned,
    boot: boots ? nextBoot(before, now) : undefined,
  });
}

/** The memory of a guest that cannot follow, with the times of what is under way put forward. */
export function suspended(memory: GuestMemory, now: Seconds): GuestMemory {
  const { move, probation } = memory;
  if (move === undefined && probation === undefined) return memory;
  return amended(memory, {
    move: move && { ...move, at: now },
    probation: probation && { ...probation, since: now },
  });
}

/** A size that has stood so long did not change of what was under way before we looked, such as a move of an earlier daemon. */
const STANDING_SECONDS = 5;

/** Twice what a move may be off when it counts as arrived: the rest of it comes later. */
const OWN_DRIFT = 4 * MiB;

/**
 * H26 (R20): true when the balloon moved though we had asked for nothing. A guest with auto-deflate may do so by itself; one that boots
 * fills its balloon to where it stood before, for QEMU keeps the target over a reset.
 */
function movedByOthers(
  { balloon, reportsInEpoch }: GuestSample,
  { move, resting, yieldUntil }: GuestMemory,
  current: Bytes,
  now: Seconds,
): boolean {
  if (move !== undefined || resting === undefined || Math.abs(current - resting.size) <= OWN_DRIFT)
    return false;
  if (isYielding({ yieldUntil }, now)) return true;
  return balloon?.autodeflate === false && reportsInEpoch > 1 && now - resting.since >= STANDING_SECONDS;
}

/** True while a guest is left to whoever moved its balloon. */
export function isYielding({ yieldUntil }: Pick<GuestMemory, 'yieldUntil'>, now: Seconds): boolean {
  return yieldUntil !== undefined && now < yieldUntil;
}

/**
 * Learns what only a balloon at rest shows. Size and report are of different moments while it moves: a naive difference then
 * comes out negative or doubled.
 */
function learnStanding(guest: Followed, current: Bytes): void {
  const { sample, memory, at: now } = guest;
  const restedAt = (memory.resting?.since ?? now) + REST_SECONDS;
  if (now < restedAt || isUnderWay(memory.move, now)) return;
  const rss = trusted(sample.readings.rss);
  const reportIsOfNow = now - (sample.statsAgeSeconds ?? Number.POSITIVE_INFINITY) >= restedAt;
  const overheadBytes = learnOverhead(memory.overheadBytes, sample, current, reportIsOfNow);
  const untouched = current + overheadBytes - (rss ?? 0);
  const granted = rss === undefined ? memory.granted : Math.min(memory.granted, Math.max(0, untouched));
  const kernelBytes = reportIsOfNow ? (kernelShare(sample) ?? memory.kernelBytes) : memory.kernelBytes;
  const efficacy = memory.efficacy && judgeEfficacy(memory, sample, now);
  const learned =
    overheadBytes !== memory.overheadBytes ||
    granted !== memory.granted ||
    kernelBytes !== memory.kernelBytes ||
    efficacy !== memory.efficacy;
  if (!learned) return;
  const { draft } = guest;
  draft.overheadBytes = overheadBytes;
  draft.granted = granted;
  draft.kernelBytes = kernelBytes;
  draft.efficacy = efficacy;
}

/** H2 (R2): the target of a shrink that was not followed is taken back to what was reached and a margin. */
export function withdrawalOf(sample: GuestSample, verdict: Convergence): Correction | undefined {
  if (verdict.kind !== 'given-up') return undefined;
  const { reached } = verdict;
  const target = Math.min(sample.readings.max.value ?? reached, reached + WITHDRAWAL_MARGIN);
  return { target, code: 'WITHDRAWN', inputs: { reached } };
}

/**
 * A guest whose balloon frees nothing gets back what its process still holds (H21, R16). That is the host's already, so it asks
 * for no room.
 */
export function giveBackOf({ readings }: GuestSample, promised: Bytes): Correction | undefined {
  const max = trusted(readings.max);
  const rss = trusted(readings.rss);
  if (max === undefined || rss === undefined) return undefined;
  const target = Math.min(max, Math.floor(rss / MiB) * MiB);
  return target > promised ? { target, code: 'INEFFECTIVE', inputs: { rss } } : undefined;
}

/** What a guest is in need of while it is being shrunk. */
interface Situation {
  readonly current: Bytes;
  readonly max: Bytes;
  readonly floor: Bytes;
  readonly distressed: boolean;
  /** Its policy forbids to shrink it. */
  readonly bar?: Bar | undefined;
}

/**
 * A shrink under way is cut short when what the guest uses has grown into what is being taken: a large one lasts for many
 * reports. Half of the absolute reserve is play, so that a target is not moved with every report.
 */
export function rescueOf(
  move: Move | undefined,
  { current, max, floor, distressed, bar }: Situation,
): Correction | undefined {
  if (move === undefined || move.to >= move.from || move.shared) return undefined;
  if (bar !== undefined && bar.yields !== true && move.to < current)
    return { target: current, code: bar.code, inputs: bar.inputs };
  if (!distressed && move.to >= floor - absoluteReserve(max) / 2) return undefined;
  const target = distressed ? current : Math.min(current, Math.ceil(floor / MiB) * MiB);
  return target > move.to ? { target, code: 'GUARD_FLOOR', inputs: { floor, target: move.to } } : undefined;
}
