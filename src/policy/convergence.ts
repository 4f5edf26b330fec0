import { type Bytes, GiB, MiB, type Seconds } from '../model/units.ts';
import { amended, type GuestMemory, type Move } from './state.ts';

/** A move has arrived when the guest is this close: drivers work in 1 MiB batches (256 page numbers a request). */
const ARRIVED = 2 * MiB;
/** Slowest honest driver: a fixed start and 0.25 GiB/s; measured inflation is 0.5 to 0.9 GiB/s. */
const START_SECONDS = 5;
const SLOWEST_BYTES_PER_SECOND = 0.25 * GiB;
const BACK_OFF_SECONDS = 600;
const BACK_OFF_MAX_SECONDS = 3600;

/** Time within which a guest that follows at all has followed (H2, R2). */
export function convergenceSeconds(move: Move): Seconds {
  return START_SECONDS + Math.abs(move.to - move.from) / SLOWEST_BYTES_PER_SECOND;
}

/** True while the guest is expected to be on its way. A growth past its time no longer counts: it may be asked anew. */
export function isUnderWay(move: Move | undefined, now: Seconds): move is Move {
  return move !== undefined && now - move.at < convergenceSeconds(move);
}

/**
 * - `under-way`: not there yet. A growth stays so for ever: the hypervisor goes on offering it, so the memory stays promised.
 * - `given-up`: a shrink has had its time; the guest stopped at `reached` and is to be asked for no less than that.
 */
export type Convergence =
  | { readonly kind: 'none' | 'under-way' }
  | { readonly kind: 'arrived'; readonly shrinking: boolean }
  | { readonly kind: 'given-up'; readonly reached: Bytes };

export const NO_MOVE: Convergence = { kind: 'none' };
const UNDER_WAY: Convergence = { kind: 'under-way' };

/** A guest on a busy host follows slowly; as long as its size changes it follows, but not for ever. */
const PATIENCE = 6;

/**
 * How far the move of a guest has come, seen its size now.
 *
 * @param stoodSeconds how long the size has not changed
 */
export function judgeMove(
  move: Move | undefined,
  current: Bytes,
  now: Seconds,
  stoodSeconds: Seconds = Number.POSITIVE_INFINITY,
): Convergence {
  if (move === undefined) return NO_MOVE;
  const shrinking = move.to < move.from;
  const arrived = shrinking ? current <= move.to + ARRIVED : current >= move.to - ARRIVED;
  if (arrived) return { kind: 'arrived', shrinking };
  const late = stoodSeconds >= START_SECONDS || now - move.at >= PATIENCE * convergenceSeconds(move);
  const givenUp = shrinking && !isUnderWay(move, now) && late;
  return givenUp ? { kind: 'given-up', reached: current } : UNDER_WAY;
}

/**
 * The memory of a guest after the judgement. A shrink given up on earns a back-off that doubles until a shrink arrives; growth
 * proves nothing, for the withdrawal that follows every failed shrink is one.
 */
export function settleMove(memory: GuestMemory, verdict: Convergence, now: Seconds): GuestMemory {
  if (verdict.kind === 'arrived')
    return amended(memory, { move: undefined, unfollowed: verdict.shrinking ? 0 : memory.unfollowed });
  if (verdict.kind !== 'given-up') return memory;
  if (neverAsked(memory.move, verdict.reached)) return amended(memory, { move: undefined });
  // A guest that cannot swap out as fast as it is squeezed has its own rest from that.
  if (memory.move?.shared === true && memory.cold !== undefined) return amended(memory, { move: undefined });
  const wait = Math.min(BACK_OFF_MAX_SECONDS, BACK_OFF_SECONDS * 2 ** memory.unfollowed);
  return amended(memory, {
    move: undefined,
    unfollowed: memory.unfollowed + 1,
    backOffUntil: now + wait,
  });
}

/** H33: a guest that has not begun to follow an earlier daemon was perhaps never asked, and is not to blame. */
function neverAsked(move: Move | undefined, reached: Bytes): boolean {
  return move?.adopted === true && reached >= move.from - ARRIVED;
}

/** True while a guest that did not follow an earlier shrink is left alone. */
export function isBackingOff(memory: GuestMemory, now: Seconds): boolean {
  return memory.backOffUntil !== undefined && now < memory.backOffUntil;
}

/** Room left to a guest when a shrink that it could not follow is withdrawn, so that it leaves its watermarks. */
export const WITHDRAWAL_MARGIN: Bytes = 32 * MiB;
