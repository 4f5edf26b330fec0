import { describe, expect, it } from 'vitest';
import { ABSENT } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { decide } from './decide.ts';
import { correctMove } from './state.ts';
import {
  decisionOf,
  expression,
  guestPolicy,
  guestSample,
  instant,
  memoryIn,
  policySet,
  snapshot,
  stateOf,
  tickOf,
} from './testing.ts';

const asking = (bytes: number) => guestPolicy({ target: expression<number>(() => bytes) });
const SHRINK = { from: 4 * GiB, to: 2 * GiB, at: -100 };

describe('a move that the guest does not follow', () => {
  const stuck = { current: 3 * GiB };
  const failed = { 'guest-a': { move: SHRINK, target: 2 * GiB } };

  it('is withdrawn to what was reached and a margin, and the guest is left alone', () => {
    const tick = tickOf([stuck], policySet([asking(2 * GiB)]), {}, failed);
    expect(decisionOf(tick)).toMatchObject({
      action: 'grow',
      reason: 'WITHDRAWN',
      targetBytes: 3 * GiB + 32 * MiB,
    });
    expect(memoryIn(tick)).toMatchObject({ unfollowed: 1, backOffUntil: 600, target: 3 * GiB + 32 * MiB });
  });

  it('is withdrawn while the host is unknown, the guest held, or nothing is free', () => {
    const unknown = tickOf([stuck], policySet(), { readings: { total: ABSENT } }, failed);
    expect(decisionOf(unknown)).toMatchObject({ reason: 'WITHDRAWN' });
    const held = tickOf([{ ...stuck, readings: { available: ABSENT } }], policySet(), {}, failed);
    expect(decisionOf(held)).toMatchObject({ reason: 'WITHDRAWN' });
    const full = tickOf([stuck], policySet(), { total: 3 * GiB, available: 0 }, failed);
    expect(decisionOf(full)).toMatchObject({ reason: 'WITHDRAWN' });
  });

  it('gives way to growth beyond it', () => {
    const tick = tickOf([stuck], policySet([asking(4 * GiB)]), {}, failed);
    expect(decisionOf(tick)).toMatchObject({ action: 'grow', reason: 'GROW', targetBytes: 4 * GiB });
  });

  it('doubles the back-off each time, though every withdrawal is followed', () => {
    const policies = policySet([asking(2 * GiB)]);
    let state = stateOf({ guests: [guestSample()] });
    const waits: number[] = [];
    for (let at = 0; at < 11_000; at++) {
      const move = state.guests.get('guest-a')?.move;
      const current = move === undefined ? 4 * GiB : Math.max(3 * GiB, move.to);
      const seen = snapshot({ guests: [guestSample({ current, reportsInEpoch: 10 + at })] });
      const tick = decide(state, seen, policies, instant(at));
      if (tick.decisions[0]?.reason === 'WITHDRAWN') waits.push((memoryIn(tick)?.backOffUntil ?? 0) - at);
      state = tick.state;
    }
    expect(waits).toEqual([600, 1200, 2400, 3600, 3600]);
  });

  it('is withdrawn once more when the withdrawal could not be asked', () => {
    const policies = policySet([asking(2 * GiB)]);
    const first = tickOf([stuck], policies, {}, failed);
    const state = correctMove(first.state, 'guest-a', 3 * GiB + 32 * MiB, undefined);
    const at = (now: number) =>
      decide(
        state,
        snapshot({ guests: [guestSample({ ...stuck, reportsInEpoch: 20 })] }),
        policies,
        instant(now),
      );
    expect(decisionOf(at(1))).toMatchObject({ action: 'hold', reason: 'MOVE_IN_FLIGHT' });
    const again = at(60);
    expect(decisionOf(again)).toMatchObject({ reason: 'WITHDRAWN' });
    expect(memoryIn(again)).toMatchObject({ unfollowed: 1, backOffUntil: 660 });
  });
});

describe('a shrink under way', () => {
  const shrinking = { 'guest-a': { move: { from: 4 * GiB, to: GiB, at: -1 } } };

  it('is cut short when use grows into it', () => {
    const tick = tickOf([{ current: 3 * GiB, used: 2 * GiB }], policySet([asking(GiB)]), {}, shrinking);
    const decision = decisionOf(tick);
    expect(decision).toMatchObject({ action: 'shrink', reason: 'GUARD_FLOOR' });
    expect(decision?.targetBytes).toBeGreaterThan(2 * GiB + 90 * MiB);
    expect(memoryIn(tick)?.move).toMatchObject({ from: 3 * GiB, to: decision?.targetBytes });
  });

  it('is stopped when the guest is in distress, and turned round where there is room', () => {
    const hurt = { current: 3 * GiB, used: 3 * GiB - 10 * MiB };
    const stopped = tickOf([hurt], policySet(), { readings: { total: ABSENT } }, shrinking);
    expect(decisionOf(stopped)).toMatchObject({
      action: 'grow',
      reason: 'GUARD_FLOOR',
      targetBytes: 3 * GiB,
    });
    const turned = tickOf([hurt], policySet(), {}, shrinking);
    expect(decisionOf(turned)).toMatchObject({ action: 'grow', reason: 'DISTRESS' });
    expect(decisionOf(turned)?.targetBytes).toBeGreaterThan(3 * GiB);
  });

  it('is left alone otherwise', () => {
    const tick = tickOf([{ current: 3 * GiB, used: 256 * MiB }], policySet([asking(GiB)]), {}, shrinking);
    expect(decisionOf(tick)).toMatchObject({ action: 'hold', reason: 'MOVE_IN_FLIGHT' });
  });
});
