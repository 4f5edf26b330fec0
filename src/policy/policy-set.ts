/**
 * A validated policy set in the form that `decide()` runs: sizes are numbers, expressions are functions, defaults are filled in.
 * Made by compile.ts from YAML; nothing here can fail except an expression, and that is part of its type.
 */
import type { SourceRef } from '../model/decision.ts';
import type { FieldVerdict } from '../model/explanation.ts';
import type { GuestFigure, Readings } from '../model/snapshot.ts';
import type { Bytes, Ratio, Seconds } from '../model/units.ts';
import type { Expression } from './expression/expression.ts';

/** An amount that may depend on a size it is a share of. */
export type Amount = { readonly bytes: Bytes } | { readonly ratio: Ratio };

export type Pool =
  | { readonly kind: 'auto' }
  | { readonly kind: 'size'; readonly bytes: Bytes }
  | { readonly kind: 'cgroup'; readonly path: string };

export interface PressureLevel {
  readonly name: string;
  readonly when: Expression<boolean>;
  /** How long `when` must have held without a break before the level is entered. */
  readonly forSeconds: Seconds;
  /** How long `when` must have been false before the level is left. */
  readonly keepForSeconds: Seconds;
}

export interface HostPolicy {
  readonly name: string;
  readonly description: string | undefined;
  readonly source: SourceRef;
  readonly mode: 'observe' | 'enforce';
  readonly intervalSeconds: Seconds;
  readonly memory: Pool;
  /** Never planned away: of the pool's total, by `select` when both are given. */
  readonly reserve: { readonly bytes: Bytes; readonly ratio: Ratio; readonly select: 'max' | 'min' };
  readonly staleAfterSeconds: Seconds;
  /** From the most to the least severe, as written. Below the last: `none`. */
  readonly pressure: readonly PressureLevel[];
  readonly onExit: 'hold' | 'release';
  /** What becomes of memory that nobody needs: kept free on the host, or returned to guests by their shares. */
  readonly surplus: 'keep' | 'return';
  /** What becomes of memory in use when not all of it fits: kept where it is, or shared among those that hurt. */
  readonly shortage: 'keep' | 'share';
  /** Where it says so. */
  readonly shortageSource: SourceRef;
  readonly limits: HostLimits;
  /** How long a guest is left alone whose balloon somebody else has moved; undefined: nobody looks. */
  readonly yieldForSeconds: Seconds | undefined;
}

/** Limits of all shrinks of the host together; undefined: none. */
export interface HostLimits {
  /** Bytes per second taken from all guests together. */
  readonly reclaimRate: number | undefined;
  /** Guests on their way at once. Growth counts and is never kept waiting. */
  readonly concurrentMoves: number | undefined;
  /** Guests that shrink in one tick: so many, or so large a share of those there are, rounded up. */
  readonly guestsPerTick: { readonly count: number } | { readonly ratio: Ratio } | undefined;
}

export const NO_LIMITS: HostLimits = {
  reclaimRate: undefined,
  concurrentMoves: undefined,
  guestsPerTick: undefined,
};

/** The level when no pressure level is entered. */
export const LEVEL_NONE = 'none';

export interface Direction {
  /** Levels at which the guest may move this way. */
  readonly at: ReadonlySet<string>;
  /** Largest step, a share of the guest's maximum or bytes. */
  readonly stepMax: Amount;
  /** Smallest step worth making. */
  readonly stepMin: Bytes;
  /** Bytes per second since the last move this way; undefined: no limit. */
  readonly rate: number | undefined;
  readonly cooldownSeconds: Seconds;
}

/** A condition under which a guest is not shrunk. */
export interface Veto {
  readonly name: string;
  readonly when: Expression<boolean>;
  /** How long it stays in force after the condition last held. */
  readonly holdSeconds: Seconds;
}

/** A condition under which a guest is given memory at once. */
export interface Relief {
  readonly when: Expression<boolean>;
  /** Size that it is given; a share is of the guest's maximum. */
  readonly to: Amount;
}

/** All that a policy can match by. What is added here has to be compared in governing.ts too. */
export interface GuestMatch {
  readonly name?: string;
  readonly uuid?: string;
  readonly title?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly os?: string;
  readonly readings?: Pick<Readings<GuestFigure>, 'max'>;
}

/** Memory in use that is taken because it is seldom touched. */
export interface ColdPolicy {
  /** Swap that each guest has, by the operator's word. */
  readonly swap: Amount;
  /** Pressure levels at which guests are squeezed though nobody is in need. */
  readonly at: ReadonlySet<string>;
  /** Most that one step takes of what is in use. */
  readonly step: Amount;
  /** Bytes a second that may come back while a guest is squeezed. */
  readonly refault: number;
  /** Time between two squeezes of a guest. */
  readonly restSeconds: Seconds;
}

