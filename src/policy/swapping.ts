/**
 * Memory that a guest has swapped out under our eyes. Swapping out raises its MemAvailable, so it looks comfortable while it hurts
 * (H13, R12): what it has evicted still counts as use.
 */
import { type Bytes, KiB, type Ratio, type Seconds } from '../model/units.ts';

/** Bytes per second. kswapd swaps cold pages out at any time; what is slower than this is no sign of need. */
export const SWAP_NOISE = 256 * KiB;

/** How long a guest is not shrunk after it last swapped out in earnest. */
const REST_SECONDS: Seconds = 15;

/** What was evicted and never comes back was cold, or its program has ended: nobody tells, so it is forgotten in this time. */
const FORGET_SECONDS: Seconds = 300;

/** Most of its maximum that a guest is given for swapping alone: a program under a limit of its own swaps at any size. */
const EVICTED_MOST: Ratio = 0.25;

/** Instants are monotonic seconds. */
export interface Swapping {
  /** Bytes that went out and have not come back. */
  readonly evicted: Bytes;
  /** When it last swapped out faster than noise: it has swap. */
  readonly noisyAt: Seconds | undefined;
}

/** Swapping between two reports; rates in bytes per second, 0 where they are not known. */
interface Traffic {
  readonly outRate: number;
  readonly inRate: number;
  /** Time between the reports. */
  readonly seconds: Seconds;
}

/** Adds a report. Undefined while there is nothing to remember; that it can swap at all is remembered. */
export function observeSwapping(
  before: Swapping | undefined,
  { outRate, inRate, seconds }: Traffic,
  max: Bytes,
  now: Seconds,
): Swapping | undefined {
  if (before === undefined && outRate <= 0) return undefined;
  const kept =
    before === undefined || before.evicted === 0 ? 0 : before.evicted * Math.exp(-seconds / FORGET_SECONDS);
  const evicted = Math.min(EVICTED_MOST * max, Math.max(0, kept + (outRate - inRate) * seconds));
  const noisyAt = outRate > SWAP_NOISE ? now : before?.noisyAt;
  if (evicted < SWAP_NOISE && noisyAt === undefined) return undefined;
  // Of most guests that have swapped once nothing more is to be told.
  return before?.evicted === evicted && before.noisyAt === noisyAt ? before : { evicted, noisyAt };
}

/** True while a guest swaps out in earnest, and a while after it. */
export function isSwapping({ noisyAt }: Pick<Swapping, 'noisyAt'>, now: Seconds): boolean {
  return noisyAt !== undefined && now - noisyAt < REST_SECONDS;
}
