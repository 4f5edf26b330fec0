/** What the journal is told, and what it gives back. */
import type { Instant } from '../model/clock.ts';
import type { Decision } from '../model/decision.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Bytes } from '../model/units.ts';

/** The policies in force: what was read, and the mode in which they run. */
export interface JournalPolicies {
  readonly mode: 'observe' | 'enforce';
  readonly texts: readonly { readonly file: string; readonly text: string }[];
}

export interface JournalTick {
  readonly at: Instant;
  readonly snapshot: Snapshot;
  /** The same object as long as the same policies are in force; missing where nothing is decided. */
  readonly policies?: JournalPolicies | undefined;
  /** All that is remembered before this tick, as JSON; asked for where a segment begins. */
  readonly checkpoint?: (() => unknown) | undefined;
  /** What has changed of it since the tick before, other than by deciding, as JSON. */
  readonly patch?: unknown;
  /** The safety hold kept back what would have shrunk. */
  readonly withheld?: boolean | undefined;
  /** What was decided for every guest. */
  readonly decisions?: readonly Decision[];
}

export interface JournalOutcome {
  readonly at: Instant;
  readonly uuid: string;
  readonly name: string;
  readonly status: 'applied' | 'dry-run' | 'refused' | 'failed';
  readonly decidedBytes?: Bytes;
  /** What was really asked of the guest. */
  readonly targetBytes?: Bytes;
  readonly problem?: string;
}

export interface JournalEvent {
  readonly at: Instant;
  /** Such as `level`, `guest-appeared`, `reload`. */
  readonly event: string;
  readonly uuid?: string;
  readonly name?: string;
  readonly detail?: Readonly<Record<string, number | string | boolean>>;
}

/** Where a segment comes from. */
export interface JournalOrigin {
  /** Version of the program. */
  readonly ballonet: string;
  readonly uri: string;
}

export interface SegmentRecord extends JournalOrigin {
  readonly type: 'segment';
  /** As it was named to the reader. */
  readonly file: string;
  readonly at: Instant;
  readonly policies?: JournalPolicies;
  /** The checkpoint of its first tick. */
  readonly state?: unknown;
}

export interface TickRecord extends JournalTick {
  readonly type: 'tick';
  /** False when something before it in the segment is lost: what was remembered is then not known any more. */
  readonly whole: boolean;
  /** Moves, and what differs from the guest's last decision in action, reason or policy. */
  readonly decisions: readonly Decision[];
  readonly withheld: boolean;
}

export type JournalRecord =
  | SegmentRecord
  | TickRecord
  | ({ readonly type: 'outcome' } & JournalOutcome)
  | ({ readonly type: 'event' } & JournalEvent)
  /** A line that says nothing; `torn` where the writer was stopped in the middle of it. */
  | {
      readonly type: 'flaw';
      readonly file: string;
      readonly line: number;
      readonly problem: string;
      readonly torn: boolean;
    };
