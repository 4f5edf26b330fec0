import { type Bytes, GiB, MiB, type Seconds } from '../model/units.ts';
import type { GuestMemory, Move } from './state.ts';

/** A move has arrived when the guest is this close: drivers work in 1 MiB batches (256 page numbers a request). */
const ARRIVED = 2 * MiB;
/** Slowest honest driver: a fixed start and 0.25 GiB/s; measured inflation is 0.5 to 0.9 GiB/s. */
const START_SECONDS = 5;
const SLOWEST_BYTES_PER_SECOND = 0.25 * GiB;
const BACK_OFF_SECONDS = 600;
const BACK_OFF_MAX_SECONDS = 3600;

/** Time within which a guest that follows at all has followed. */
export function convergenceSeconds(move: Move): Seconds {
  return START_SECONDS + Math.abs(move.to - move.from) / SLOWEST_BYTES_PER_SECOND;
}

export type Convergence =
  | { readonly kind: 'none' | 'under-way' | 'arrived' }
  /** The guest stopped at `reached`; it is to be asked for no less than that. */
  | { readonly kind: 'given-up'; readonly reached: Bytes; readonly shrinking: boolean };

/** How far the move of a guest has come, seen its size now. */
export function judgeMove(move: Move | undefined, current: Bytes, now: Seconds): Convergence {
  if (move === undefined) return { kind: 'none' };
  const shrinking = move.to < move.from;
  const arrived = shrinking ? current <= move.to + ARRIVED : current >= move.to - ARRIVED;
  if (arrived) return { kind: 'arrived' };
  return now - move.at < convergenceSeconds(move)
    ? { kind: 'under-way' }
    : { kind: 'given-up', reached: current, shrinking };
}

/** The memory of a guest after the judgement: an arrived move clears its record, one given up on earns a growing back-off. */
export function settleMove(memory: GuestMemory, verdict: Convergence, now: Seconds): GuestMemory {
  switch (verdict.kind) {
    case 'none':
    case 'under-way':
      return memory;
    case 'arrived':
      return { ...memory, move: undefined, unfollowed: 0 };
    case 'given-up': {
      const wait = Math.min(BACK_OFF_MAX_SECONDS, BACK_OFF_SECONDS * 2 ** memory.unfollowed);
      return { ...memory, move: undefined, unfollowed: memory.unfollowed + 1, backOffUntil: now + wait };
    }
  }
}

/** Room left to a guest when a shrink that it could not follow is withdrawn, so that it leaves its watermarks. */
export const WITHDRAWAL_MARGIN: Bytes = 32 * MiB;
