/** Ticks over guests as a test wants them, one after the other, with what `decide()` remembers between them. */
import type { Decision } from '../../src/model/decision.ts';
import type { Seconds } from '../../src/model/units.ts';
import { decide, type Tick } from '../../src/policy/decide.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import type { GuestMemory, PolicyState } from '../../src/policy/state.ts';
import {
  deepFreeze,
  type GuestParts,
  guestSample,
  instant,
  policySet,
  type SnapshotParts,
  snapshot,
  stateOf,
} from '../../src/policy/testing.ts';

interface Watched extends Tick {
  /** The decision on a guest; without a uuid on the first one. */
  readonly of: (uuid?: string) => Decision;
}

export interface Watch {
  tick: (at: Seconds, guests: readonly GuestParts[], parts?: SnapshotParts) => Watched;
  readonly state: PolicyState;
}

/**
 * Starts with guests that have been standing still and are known.
 *
 * @param remembered what is known of them besides, by uuid
 * @param begun whether there has been a tick before
 */
export function watch(
  guests: readonly GuestParts[],
  policies: PolicySet = policySet(),
  remembered: Readonly<Record<string, Partial<GuestMemory>>> = {},
  begun = true,
): Watch {
  let state: PolicyState = {
    ...stateOf({ guests: guests.map(guestSample) }, remembered),
    ...(begun && { begun }),
  };
  return {
    tick(at, now, parts = {}) {
      const seen = snapshot({ ...parts, guests: now.map(guestSample) });
      const tick = decide(deepFreeze(state), deepFreeze(seen), policies, instant(at));
      state = tick.state;
      return { ...tick, of: uuid => decisionOf(tick, uuid) };
    },
    get state() {
      return state;
    },
  };
}

function decisionOf({ decisions }: Tick, uuid: string | undefined): Decision {
  const decision = uuid === undefined ? decisions[0] : decisions.find(candidate => candidate.uuid === uuid);
  if (decision === undefined) throw new Error(`no decision on ${uuid ?? 'anybody'}`);
  return decision;
}
