/**
 * The work sheet of one guest in one tick: every stage reads what the stages before wrote on it, and adds its own. A tick writes on
 * the sheets of the one before. Made anew, with small objects from one stage to the next, they are 3 MB of garbage a second on a
 * host of a thousand guests, and the larger half of the time. Nothing of a sheet outlives its tick: state and decisions hold
 * none of it.
 */
import type { Decision, ReasonCode } from '../model/decision.ts';
import type { GuestSample } from '../model/snapshot.ts';
import type { Bytes, Ratio, Seconds } from '../model/units.ts';
import type { Claim } from './budget.ts';
import type { HostNames, Scope } from './expression/expression.ts';
import type { Correction } from './follow-up.ts';
import { type Described, NamesOfGuest } from './names.ts';
import type { Outcome, Restrained } from './outcome.ts';
import type { Pause } from './pauses.ts';
import type { GuestPolicy, Layer } from './policy-set.ts';
import { AMPLE, type Bar, type Care, type Condition } from './protect.ts';
import { type Draft, draftOf, type GuestMemory } from './state.ts';
import { newTrail, restart, type Trail } from './trail.ts';

/** A guest that this tick may move. */
export interface Movable extends Sheet {
  kind: 'movable';
  policy: GuestPolicy;
  governedBy: NonNullable<Decision['policy']>;
}

export function isMovable(sheet: Sheet): sheet is Movable {
  return sheet.kind === 'movable';
}

/** True for a guest that does not give, even to one in distress if that is `urgent`. */
export function isBarred({ bar }: Pick<Movable, 'bar'>, urgent: boolean): boolean {
  return bar !== undefined && !(urgent && bar.yields === true);
}

/** Figures begin as no number, which V8 then keeps in place when they are written again. */
const NONE = Number.NaN;

export class Sheet implements Described {
  /**
   * - `movable`: this tick may move the guest; the limits of its own policy are applied.
   * - `held`: the guest stays as it is, whatever the host needs, for the reason of `code`. Its figures mean nothing.
   */
  kind: 'movable' | 'held' = 'held';
  sample: GuestSample;
  /** What was remembered of the guest before this tick. */
  before: GuestMemory | undefined;
  /** What the next ticks are to know of it. */
  memory: GuestMemory;
  /** With its layers laid over it. */
  policy: GuestPolicy | undefined;
  /** The policy in the words of decisions, which share it from tick to tick. */
  governedBy: Decision['policy'];
  /** The layers that are in force. */
  layers: readonly Layer[] = [];
  /** The operator's word that it be left alone, while that is in force. */
  pause: Pause | undefined;
  readonly trail: Trail = newTrail(undefined);
  /** What the guest may take up: its size, or the target of a growth that it has been offered. */
  promised: Bytes = NONE;
  correction: Correction | undefined;
  /** Why the guest is held. */
  code: ReasonCode = 'OK';
  /** Size that a guest without figures is to be given, as far as the host has it: it boots (H9, R8), was being squeezed, or is silent. */
  restore: Bytes | undefined;
  /** Why. */
  restoring: Extract<ReasonCode, 'BOOT_RESTORED' | 'COLD_RETURNED' | 'SILENCE_RELIEVED'> = 'BOOT_RESTORED';

  used: Bytes = NONE;
  current: Bytes = NONE;
  max: Bytes = NONE;
  rss: Bytes | undefined;
  /** Part of the size outside MemTotal. */
  kernelBytes: Bytes = NONE;
  /** What the policy keeps available. */
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

  /** Guaranteed minimum and maximum. */
  min: Bytes = NONE;
  ceiling: Bytes = NONE;
  wanted: Bytes = NONE;
  /** Size under which the guest would lose memory it uses; at least `min`. */
  floor: Bytes = NONE;
  /** Target of the policy within the guarantees, and not under what the guest has of its floor. */
  desired: Bytes = NONE;
  /** The policy's target as high as it has been within the stabilization window; at least `desired`. */
  stable: Bytes = NONE;
  /** Share of its size that the guest uses. */
  active: Ratio = NONE;
  condition: Condition = AMPLE;
  /** It has or is about to have too little available, swaps out, or was harmed by a shrink: growth is urgent, and it never donates. */
  distressed = false;
  /** What a growth of it is for. */
  growth: Care['growth'] = 'GROW';
  /** Why it is not shrunk, whoever asks for it. */
  bar: Bar | undefined;

  readonly claim: Claim = {
    min: NONE,
    floor: NONE,
    desired: NONE,
    priority: 0,
    shares: 0,
    idleTax: NONE,
    demand: NONE,
  };
  /** Size that the guest is entitled to. */
  share: Bytes = NONE;
  /** The share holds memory beyond what the guest asks for, which nobody else needs. */
  returned = false;
  /** The growth that it is granted, or why there is none; undefined for a guest that is to shrink. */
  grant: Restrained | undefined;
  /** What restraint last said of the guest. */
  readonly restrained: Restrained = {
    target: undefined,
    code: 'OK',
    inputs: {},
    source: undefined,
    short: 0,
  };
  readonly outcome: Outcome = { action: 'hold', reason: 'OK', target: undefined };

  /** What expressions see of the guest. */
  readonly scope: Scope & Required<Pick<Scope, 'guarantees'>>;
  /** The policy's variables in ticks of which nobody is told: of others, stages keep them. */
  readonly untold: Record<string, number> = {};
  #draft: Draft | undefined;
  #guarantees = { minBytes: NONE, maxBytes: NONE };

  constructor(sample: GuestSample, memory: GuestMemory, host: HostNames) {
    this.sample = sample;
    this.memory = memory;
    const guest = new NamesOfGuest(this);
    this.scope = { host, guest, guarantees: { min: NONE, max: NONE, reserve: NONE } };
  }

  /** Begins another tick. */
  begin(
    sample: GuestSample,
    before: GuestMemory | undefined,
    policy: GuestPolicy | undefined,
    layers: readonly Layer[],
    pause: Pause | undefined,
    told = true,
  ): void {
    this.sample = sample;
    this.before = before;
    if (policy !== this.policy) this.governedBy = policy && { name: policy.name, source: policy.source };
    this.policy = policy;
    this.layers = layers;
    this.pause = pause;
    this.restore = undefined;
    this.restoring = 'BOOT_RESTORED';
    this.grant = undefined;
    this.#draft = undefined;
    restart(this.trail, sample.readings.current.value, told);
  }

  /** Says what becomes of the guest; the last word counts. */
  conclude(action: Outcome['action'], reason: ReasonCode, target?: Bytes): void {
    this.outcome.action = action;
    this.outcome.reason = reason;
    this.outcome.target = target;
  }

  /** The memory as a copy that is this tick's own. */
  get draft(): Draft {
    if (this.#draft === undefined) {
      this.#draft = draftOf(this.memory);
      this.memory = this.#draft;
    }
    return this.#draft;
  }

  /** The guarantees in the words of decisions, which share them while they stay. */
  get guarantees(): NonNullable<Decision['guarantees']> {
    const { min, ceiling } = this;
    if (this.#guarantees.minBytes !== min || this.#guarantees.maxBytes !== ceiling)
      this.#guarantees = { minBytes: min, maxBytes: ceiling };
    return this.#guarantees;
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
