/** What an operator tells Ballonet to do with one guest, and what that makes of the state. Pure, like everything here. */
import type { Instant } from '../model/clock.ts';
import type { Decision } from '../model/decision.ts';
import { type GuestSample, trusted } from '../model/snapshot.ts';
import { promisedBytes } from './follow-up.ts';
import type { Pause } from './pauses.ts';
import type { PolicyState } from './state.ts';

export type Order =
  | { readonly type: 'pause'; readonly uuid: string; readonly pause: Pause }
  | { readonly type: 'resume'; readonly uuid: string; readonly by: string }
  /** The guest is given its maximum back and then left alone. */
  | { readonly type: 'release'; readonly uuid: string; readonly pause: Pause };

export interface Obeyed {
  readonly state: PolicyState;
  /** The move that the order asks for, if any. */
  readonly decision?: Decision;
}

/** @param sample the guest as it was last seen; without one nothing is moved */
export function obey(
  state: PolicyState,
  order: Order,
  sample: GuestSample | undefined,
  now: Instant,
): Obeyed {
  const pauses = new Map(state.pauses);
  if (order.type === 'resume') {
    pauses.delete(order.uuid);
    return { state: { ...state, pauses } };
  }
  const paused = { ...state, pauses: pauses.set(order.uuid, order.pause) };
  return order.type === 'release' && sample !== undefined
    ? releaseGuest(paused, sample, order.pause, now)
    : { state: paused };
}

function releaseGuest(state: PolicyState, sample: GuestSample, { reason }: Pause, now: Instant): Obeyed {
  const { uuid, name, readings } = sample;
  const [current, max] = [trusted(readings.current), trusted(readings.max)];
  const memory = state.guests.get(uuid);
  if (memory === undefined || current === undefined || max === undefined || current >= max) return { state };
  const { move, target, granted, unfollowed, backOffUntil } = memory;
  const released = {
    ...memory,
    move: { from: current, to: max, at: now.monotonic },
    beforeMove: { move, target, granted, unfollowed, backOffUntil },
    target: max,
    grownAt: now.monotonic,
    granted: granted + Math.max(0, max - promisedBytes(current, memory)),
    // Whoever else moved the balloon before, it is ours to give.
    yieldUntil: undefined,
  };
  return {
    state: { ...state, guests: new Map(state.guests).set(uuid, released) },
    decision: {
      uuid,
      name,
      level: state.pressure.level,
      action: 'grow',
      reason: 'RELEASED',
      currentBytes: current,
      targetBytes: max,
      wantedBytes: undefined,
      stages: [{ stage: 'eligibility', in: current, out: max, code: 'RELEASED', inputs: { reason } }],
    },
  };
}
