import { describe, expect, it } from 'vitest';
import { ABSENT } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { decide } from './decide.ts';
import { ORDINARY_OVERHEAD } from './overhead.ts';
import {
  decisionOf,
  expression,
  type GuestParts,
  guestPolicy,
  guestSample,
  hostPolicy,
  instant,
  levelBelow,
  memoryIn,
  policySet,
  snapshot,
  stateOf,
  tickOf,
} from './testing.ts';

const asking = (bytes: number) => guestPolicy({ target: expression<number>(() => bytes) });

describe('decide', () => {
  it('shrinks a guest to its target, and remembers the move', () => {
    const tick = tickOf([{}], policySet([asking(2 * GiB)]));
    expect(decisionOf(tick)).toMatchObject({
      action: 'shrink',
      reason: 'SHRINK',
      currentBytes: 4 * GiB,
      targetBytes: 2 * GiB,
      wantedBytes: 2 * GiB,
      guarantees: { minBytes: GiB, maxBytes: 4 * GiB },
      policy: { name: 'guests' },
      level: 'none',
    });
    expect(memoryIn(tick)).toMatchObject({
      move: { from: 4 * GiB, to: 2 * GiB, at: 0 },
      target: 2 * GiB,
      shrunkAt: 0,
      grownAt: undefined,
      decidedOnReport: 10,
      granted: 0,
    });
  });

  it('grows a guest, and counts as granted what it had not been promised', () => {
    const tick = tickOf(
      [{ current: 2 * GiB, rss: GiB }],
      policySet([asking(3 * GiB)]),
      {},
      { 'guest-a': { granted: MiB } },
    );
    expect(decisionOf(tick)).toMatchObject({ action: 'grow', reason: 'GROW', targetBytes: 3 * GiB });
    expect(memoryIn(tick)).toMatchObject({ grownAt: 0, granted: GiB + MiB, decidedOnReport: 10 });
    const move = { from: 2 * GiB, to: 2.5 * GiB, at: -1 };
    const more = tickOf([{ current: 2 * GiB }], policySet([asking(3 * GiB)]), {}, { 'guest-a': { move } });
    expect(memoryIn(more)).toMatchObject({ granted: GiB / 2 });
  });

  it('records every stage in order, each from what the one before left', () => {
    const { stages = [] } = decisionOf(tickOf([{}], policySet([asking(2 * GiB)]))) ?? {};
    expect(stages.map(({ stage, in: from, out, code }) => [stage, from, out, code])).toEqual([
      ['demand', 4 * GiB, GiB, 'DEMAND'],
      ['target', GiB, 2 * GiB, 'TARGET'],
      ['guarantees', 2 * GiB, 2 * GiB, 'OK'],
      ['budget', 2 * GiB, 2 * GiB, 'BUDGET_FITS'],
      ['restraint', 2 * GiB, 2 * GiB, 'SHRINK'],
    ]);
  });

  it('does not change what it is given, and gives the same for the same', () => {
    const guests = [{}, { uuid: 'guest-b', current: GiB, used: 900 * MiB }];
    expect(tickOf(guests)).toEqual(tickOf(guests));
  });

  it('puts growth first, so that relief waits behind nobody, and those that stay at the end', () => {
    const tick = tickOf([
      { uuid: 'stays', readings: { used: ABSENT } },
      { uuid: 'grows', current: GiB + 100 * MiB, used: GiB },
      { uuid: 'shrinks' },
    ]);
    expect(tick.decisions.map(({ uuid, action }) => `${uuid} ${action}`)).toEqual([
      'grows grow',
      'shrinks shrink',
      'stays hold',
    ]);
  });

  it('lets the first policy that matches govern, and leaves alone a guest that none does', () => {
    const named = (name: string, of: string) =>
      guestPolicy({ name, mismatch: ({ name: guest }) => (guest === of ? undefined : 'name') });
    const policies = policySet([named('one', 'a'), named('two', 'a'), named('three', 'b')]);
    const tick = tickOf(
      [
        { uuid: 'a', name: 'a' },
        { uuid: 'b', name: 'b' },
        { uuid: 'c', name: 'c' },
      ],
      policies,
    );
    expect(['a', 'b', 'c'].map(uuid => decisionOf(tick, uuid)?.policy?.name)).toEqual([
      'one',
      'three',
      undefined,
    ]);
    expect(decisionOf(tick, 'c')).toMatchObject({
      action: 'hold',
      reason: 'UNMANAGED',
      targetBytes: 4 * GiB,
    });
    expect(decisionOf(tick, 'c')).not.toHaveProperty('guarantees');
  });

  it('shows guest expressions the level of this tick', () => {
    const target = expression<number>(({ host }) => (host.level === 'soft' ? 2 * GiB : 4 * GiB));
    const policies = policySet(
      [guestPolicy({ target })],
      hostPolicy({ pressure: [levelBelow('soft', 0.2)] }),
    );
    expect(decisionOf(tickOf([{}], policies))).toMatchObject({ level: 'none', action: 'hold' });
    expect(decisionOf(tickOf([{}], policies, { available: GiB }))).toMatchObject({
      level: 'soft',
      action: 'shrink',
    });
  });

  it('moves nobody while the memory of the host is not known', () => {
    const tick = tickOf([{}, { uuid: 'b', current: 2 * GiB, used: 2 * GiB - MiB }], policySet(), {
      readings: { available: ABSENT },
    });
    expect(tick.budget).toBeUndefined();
    for (const { action, reason } of tick.decisions)
      expect([action, reason]).toEqual(['hold', 'HOST_UNKNOWN']);
  });

  it('holds only the guest whose expression fails', () => {
    const target = expression<number>(({ guest }) =>
      guest?.name === 'bad' ? { problem: 'no such name' } : 2 * GiB,
    );
    const tick = tickOf([{ uuid: 'bad' }, { uuid: 'good' }], policySet([guestPolicy({ target })]));
    expect(decisionOf(tick, 'bad')).toMatchObject({ action: 'hold', reason: 'EXPRESSION_FAILED' });
    expect(decisionOf(tick, 'good')).toMatchObject({ action: 'shrink' });
  });

  it('remembers a guest that it holds, and forgets one that is gone', () => {
    const seen = snapshot({ guests: [guestSample({ rss: GiB, readings: { used: ABSENT } })] });
    const before = stateOf(
      { guests: [guestSample(), guestSample({ uuid: 'gone' })] },
      { 'guest-a': { granted: 5 } },
    );
    const { state } = decide(before, seen, policySet(), instant(0));
    expect(state.guests.get('guest-a')).toMatchObject({ granted: 5, kernelBytes: 0 });
    expect(state.guests.has('gone')).toBe(false);
  });

  it('says what the budget was', () => {
    const tick = tickOf([{}], policySet(), { total: 3 * GiB, available: 0 });
    expect(tick.budget).toEqual({
      total: 3 * GiB,
      committed: 4 * GiB,
      free: 0,
      emergency: 0.06 * GiB,
      split: 'fits',
    });
  });
});

