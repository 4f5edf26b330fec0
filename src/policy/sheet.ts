/**
 * The work sheet of one guest in one tick: every stage reads what the stages before wrote on it, and adds its own. A tick writes on
 * the sheets of the one before. Made anew, with small objects from one stage to the next, they are 3 MB of garbage a second on a
 * host of a thousand guests, and the larger half of the time. Nothing of a sheet outlives its tick: state and decisions hold
 * none of it.
 */
import type { ReasonCode } from '../model/decision.ts';
import type { GuestSample } from '../model/snapshot.ts';
import type { Bytes, Ratio, Seconds } from '../model/units.ts';
import type { Correction } from './follow-up.ts';
import { type Described, NamesOfGuest } from './names.ts';
import type { GuestPolicy, HostNames, Scope } from './policy-set.ts';
import { AMPLE, type Bar, type Care, type Condition } from './protect.ts';
import { type Draft, draftOf, type GuestMemory } from './state.ts';
import { newTrail, restart, type Trail } from './trail.ts';

/** What is known of a guest in a tick. Figures mean something only where `kind` is `movable`. */
export interface Assessment {
  /**
   * - `movable`: this tick may move the guest; the limits of its own policy are applied.
   * - `held`: the guest stays as it is, whatever the host needs, for the reason of `code`.
   */
  readonly kind: 'movable' | 'held';
  readonly sample: GuestSample;
  /** With its layers laid over it. */
  readonly policy: GuestPolicy | undefined;
  readonly memory: GuestMemory;
  readonly trail: Trail;
  /** What the guest may take up: its size, or the target of a growth that it has been offered. */
  readonly promised: Bytes;
  readonly correction: Correction | undefined;
  /** Why the guest is held. */
  readonly code: ReasonCode;
  /** Size that a guest which boots is to be given at once, as far as the host has it (H9, R8). */
  readonly restore: Bytes | undefined;
  readonly current: Bytes;
  readonly max: Bytes;
  readonly min: Bytes;
  /** Guaranteed maximum. */
  readonly ceiling: Bytes;
  /** Size under which the guest would lose memory it uses; at least `min`. */
  readonly floor: Bytes;
  /** Target of the policy within the guarantees, and not under what the guest has of its floor. */
  readonly desired: Bytes;
  readonly wanted: Bytes;
  readonly demand: Bytes;
  /** Use now, with what has been swapped out of it and the kernel's share. */
  readonly need: Bytes;
  /** That and what its growth adds before a move can help. */
  readonly soon: Bytes;
  /** The policy's target as high as it has been within the stabilization window; at least `desired`. */
  readonly stable: Bytes;
  /** It has too little available, swaps out, or was harmed by a shrink: growth is urgent, and it never donates. */
  readonly distressed: boolean;
  /** What a growth of it is for. */
  readonly growth: Care['growth'];
  /** Why it is not shrunk, whoever asks for it. */
  readonly bar: Bar | undefined;
  /** Share of its size that the guest uses. */
  readonly active: Ratio;
}

/** A guest that this tick may move. */
export interface Movable extends Assessment {
  readonly kind: 'movable';
  readonly policy: GuestPolicy;
}

export function isMovable(assessment: Assessment): assessment is Movable {
  return assessment.kind === 'movable';
}

/** True for a guest that does not give, even to one in distress if that is `urgent`. */
export function isBarred({ bar }: Pick<Movable, 'bar'>, urgent: boolean): boolean {
  return bar !== undefined && !(urgent && bar.yields === true);
}

/** Figures begin as no number, which V8 then keeps in place when they are written again. */
const NONE = Number.NaN;

export class Sheet implements Assessment, Described {
  kind: Assessment['kind'] = 'held';
  sample: GuestSample;
  memory: GuestMemory;
  policy: GuestPolicy | undefined;
  readonly trail: Trail = newTrail(undefined);
  promised: Bytes = NONE;
  correction: Correction | undefined;
  code: ReasonCode = 'OK';
  restore: Bytes | undefined;

  used: Bytes = NONE;
  current: Bytes = NONE;
  max: Bytes = NONE;
  rss: Bytes | undefined;
  /** Part of the size outside MemTotal. */
  kernelBytes: Bytes = NONE;
  reserve: Bytes = NONE;

  /** The report of this tick: whether it is new, its number, and when it was seen. */
  fresh = false;
  report = 0;
  at: Seconds = NONE;

  /** Use now, with what has been swapped out of it and the kernel's share. */
  need: Bytes = NONE;
  soon: Bytes = NONE;
  demand: Bytes = NONE;
  /** Taken since the last report. */
  unreported: Bytes = NONE;
  /** Bytes per second. */
  usedRate = NONE;

  min: Bytes = NONE;
  ceiling: Bytes = NONE;
  wanted: Bytes = NONE;
  floor: Bytes = NONE;
  desired: Bytes = NONE;
  stable: Bytes = NONE;
  active: Ratio = NONE;
  condition: Condition = AMPLE;
  distressed = false;
  growth: Care['growth'] = 'GROW';
  bar: Bar | undefined;

  /** What expressions see of the guest. */
  readonly scope: Scope & Required<Pick<Scope, 'guarantees'>>;
  #draft: Draft | undefined;

  constructor(sample: GuestSample, memory: GuestMemory, host: HostNames) {
    this.sample = sample;
    this.memory = memory;
    const guest = new NamesOfGuest(this);
    this.scope = { host, guest, guarantees: { min: NONE, max: NONE, reserve: NONE } };
  }

  /** Begins another tick. */
  begin(sample: GuestSample, policy: GuestPolicy | undefined, memory: GuestMemory, now: Seconds): void {
    this.sample = sample;
    this.policy = policy;
    this.memory = memory;
    this.at = now;
    this.restore = undefined;
    this.#draft = undefined;
    restart(this.trail, sample.readings.current.value);
  }

  /** The memory as a copy that is this tick's own. */
  get draft(): Draft {
    if (this.#draft === undefined) {
      this.#draft = draftOf(this.memory);
      this.memory = this.#draft;
    }
    return this.#draft;
  }

  /** Use, with the kernel's share. */
  get inUse(): Bytes {
    return this.used + this.kernelBytes;
  }

  /** Last size we asked for. */
  get target(): Bytes | undefined {
    return this.memory.target;
  }
}
