/**
 * What happens to the state between two ticks: moves that were not asked for as decided, orders of an operator. The journal keeps
 * it with the tick that follows, so that deciding again starts from the same state.
 */
import { z } from 'zod';
import type { PolicyState } from '../policy/state.ts';
import { decodeState, type EncodedState, encodeState } from '../policy/state-json.ts';

export interface StatePatch {
  /** The state with only those guests that have changed. */
  readonly state: EncodedState;
  /** Uuids of guests that are no longer remembered. */
  readonly gone: readonly string[];
}

/** Undefined when nothing has changed. */
export function patchBetween(after: PolicyState, before: PolicyState): StatePatch | undefined {
  if (after === before) return undefined;
  const changed = [...before.guests].filter(([uuid, memory]) => after.guests.get(uuid) !== memory);
  const gone = [...after.guests.keys()].filter(uuid => !before.guests.has(uuid));
  return { state: encodeState({ ...before, guests: new Map(changed) }), gone };
}

const patchSchema = z.object({ state: z.unknown(), gone: z.array(z.string()) });

/** The state with a patch that was read back; or a sentence that says what is wrong with the patch. */
export function applyPatch(state: PolicyState, patch: unknown): PolicyState | { readonly problem: string } {
  const read = patchSchema.safeParse(patch);
  if (!read.success) return { problem: 'the change of the state is not one' };
  const changed = decodeState(read.data.state);
  if ('problem' in changed) return changed;
  const guests = new Map([...state.guests, ...changed.guests]);
  for (const uuid of read.data.gone) guests.delete(uuid);
  return { ...changed, guests };
}
