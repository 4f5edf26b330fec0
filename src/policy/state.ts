/** What `decide()` remembers between ticks. A plain value: it can be kept in a file, copied, and compared. */
import type { Bytes, Seconds } from '../model/units.ts';
import type { DemandWindow } from './demand.ts';
import { initialPressure, type PressureState } from './pressure.ts';

/** A move that the guest has been asked to make. Instants are monotonic seconds. */
export interface Move {
  readonly from: Bytes;
  readonly to: Bytes;
  readonly at: Seconds;
}

export interface GuestMemory {
  readonly epoch: number;
  readonly demand: DemandWindow | undefined;
  /** Part of the size outside MemTotal, learned while the balloon stands still. */
  readonly kernelBytes: Bytes | undefined;
  /** What the process holds on the host beyond the guest's size, learned while the balloon stands still. */
  readonly overheadBytes: Bytes;
  /** Size that the guest has been seen at without change, and since when. */
  readonly resting: { readonly size: Bytes; readonly since: Seconds } | undefined;
  /** The move under way, until the guest has followed it or is given up on. */
  readonly move: Move | undefined;
  /** Last size we asked for. */
  readonly target: Bytes | undefined;
  readonly shrunkAt: Seconds | undefined;
  readonly grownAt: Seconds | undefined;
  /** Given by us and perhaps not yet touched: promised, so not free. */
  readonly granted: Bytes;
  /** `reportsInEpoch` at the last shrink: the next one wants a newer report. */
  readonly decidedOnReport: number;
  /** Moves in a row that the guest did not follow, and until when it is left alone. */
  readonly unfollowed: number;
  readonly backOffUntil: Seconds | undefined;
}

export interface PolicyState {
  readonly pressure: PressureState;
  /** By uuid. */
  readonly guests: ReadonlyMap<string, GuestMemory>;
}

export function initialState(now: Seconds): PolicyState {
  return { pressure: initialPressure(now), guests: new Map() };
}

export function newGuestMemory(epoch: number): GuestMemory {
  return {
    epoch,
    demand: undefined,
    kernelBytes: undefined,
    overheadBytes: 0,
    resting: undefined,
    move: undefined,
    target: undefined,
    shrunkAt: undefined,
    grownAt: undefined,
    granted: 0,
    decidedOnReport: 0,
    unfollowed: 0,
    backOffUntil: undefined,
  };
}

/**
 * Puts the record of a move right after it was applied: `to` is what was really asked of the guest, undefined when nothing was.
 * Cooldowns stay, so that a call that fails is not repeated every tick. A move made since then is left alone.
 */
export function correctMove(
  state: PolicyState,
  uuid: string,
  decided: Bytes,
  to: Bytes | undefined,
): PolicyState {
  const memory = state.guests.get(uuid);
  if (memory?.move === undefined || memory.move.to !== decided || decided === to) return state;
  const corrected =
    to === undefined
      ? { ...memory, move: undefined, target: undefined }
      : { ...memory, move: { ...memory.move, to }, target: to };
  return { ...state, guests: new Map(state.guests).set(uuid, corrected) };
}
