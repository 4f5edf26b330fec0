/** What `decide()` remembers between ticks. A plain value: it can be kept in a file, copied, and compared. */
import type { Bytes, Seconds } from '../model/units.ts';
import type { DemandWindow } from './demand.ts';
import type { Boot, Cold, Efficacy, LearnedFloor, Probation } from './lessons.ts';
import type { Pauses } from './pauses.ts';
import { initialPressure, type PressureState } from './pressure.ts';
import type { Recommendations } from './stabilize.ts';
import type { Swapping } from './swapping.ts';
import type { Glances } from './unreported.ts';

/** A move that the guest has been asked to make. Instants are monotonic seconds. */
export interface Move {
  readonly from: Bytes;
  readonly to: Bytes;
  readonly at: Seconds;
  /** Decided by an earlier daemon, which may have ended before it asked the guest. */
  readonly adopted?: true | undefined;
  /** Takes what the guest uses, because a shortage is shared or it is seldom touched. */
  readonly shared?: true | undefined;
}

/** What a move replaced, for the case that it turns out never to have been asked. */
export type BeforeMove = Pick<GuestMemory, 'move' | 'target' | 'granted' | 'unfollowed' | 'backOffUntil'>;

export interface GuestMemory {
  readonly epoch: number;
  readonly demand: DemandWindow | undefined;
  /** How its process has grown since the last report; missing where each tick brings one. */
  readonly glances?: Glances | undefined;
  /** Part of the size outside MemTotal, learned while the balloon stands still. */
  readonly kernelBytes: Bytes | undefined;
  /** What the process holds on the host beyond the guest's memory, learned while the balloon stands still. */
  readonly overheadBytes: Bytes;
  /** Size that the guest has been seen at without change, and since when. */
  readonly resting: { readonly size: Bytes; readonly since: Seconds } | undefined;
  /** The move under way, until the guest has followed it or is given up on. */
  readonly move: Move | undefined;
  /** What stood before the last move. */
  readonly beforeMove: BeforeMove | undefined;
  /** Last size we asked for. */
  readonly target: Bytes | undefined;
  readonly shrunkAt: Seconds | undefined;
  readonly grownAt: Seconds | undefined;
  /** Given by us and perhaps not yet touched: promised, so not free. */
  readonly granted: Bytes;
  /** `reportsInEpoch` at the last move: a shrink wants a newer report. */
  readonly decidedOnReport: number;
  /** Shrinks in a row that the guest did not follow, and until when it is not shrunk. */
  readonly unfollowed: number;
  readonly backOffUntil: Seconds | undefined;
  /** Somebody else moved the balloon; the guest is left alone until then. */
  readonly yieldUntil?: Seconds | undefined;
  /** When the condition of each veto in force last held, by its name; missing when none is. */
  readonly vetoed?: Readonly<Record<string, Seconds>> | undefined;
  /** What the policy recommended within the stabilization window; missing when it has none. */
  readonly recommendations?: Recommendations | undefined;
  /** Set in an epoch that we have seen begin. */
  readonly boot?: Boot | undefined;
  /** Shrinks that may yet turn out to do harm; missing when there are none. */
  readonly probation?: Probation | undefined;
  /** Missing while no shrink has done harm. */
  readonly learned?: LearnedFloor | undefined;
  /** Major faults per second as they ordinarily are, when no shrink is on probation. */
  readonly faultRate?: number | undefined;
  /** Missing while the guest does not swap. */
  readonly swapping?: Swapping | undefined;
  /** Missing while ballooning has done to the host what it should. */
  readonly efficacy?: Efficacy | undefined;
  /** Missing while the policy does not take cold memory. */
  readonly cold?: Cold | undefined;
}

/** A guest that the last snapshots did not have. */
export interface Missing {
  readonly memory: GuestMemory;
  /** Monotonic instant of the first snapshot without it. */
  readonly since: Seconds;
}

/** What may still be taken. It fills up with time, to a minute's worth at most. */
export interface ReclaimAllowance {
  /** Below zero after a guest in distress was given more than there was. */
  readonly bytes: Bytes;
  readonly at: Seconds;
}

