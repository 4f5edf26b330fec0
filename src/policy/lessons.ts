/** What a guest's boots and shrinks have taught, as it is remembered. Instants are monotonic seconds. */
import type { Bytes, Seconds } from '../model/units.ts';

/** The start of an epoch that we have seen begin. */
export interface Boot {
  /** Monotonic. */
  readonly at: Seconds;
  /** Boots in a row, this one among them. */
  readonly count: number;
  /** What the guest had last been asked for before: QEMU still holds it to that. */
  readonly asked: Bytes | undefined;
}

/** Signs of harm, the surest first. */
export const HARMS = ['oom-kill', 'swap-out', 'major-faults', 'alloc-stall', 'exhausted'] as const;
export type Harm = (typeof HARMS)[number];

/** The shrinks of the last while. Instants are monotonic seconds. */
export interface Probation {
  /** Size before the first of them: what is given back. */
  readonly from: Bytes;
  readonly begun: Seconds;
  /** When the last of them was on its way, or harm was seen. */
  readonly since: Seconds;
  /** Number of the last report that says nothing new of them. */
  readonly report: number;
  readonly harm?: Harm | undefined;
}

/** Why a squeeze ended. */
export const COLD_ENDS = [
  'oom-kill',
  'unknown',
  'growth',
  'refault',
  'full',
  'dry',
  'stuck',
  'barred',
] as const;
export type ColdEnd = (typeof COLD_ENDS)[number];

/** What is known of the memory that a guest uses and seldom touches. Instants are monotonic seconds. */
export interface Cold {
  /** It has swapped out for us in this epoch, or has not when it had nothing else left; undefined while that is not known. */
  readonly swaps: boolean | undefined;
  /** A squeeze is under way. */
  readonly squeezing: boolean;
  /** Size before it. */
  readonly from: Bytes;
  /** When its last step was decided. */
  readonly steppedAt: Seconds;
  /** The guest's size at the last report. */
  readonly size: Bytes;
  /** Its use when its balloon last stood still, less what it has swapped out since. */
  readonly use: Bytes;
  /** That use is what programs and kernel fill, and not what is missing of MemAvailable. */
  readonly isFilled: boolean;
  /** The balloon has stood still since. */
  readonly stood: boolean;
  /** What the guest is estimated to have swapped out since the epoch began. */
  readonly swapped: Bytes;
  /** The part of it that squeezes have taken, and that does not count as need. */
  readonly given: Bytes;
  /** The last squeeze that is over. */
  readonly ended: { readonly sign: ColdEnd; readonly at: Seconds } | undefined;
  /** Until then no squeeze begins. */
  readonly restUntil: Seconds;
}

/** A size under which the guest came to harm, and when. */
export interface LearnedFloor {
  readonly bytes: Bytes;
  readonly at: Seconds;
}

/** What is known of how ballooning works for a guest. */
export interface Efficacy {
  /** Shrinks in a row that freed too little. */
  readonly strikes: number;
  /** Shrinks that are still to be judged: sizes of guest and process before the first of them, and how many they are. */
  readonly trial?:
    | { readonly from: Bytes; readonly rss: Bytes; readonly overhead: Bytes; readonly shrinks: number }
    | undefined;
}
