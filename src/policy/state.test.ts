import { describe, expect, it } from 'vitest';
import { GiB } from '../model/units.ts';
import {
  correctMove,
  draftOf,
  type GuestMemory,
  initialState,
  newGuestMemory,
  type PolicyState,
} from './state.ts';
import { deepFreeze } from './testing.ts';

const UUID = 'guest-a';

function stateWith(parts: Partial<GuestMemory>): PolicyState {
  return deepFreeze({ ...initialState(0), guests: new Map([[UUID, { ...newGuestMemory(1), ...parts }]]) });
}

const SHRINK = { from: 4 * GiB, to: 2 * GiB, at: 50 };
const GROWTH = { from: 2 * GiB, to: 4 * GiB, at: 50 };
const NOTHING = { move: undefined, target: undefined, granted: 0, unfollowed: 0, backOffUntil: undefined };

describe('a memory of a guest', () => {
  it('that is new has the shape of all that come of it', () => {
    const memory = newGuestMemory(1);

    expect(Object.keys(draftOf(memory))).toEqual(Object.keys(memory));
  });
});

describe('correctMove', () => {
  it('takes back a move that was never asked, with what was promised by it, and keeps the cooldown', () => {
    const state = stateWith({
      move: GROWTH,
      beforeMove: { ...NOTHING, granted: GiB },
      target: 4 * GiB,
      granted: 3 * GiB,
      grownAt: 50,
    });
    expect(correctMove(state, UUID, 4 * GiB, undefined).guests.get(UUID)).toEqual({
      ...newGuestMemory(1),
      granted: GiB,
      grownAt: 50,
    });
  });

  it('puts back the move that is still under way, with its time once more', () => {
    const beforeMove = { ...NOTHING, move: { ...SHRINK, at: 20 }, target: 2 * GiB };
    const state = stateWith({ move: GROWTH, beforeMove, target: 4 * GiB });
    expect(correctMove(state, UUID, 4 * GiB, undefined).guests.get(UUID)).toMatchObject({
      move: SHRINK,
      target: 2 * GiB,
    });
  });

  it('puts back the failed shrink that was to be withdrawn, and the back-off that it has not yet earned', () => {
    const beforeMove = { ...NOTHING, move: SHRINK, target: 2 * GiB };
    const state = stateWith({ move: GROWTH, beforeMove, target: 4 * GiB, unfollowed: 1, backOffUntil: 650 });
    expect(correctMove(state, UUID, 4 * GiB, undefined).guests.get(UUID)).toMatchObject({
      move: SHRINK,
      unfollowed: 0,
      backOffUntil: undefined,
    });
  });

  it('notes what the guard made of a move', () => {
    const state = stateWith({ move: SHRINK, target: 2 * GiB });
    expect(correctMove(state, UUID, 2 * GiB, 3 * GiB).guests.get(UUID)).toMatchObject({
      move: { ...SHRINK, to: 3 * GiB },
      target: 3 * GiB,
      granted: 0,
    });
    const growth = stateWith({ move: GROWTH, target: 4 * GiB, granted: 2 * GiB });
    expect(correctMove(growth, UUID, 4 * GiB, 3 * GiB).guests.get(UUID)).toMatchObject({ granted: GiB });
  });

  it('leaves alone what it is not about', () => {
    const state = stateWith({ move: SHRINK });
    expect(correctMove(state, 'nobody', 2 * GiB, undefined)).toBe(state);
    expect(correctMove(state, UUID, 3 * GiB, undefined)).toBe(state);
    expect(correctMove(state, UUID, 2 * GiB, 2 * GiB)).toBe(state);
    const still = stateWith({});
    expect(correctMove(still, UUID, 2 * GiB, undefined)).toBe(still);
  });
});
