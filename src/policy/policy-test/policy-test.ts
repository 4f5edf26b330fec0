/** A validated policy test in the form that the runner takes. Made by compile.ts; nothing here can fail except a condition. */
import type { Action, ReasonCode, SourceRef } from '../../model/decision.ts';
import type { Bytes, Seconds } from '../../model/units.ts';
import type { PolicySet } from '../policy-set.ts';
import type { Condition } from './conditions.ts';
import type { GuestSlot, HostSlot } from './figures.ts';
import type { Series } from './series.ts';

export interface PolicyTest {
  readonly name: string;
  /** Where the test stands: its name. */
  readonly source: SourceRef;
  readonly policies: PolicySet;
  /** The files of the policy set. */
  readonly policyFiles: readonly string[];
  /** Unix time, seconds. */
  readonly start: Seconds;
  readonly interval: Seconds;
  /** Ticks of the test, the one at time 0 among them. */
  readonly ticks: number;
  readonly host: TestHost;
  readonly guests: readonly TestGuest[];
  readonly expectations: readonly Expectation[];
  readonly always: readonly Condition[];
  readonly never: readonly Never[];
}

interface TestHost {
  readonly memory: Bytes;
  readonly others: Bytes;
  readonly series: ReadonlyMap<HostSlot, Series>;
}

export interface TestGuest {
  readonly name: string;
  readonly uuid: string;
  readonly title: string | undefined;
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly os: string | undefined;
  readonly max: Bytes;
  /** Size at the start. */
  readonly current: Bytes;
  readonly series: ReadonlyMap<GuestSlot, Series>;
}

/** What a decision or a tick must be, field by field; a field that is missing is not looked at. */
export interface Wanted {
  readonly level?: string;
  readonly policy?: string;
  readonly action?: Action;
  readonly target?: SizeRange;
  readonly reason?: ReasonCode;
}

/** Inclusive; both missing is any size. */
export interface SizeRange {
  readonly atLeast?: Bytes;
  readonly atMost?: Bytes;
}

export interface Expectation {
  readonly source: SourceRef;
  readonly at: Seconds;
  readonly within: Seconds;
  /** Index among the guests of the test; undefined when it is about the host alone. */
  readonly guest: number | undefined;
  readonly wanted: Wanted;
}

export interface Never {
  readonly source: SourceRef;
  /** Index among the guests of the test; undefined is all of them. */
  readonly guest: number | undefined;
  readonly unwanted: Wanted;
}