describe('observe mode', () => {
  const observing = policySet([asking(2 * GiB)], hostPolicy({ mode: 'observe' }));

  it('decides, and leaves no move in flight', () => {
    const tick = tickOf([{}, { uuid: 'b', current: GiB }], observing);
    expect(decisionOf(tick)).toMatchObject({ action: 'shrink', targetBytes: 2 * GiB });
    expect(memoryIn(tick)).toMatchObject({ move: undefined, target: undefined, beforeMove: undefined });
    expect(memoryIn(tick, 'b')).toMatchObject({ move: undefined, target: undefined, granted: 0 });
  });

  it('lets cooldowns run as if it had moved', () => {
    const tick = tickOf([{}, { uuid: 'b', current: GiB }], observing);
    expect(memoryIn(tick)).toMatchObject({ shrunkAt: 0, decidedOnReport: 10 });
    expect(memoryIn(tick, 'b')).toMatchObject({ grownAt: 0 });
  });
});

describe('a host that is overcommitted from the start', () => {
  const SIZES = { total: 12 * GiB, available: 8 * GiB };
  const calm = (uuid: string): GuestParts => ({ uuid, max: 8 * GiB, used: GiB, rss: 2 * GiB });
  const policies = policySet([guestPolicy({ shrink: { at: new Set(['soft']) } })]);

  it('takes nothing at level none, though more is promised than there is', () => {
    const tick = tickOf([calm('a'), calm('b')], policies, SIZES);
    // Neither has touched all its size, so that each hides what its process needs for itself.
    const total = 12 * GiB - 2 * ORDINARY_OVERHEAD;
    expect(tick.budget).toMatchObject({ committed: 16 * GiB, total, split: 'fits' });
    for (const { action, reason } of tick.decisions)
      expect([action, reason]).toEqual(['hold', 'LEVEL_FORBIDS']);
  });

  it('gives to a guest in need what is really free, without making anybody give', () => {
    const hurt = { uuid: 'c', max: 8 * GiB, current: 2 * GiB, used: 2 * GiB - 10 * MiB, rss: 0 };
    const tick = tickOf([calm('a'), calm('b'), hurt], policies, SIZES);
    expect(decisionOf(tick, 'c')).toMatchObject({ action: 'grow', reason: 'DISTRESS' });
    expect(decisionOf(tick, 'a')).toMatchObject({ action: 'hold' });
  });
});
