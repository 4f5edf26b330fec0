/**
 * Guests that a snapshot does not have (H30, R23). A QEMU that hangs, a domain that a job holds, or a bulk answer cut short leave
 * one out for some ticks; what is known of it, and what it has been promised, must not be lost to that.
 */
import type { Snapshot } from '../model/snapshot.ts';
import type { Bytes, Seconds } from '../model/units.ts';
import { promisedBytes, suspended } from './follow-up.ts';
import type { Missing, PolicyState } from './state.ts';

/** How long a guest that is gone keeps its claim on the host: then the domain has ended. */
const CLAIM_SECONDS: Seconds = 10;
/** How long it is remembered: a domain that comes back by then has booted again, and boots are counted that long. */
const MEMORY_SECONDS: Seconds = 600;

/** The guests that are missing as of this snapshot; undefined when none is. */
export function missingAfter(
  { guests, missing }: PolicyState,
  snapshot: Snapshot,
  now: Seconds,
): ReadonlyMap<string, Missing> | undefined {
  const present = new Set(snapshot.guests.map(({ uuid }) => uuid));
  const result = new Map<string, Missing>();
  for (const [uuid, memory] of guests) {
    if (!present.has(uuid)) result.set(uuid, { memory: suspended(memory, now), since: now });
  }
  for (const [uuid, guest] of missing ?? []) {
    if (present.has(uuid) || now - guest.since >= MEMORY_SECONDS) continue;
    result.set(uuid, { ...guest, memory: suspended(guest.memory, now) });
  }
  return result.size === 0 ? undefined : result;
}

/** What the budget must still keep for them. */
export function promisedToMissing(missing: ReadonlyMap<string, Missing> | undefined, now: Seconds): Bytes {
  let total = 0;
  for (const { memory, since } of missing?.values() ?? []) {
    if (now - since < CLAIM_SECONDS) total += promisedBytes(memory.resting?.size ?? 0, memory);
  }
  return total;
}