export interface GuestPolicy {
  readonly name: string;
  readonly description: string | undefined;
  readonly source: SourceRef;
  /** observe: decided, and not moved. */
  readonly mode: 'observe' | 'enforce';
  /** Of `now` in its expressions. */
  readonly timezone: string;
  readonly precedence: number;
  /** Undefined when the policy matches; else which field of `match` or `exclude` said no. */
  mismatch(guest: GuestMatch): string | undefined;
  /** What each field of `match` and `exclude` says of a guest; for people. */
  verdicts(guest: GuestMatch): readonly FieldVerdict[];
  readonly guarantees: { readonly min: Amount; readonly max: Amount; readonly reserve: Bytes };
  readonly estimate: {
    readonly windowSeconds: Seconds;
    readonly quantile: Ratio;
    readonly growthSeconds: Seconds;
  };
  readonly variables: readonly { readonly name: string; readonly expression: Expression<number> }[];
  readonly target: Expression<number>;
  /** Higher gives first when the host is short. */
  readonly priority: number;
  readonly shares: number;
  /** 0: pure shares; 1: idle memory counts for nothing. */
  readonly idleTax: Ratio;
  readonly tolerance: { readonly ratio: Ratio; readonly bytes: Bytes };
  readonly shrink: Direction;
  readonly grow: Direction;
  /** A shrink goes no lower than the highest recommendation of this long; 0: the present one counts alone. */
  readonly stabilizationSeconds: Seconds;
  readonly vetoes: readonly Veto[];
  readonly relief: Relief | undefined;
  /** Undefined: what a guest uses is not taken for being seldom touched. */
  readonly cold?: ColdPolicy | undefined;
  /** Schedules, then exceptions, as written: later ones go over earlier ones. */
  readonly layers: readonly Layer[];
}

export interface DirectionPatch {
  readonly at?: ReadonlySet<string> | undefined;
  readonly stepMax?: Amount | undefined;
  readonly stepMin?: Bytes | undefined;
  readonly rate?: number | undefined;
  readonly cooldownSeconds?: Seconds | undefined;
}

/** The fields of a policy that a layer sets; what it does not set stays as it is. */
export interface PolicyPatch {
  readonly mode?: GuestPolicy['mode'] | undefined;
  readonly priority?: number | undefined;
  readonly shares?: number | undefined;
  readonly idleTax?: Ratio | undefined;
  readonly target?: Expression<number> | undefined;
  readonly guarantees?:
    | {
        readonly min?: Amount | undefined;
        readonly max?: Amount | undefined;
        readonly reserve?: Bytes | undefined;
      }
    | undefined;
  readonly tolerance?: { readonly ratio?: Ratio | undefined; readonly bytes?: Bytes | undefined } | undefined;
  readonly shrink?: DirectionPatch | undefined;
  readonly grow?: DirectionPatch | undefined;
  readonly stabilizationSeconds?: Seconds | undefined;
}

/** A part of a policy that is in force for some guests at some times. */
export interface Layer {
  readonly kind: 'schedule' | 'exception';
  readonly name: string;
  readonly source: SourceRef;
  readonly set: PolicyPatch;
  /** @param wall - Unix time */
  applies(guest: GuestMatch, wall: Seconds): boolean;
  /** Hours of a schedule: minutes of the day, ISO weekdays on which they begin. */
  readonly hours?: {
    readonly days: ReadonlySet<number>;
    readonly from: number;
    readonly to: number;
    readonly timezone: string;
  };
  /** Why an exception was made, and the Unix time from which it does nothing. */
  readonly reason?: string;
  readonly expiresAt?: Seconds;
}

/** A policy file as it was read: compiling it again gives the same policies. */
export interface PolicyText {
  /** As it stands in messages and in every `SourceRef`. */
  readonly file: string;
  readonly text: string;
}

export interface PolicySet {
  readonly host: HostPolicy;
  /** Highest precedence first; order among equals is by file and line. */
  readonly guests: readonly GuestPolicy[];
  /** What it was compiled from, for those who keep or show it; missing for a set that was made by hand. */
  readonly texts?: readonly PolicyText[];
}

/** An amount in bytes, given what it is a share of. */
export function resolveAmount(amount: Amount, whole: Bytes): Bytes {
  return 'bytes' in amount ? amount.bytes : amount.ratio * whole;
}

/** Bytes of the pool that are never planned away. */
export function hostReserve(host: HostPolicy, total: Bytes): Bytes {
  const share = host.reserve.ratio * total;
  return host.reserve.select === 'max'
    ? Math.max(host.reserve.bytes, share)
    : Math.min(host.reserve.bytes, share);
}
