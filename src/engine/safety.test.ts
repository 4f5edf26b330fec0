import { describe, expect, it } from 'vitest';
import { decisionOf } from '../../test/fakes/samples.ts';
import { initialState, newGuestMemory, type PolicyState } from '../policy/state.ts';
import { afterFailure, afterSuccess, CALM, withholdShrinks } from './safety.ts';

describe('safety net', () => {
  it('holds after three failed ticks in a row, not after two', () => {
    const two = afterFailure(afterFailure(CALM));
    expect(two.holding).toBe(false);
    expect(afterFailure(two).holding).toBe(true);
  });

  it('forgets single failures at the next good tick', () => {
    const net = afterFailure(afterSuccess(afterFailure(afterFailure(CALM))));
    expect(net).toMatchObject({ failures: 1, holding: false });
  });

  it('lets shrinks resume only after three good ticks in a row', () => {
    const held = afterFailure(afterFailure(afterFailure(CALM)));
    const two = afterSuccess(afterSuccess(held));
    expect(two.holding).toBe(true);
    expect(afterSuccess(two)).toEqual(CALM);
    expect(afterSuccess(afterSuccess(afterFailure(two))).holding).toBe(true);
  });

  it('turns shrinks into holds that say why, forgets their moves, and lets growth pass', () => {
    const shrink = decisionOf();
    const grow = decisionOf({ uuid: 'b', action: 'grow', targetBytes: 2 });
    const state: PolicyState = {
      ...initialState(0),
      guests: new Map([
        [shrink.uuid, { ...newGuestMemory(1), move: { from: 2, to: shrink.targetBytes ?? 0, at: 0 } }],
        ['b', { ...newGuestMemory(1), move: { from: 1, to: 2, at: 0 } }],
      ]),
    };

    const held = withholdShrinks({ state, decisions: [shrink, grow], budget: undefined });

    expect(held.decisions[0]).toMatchObject({
      action: 'hold',
      reason: 'SAFETY_HOLD',
      targetBytes: shrink.currentBytes,
    });
    expect(held.decisions[1]).toBe(grow);
    expect(held.state.guests.get(shrink.uuid)?.move).toBeUndefined();
    expect(held.state.guests.get('b')?.move).toBeDefined();
  });
});
