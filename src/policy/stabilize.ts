/** The highest of what a policy recommended within a while, in bounded memory. Instants are monotonic seconds. */
import type { Bytes, Seconds } from '../model/units.ts';

/** How many parts the stabilization window is kept in. */
const SLOTS = 12;

/** The highest recommendation of one part of the window, and when that part began. */
export interface SlotPeak {
  readonly since: Seconds;
  readonly peak: Bytes;
}

/**
 * Highest recommendations, one a part of the window, oldest first and the highest of all in front: a part that a later one is not
 * under counts for nothing, because it also leaves the window earlier.
 */
export type Recommendations = readonly SlotPeak[];

/**
 * Adds a recommendation. The first one counts along with the present size, so that a guest that has just become known is not
 * shrunk before it has been watched for the whole window.
 */
export function recommend(
  before: Recommendations | undefined,
  desired: Bytes,
  current: Bytes,
  windowSeconds: Seconds,
  now: Seconds,
): Recommendations {
  if (before === undefined) return [{ since: now, peak: Math.max(desired, current) }];
  const last = before.at(-1);
  const same = last !== undefined && (now - last.since) * SLOTS < windowSeconds;
  if (same && last.peak >= desired) return before;
  // A part counts until all of it is older than the window.
  const counts = ({ since, peak }: SlotPeak): boolean =>
    peak > desired && (same || (now - since) * SLOTS < windowSeconds * (SLOTS + 1));
  let count = 0;
  for (const part of before) if (counts(part)) count++;
  // Of its length at once: V8 gives an array that grows room for sixteen more, and a guest has one of these for every tick.
  const kept = new Array<SlotPeak>(count + 1);
  kept[count] = { since: same ? last.since : now, peak: desired };
  count = 0;
  for (const part of before) if (counts(part)) kept[count++] = part;
  return kept;
}

/** The highest recommendation of the window. */
export function highest(recommendations: Recommendations): Bytes {
  let result = 0;
  for (const { peak } of recommendations) result = Math.max(result, peak);
  return result;
}
