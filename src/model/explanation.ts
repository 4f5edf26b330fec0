/**
 * Why a guest is, or is not, moved: everything that one tick's decision about it was made of. Plain data, so that it goes through
 * JSON unchanged; the API and `ballonet explain -o json` give it as it is.
 */
import type { Action, Decision, ReasonCode, SourceRef } from './decision.ts';
import type { Bytes, Seconds } from './units.ts';

/** What a name of the policy language counts: how its value is to be read. */
export type NameUnit = 'bytes' | 'bytes/s' | '1/s' | 'seconds' | 'ratio' | 'percent' | 'number';

export type TracedValue = number | string | boolean;

/** What a part of an expression came to, and what its own parts came to. */
export interface Trace {
  /** As it is written in the policy. */
  readonly text: string;
  /** Missing where the part has none, was not evaluated, or is a list or map. */
  readonly value?: TracedValue;
  /** Of a name that has one; amounts are in it. */
  readonly unit?: NameUnit;
  /** Why there is no value: a figure that is not known. */
  readonly problem?: string;
  /** The parts before it had decided the outcome. */
  readonly skipped?: true;
  /** Operands that are names or have names in them, in their order; numbers and constants are left out. */
  readonly parts: readonly Trace[];
}

/** One expression of a policy with what it came to. */
export interface TracedExpression {
  readonly source: SourceRef;
  /** Missing when this tick did not come so far. */
  readonly trace?: Trace;
}

/** What one field of `match` or `exclude` says of a guest. */
export interface FieldVerdict {
  /** `match.name`, `exclude.tags.tier`, `match.expression`. */
  readonly field: string;
  /** What the guest must have there, as written. */
  readonly wants: string;
  /** What it has; missing when it has nothing there, or nothing is known. */
  readonly has?: string | number;
  /** True when the guest has what the field wants. */
  readonly holds: boolean;
  /** Of an expression. */
  readonly trace?: Trace;
}

export interface PolicyRef {
  readonly name: string;
  readonly source: SourceRef;
  readonly precedence: number;
}

/** A guest policy that does not govern the guest. */
export interface OtherPolicy extends PolicyRef {
  /** `outranked`: it matches, and one of higher precedence governs. */
  readonly because: 'outranked' | 'no-match' | 'excluded';
  /** The fields that say no; those that exclude the guest, where it is excluded. Empty for an outranked policy. */
  readonly fields: readonly FieldVerdict[];
}

/** A schedule or exception of the governing policy. */
export interface LayerState {
  readonly kind: 'schedule' | 'exception';
  readonly name: string;
  readonly source: SourceRef;
  readonly inForce: boolean;
  /** Of an exception. */
  readonly reason?: string;
  /** Unix time from which an exception does nothing. */
  readonly expiresAt?: Seconds;
}

/** One pressure level of the host, from the most severe down. */
export interface LevelState extends TracedExpression {
  readonly name: string;
  /** More than one may be; the first of them is the present one. */
  readonly entered: boolean;
  /** How long the condition has been true, or false, without a break; missing while it cannot be evaluated. */
  readonly heldSeconds?: Seconds;
  readonly forSeconds: Seconds;
  readonly keepForSeconds: Seconds;
}

/** A veto of the policy, or its relief. */
export interface Protector extends TracedExpression {
  readonly kind: 'veto' | 'relief';
  readonly name: string;
  /** It acts on this decision: its condition holds, or held within its hold time, or cannot be told. */
  readonly inForce: boolean;
  /** How much longer a veto is in force when its condition no longer holds; missing unless it is that which keeps it. */
  readonly secondsLeft?: Seconds;
}

/** A variable of the policy, or its target. */
export interface Quantity extends TracedExpression {
  /** `vars.headroom`, `target`. */
  readonly name: string;
}

/** A figure of the host or the guest by its name in expressions, before and after a change. */
export interface FigureChange {
  readonly name: string;
  readonly unit: NameUnit;
  readonly from: number;
  readonly to: number;
}

/**
 * One thing that makes a guest move that stays as it is, all else being as it is. Each was tried: `decide()` was run again with it.
 *
 * - `wait`: nothing but time.
 * - `arrive`: the move under way comes to its end.
 * - `host`: a figure of the host changes; `figures` has every name of the policy language that shows it.
 * - `guest`: a figure of the guest changes.
 * - `demand`: what the guest has used, over the whole window of its estimate, changes.
 * - `policy`: a field of its policy has another value.
 */
export interface Change {
  readonly kind: 'wait' | 'arrive' | 'host' | 'guest' | 'demand' | 'policy';
  readonly figures: readonly FigureChange[];
  /** A field of the policy and what it would have to say. */
  readonly field?: { readonly name: string; readonly to: string; readonly source: SourceRef };
  /** How long it must stay so until the guest moves: the first tick of which this is true. */
  readonly seconds: Seconds;
  /** The pressure level then. */
  readonly level: string;
  /** What is decided then. */
  readonly outcome: {
    readonly action: Exclude<Action, 'hold'>;
    readonly reason: ReasonCode;
    readonly targetBytes: Bytes;
  };
}

/** A limit of the governing policy that bit, and the field that sets it. */
export interface LimitPlace {
  readonly code: ReasonCode;
  /** `behavior.shrink.cooldown` */
  readonly field: string;
  readonly source: SourceRef;
  /** The policy does not say it: its default holds, and `source` is the policy. */
  readonly isDefault?: true;
}

/** Kind `Explanation` of the API. */
export interface Explanation {
  readonly apiVersion: 'ballonet/v1';
  readonly kind: 'Explanation';
  /** The tick that is explained, Unix time. */
  readonly at: Seconds;
  /** With every stage and its numbers. */
  readonly decision: Decision;
  /** Index among the stages of the one that decided the outcome; missing where no single one did. */
  readonly decidedBy?: number;
  /** The governing policy; missing for an unmanaged guest. */
  readonly policy?: PolicyRef & { readonly description?: string; readonly mode: 'observe' | 'enforce' };
  /** All other guest policies of the set, those that come nearest first. */
  readonly others: readonly OtherPolicy[];
  /** Schedules and exceptions of the governing policy, as written. */
  readonly layers: readonly LayerState[];
  readonly limits: readonly LimitPlace[];
  readonly host: {
    readonly policy: { readonly name: string; readonly source: SourceRef };
    readonly mode: 'observe' | 'enforce';
    readonly level: string;
    /** How long it has been the present level. */
    readonly levelSeconds: Seconds;
    readonly levels: readonly LevelState[];
    /** Missing while the host's memory is not known. */
    readonly budget?: {
      readonly totalBytes: Bytes;
      readonly committedBytes: Bytes;
      readonly freeBytes: Bytes;
    };
  };
  /** Variables in their order, then the target. */
  readonly quantities: readonly Quantity[];
  readonly protectors: readonly Protector[];
  /**
   * What would make the guest move, the shortest wait first. Undefined when it was not looked for; empty when the guest moves
   * anyway, or nothing that was tried makes it.
   */
  readonly changes?: readonly Change[];
}
