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
  // A part counts until all of it is older than the window. The oldest are in front, and the lowest at the end.
  let first = 0;
  if (!same) while (isOver(before[first], windowSeconds, now)) first++;
  let end = before.length;
  while (end > first && (before[end - 1]?.peak ?? 0) <= desired) end--;
  const added = { since: same ? last.since : now, peak: desired };
  if (end === first) return [added];
  // Of its length at once: V8 gives an array that grows room for sixteen more, and a guest has one of these for every tick.
  const kept = new Array<SlotPeak>(end - first + 1);
  kept[end - first] = added;
  for (let i = first; i < end; i++) kept[i - first] = before[i] ?? added;
  return kept;
}

function isOver(part: SlotPeak | undefined, windowSeconds: Seconds, now: Seconds): boolean {
  return part !== undefined && (now - part.since) * SLOTS >= windowSeconds * (SLOTS + 1);
}

/** The highest recommendation of the window. */
export function highest(recommendations: Recommendations): Bytes {
  return recommendations[0]?.peak ?? 0;
}
