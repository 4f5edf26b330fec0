/** Engine events for tests that look at one or two fields of them. */
import type { TickEvent } from '../../src/engine/engine.ts';
import type { Decision } from '../../src/model/decision.ts';
import type { GuestSample } from '../../src/model/snapshot.ts';
import { initialState } from '../../src/policy/state.ts';
import { POLICIES } from './policies.ts';
import { snapshotOf } from './samples.ts';

/** A tick over these guests that came to these decisions, with an empty state before and after it. */
export function tickEventOf(
  guests: readonly GuestSample[],
  decisions: readonly Decision[] = [],
  parts: Partial<TickEvent> = {},
): TickEvent {
  const budget = { total: 1, committed: 0, free: 1, emergency: 0, split: 'fits' } as const;
  return {
    type: 'tick',
    now: { monotonic: 1000, wall: 1_700_000_000 },
    snapshot: snapshotOf(guests),
    policies: POLICIES,
    before: initialState(0),
    withheld: false,
    tick: { state: initialState(0), decisions, budget },
    seconds: 0.01,
    ...parts,
  };
}