export interface PolicyState {
  readonly pressure: PressureState;
  /** By uuid. */
  readonly guests: ReadonlyMap<string, GuestMemory>;
  /** What the limit on reclaim leaves; missing where there is none. */
  readonly reclaim?: ReclaimAllowance | undefined;
  /** Guests gone a short while ago, by uuid; missing when there are none. */
  readonly missing?: ReadonlyMap<string, Missing> | undefined;
  /** Set once there has been a tick: a guest that is new after that has just begun. */
  readonly begun?: true | undefined;
  /** Guests that an operator wants left alone, whether they are there or not; missing when there are none. */
  readonly pauses?: Pauses | undefined;
}

export function initialState(now: Seconds): PolicyState {
  return { pressure: initialPressure(now), guests: new Map() };
}

/** Of the shape of a draft, with its fields in their order. */
export function newGuestMemory(epoch: number): GuestMemory {
  const memory: Draft = {
    epoch,
    demand: undefined,
    glances: undefined,
    kernelBytes: undefined,
    overheadBytes: 0,
    resting: undefined,
    move: undefined,
    beforeMove: undefined,
    target: undefined,
    shrunkAt: undefined,
    grownAt: undefined,
    granted: 0,
    decidedOnReport: 0,
    unfollowed: 0,
    backOffUntil: undefined,
    yieldUntil: undefined,
    vetoed: undefined,
    recommendations: undefined,
    boot: undefined,
    probation: undefined,
    learned: undefined,
    faultRate: undefined,
    swapping: undefined,
    efficacy: undefined,
    cold: undefined,
  };
  return memory;
}

/** The state that an earlier daemon left: its moves may have been decided and never asked. */
export function adopted(state: PolicyState): PolicyState {
  const guests = new Map(
    [...state.guests].map(([uuid, memory]) => {
      const move = memory.move && { ...memory.move, adopted: true as const };
      return [uuid, amended(memory, { move })];
    }),
  );
  return { ...state, guests };
}

/** A memory that is being written. */
export type Draft = { -readonly [K in keyof Required<GuestMemory>]: GuestMemory[K] };

/**
 * A copy to be changed. Written out, because one is made a guest and tick, and V8 11 takes 50 ns for it so and 900 ns for a
 * spread of as many fields. What a spread has made is of a shape of its own besides, and after a few such shapes all that reads
 * memories is slower for good: so every memory is of this one, with its fields in this order.
 */
export function draftOf(memory: GuestMemory): Draft {
  return {
    epoch: memory.epoch,
    demand: memory.demand,
    glances: memory.glances,
    kernelBytes: memory.kernelBytes,
    overheadBytes: memory.overheadBytes,
    resting: memory.resting,
    move: memory.move,
    beforeMove: memory.beforeMove,
    target: memory.target,
    shrunkAt: memory.shrunkAt,
    grownAt: memory.grownAt,
    granted: memory.granted,
    decidedOnReport: memory.decidedOnReport,
    unfollowed: memory.unfollowed,
    backOffUntil: memory.backOffUntil,
    yieldUntil: memory.yieldUntil,
    vetoed: memory.vetoed,
    recommendations: memory.recommendations,
    boot: memory.boot,
    probation: memory.probation,
    learned: memory.learned,
    faultRate: memory.faultRate,
    swapping: memory.swapping,
    efficacy: memory.efficacy,
    cold: memory.cold,
  };
}

/** The memory with some of it changed. */
export function amended(memory: GuestMemory, changes: Partial<GuestMemory>): GuestMemory {
  return Object.assign(draftOf(memory), changes);
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
  const corrected = to === undefined ? takenBack(memory, memory.move) : redirected(memory, memory.move, to);
  return { ...state, guests: new Map(state.guests).set(uuid, corrected) };
}

/**
 * What stood before is what the hypervisor still works towards. A move that was then under way gets its time once more, so that
 * one that was to be withdrawn is withdrawn at the end of it.
 */
function takenBack(memory: GuestMemory, { at }: Move): GuestMemory {
  const { beforeMove } = memory;
  if (beforeMove === undefined) return amended(memory, { move: undefined, target: undefined });
  const move = beforeMove.move && { ...beforeMove.move, at };
  return amended(memory, { ...beforeMove, move, beforeMove: undefined });
}

function redirected(memory: GuestMemory, move: Move, to: Bytes): GuestMemory {
  const given = Math.max(0, move.to - move.from) - Math.max(0, to - move.from);
  return amended(memory, {
    move: { ...move, to },
    target: to,
    granted: Math.max(0, memory.granted - Math.max(0, given)),
  });
}
