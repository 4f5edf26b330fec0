/** Engine events for tests that look at one or two fields of them. */
import type { TickEvent } from '../../src/engine/engine.ts';
import type { Decision } from '../../src/model/decision.ts';
import type { GuestSample } from '../../src/model/snapshot.ts';
import { NO_LIMITS, type PolicySet } from '../../src/policy/policy-set.ts';
import { initialState } from '../../src/policy/state.ts';
import { snapshotOf } from './samples.ts';

const POLICIES: PolicySet = {
  host: {
    name: 'test',
    description: undefined,
    source: { file: 'test.yaml', line: 1, column: 1 },
    mode: 'enforce',
    intervalSeconds: 1,
    memory: { kind: 'auto' },
    reserve: { bytes: 0, ratio: 0, select: 'max' },
    staleAfterSeconds: 10,
    pressure: [],
    onExit: 'hold',
    surplus: 'keep',
    limits: NO_LIMITS,
    yieldForSeconds: undefined,
  },
  guests: [],
};

/** A tick over these guests that came to these decisions, with an empty state before and after it. */
export function tickEventOf(
  guests: readonly GuestSample[],
  decisions: readonly Decision[] = [],
  parts: Partial<TickEvent> = {},
): TickEvent {
  const budget = { total: 1, committed: 0, free: 1, split: 'fits' } as const;
  return {
    type: 'tick',
    now: { monotonic: 1000, wall: 1_700_000_000 },
    snapshot: snapshotOf(guests),
    policies: POLICIES,
    before: initialState(0),
    withheld: false,
    tick: { state: initialState(0), decisions, budget },
    ...parts,
  };
}
