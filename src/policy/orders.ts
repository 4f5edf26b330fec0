/** What an operator tells Ballonet to do with one guest, and what that makes of the state. Pure, like everything here. */
import type { Instant } from '../model/clock.ts';
import type { Decision } from '../model/decision.ts';
import { type GuestSample, trusted } from '../model/snapshot.ts';
import type { Bytes, Seconds } from '../model/units.ts';
import { promisedBytes } from './follow-up.ts';
import type { Pause } from './pauses.ts';
import { amended, type GuestMemory, type PolicyState } from './state.ts';

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

/**
 * The state after guests were asked to grow outside any tick: a later daemon must not take their new size for somebody else's.
 *
 * @param grown what each was asked for, by uuid
 */
export function afterRelease(
  state: PolicyState,
  grown: ReadonlyMap<string, { readonly from: Bytes; readonly to: Bytes }>,
  at: Seconds,
): PolicyState {
  const guests = new Map(state.guests);
  for (const [uuid, { from, to }] of grown) {
    const memory = guests.get(uuid);
    if (memory !== undefined) guests.set(uuid, given(memory, from, to, at));
  }
  return { ...state, guests };
}

function given(memory: GuestMemory, from: Bytes, to: Bytes, at: Seconds): GuestMemory {
  const { move, target, granted, unfollowed, backOffUntil } = memory;
  return amended(memory, {
    move: { from, to, at },
    beforeMove: { move, target, granted, unfollowed, backOffUntil },
    target: to,
    grownAt: at,
    granted: granted + Math.max(0, to - promisedBytes(from, memory)),
    // Whoever else moved the balloon before, it is ours to give.
    yieldUntil: undefined,
  });
}

function releaseGuest(state: PolicyState, sample: GuestSample, { reason }: Pause, now: Instant): Obeyed {
  const { uuid, name, readings } = sample;
  const [current, max] = [trusted(readings.current), trusted(readings.max)];
  const memory = state.guests.get(uuid);
  if (memory === undefined || current === undefined || max === undefined || current >= max) return { state };
  return {
    state: { ...state, guests: new Map(state.guests).set(uuid, given(memory, current, max, now.monotonic)) },
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
