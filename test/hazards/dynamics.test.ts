/** Hazards of group C: what happens over time, and among guests. */
import { describe, expect, it } from 'vitest';
import { type Bytes, GiB, MiB } from '../../src/model/units.ts';
import {
  expression,
  type GuestParts,
  type GuestPolicyParts,
  guestPolicy,
  hostPolicy,
  policySet,
} from '../../src/policy/testing.ts';
import { watch } from './watch.ts';

const asking = (bytes: Bytes, parts: GuestPolicyParts = {}) =>
  policySet([guestPolicy({ ...parts, target: expression<number>(() => bytes) })]);
const hurt = (uuid: string, parts: GuestParts = {}): GuestParts => ({
  uuid,
  current: GiB,
  used: GiB - 20 * MiB,
  ...parts,
});

describe('one guest over time', () => {
  it('H22: comes to rest and stays there while its use does', () => {
    const { tick } = watch(
      [{ used: GiB }],
      policySet([guestPolicy({ tolerance: { ratio: 0.02, bytes: 16 * MiB } })]),
    );
    let current: Bytes = 4 * GiB;
    let last = 0;
    for (let at = 0; at < 600; at++) {
      // Reports that differ by less than the dead band.
      const used = GiB + (at % 3) * 4 * MiB;
      const decision = tick(at, [{ current, used, reportsInEpoch: 10 + at }]).of();
      if (decision.action !== 'hold') last = at;
      current = decision.targetBytes ?? current;
    }
    expect(last).toBeLessThan(60);
  });

  it('H22: is not moved by less than its dead band', () => {
    const guest = { current: 2 * GiB, used: GiB };
    const { tick } = watch(
      [guest],
      asking(2 * GiB - 30 * MiB, { tolerance: { ratio: 0.02, bytes: 16 * MiB } }),
    );
    expect(tick(0, [guest]).of()).toMatchObject({ action: 'hold', reason: 'WITHIN_TOLERANCE' });
  });

  it('H23: is asked for one total, however often and from wherever it is on its way', () => {
    const totals = [4, 3.5, 3, 2.5].map(current => {
      const guest = { current: current * GiB, used: GiB };
      return watch([guest], asking(2 * GiB))
        .tick(0, [guest])
        .of().targetBytes;
    });
    expect(totals).toEqual([2 * GiB, 2 * GiB, 2 * GiB, 2 * GiB]);
  });

  it('H24: is decided on once a report, and not while it moves', () => {
    const guest = { used: GiB };
    const { tick } = watch([guest], asking(2 * GiB, { shrink: { stepMax: { bytes: 256 * MiB } } }));
    expect(tick(0, [guest]).of()).toMatchObject({ action: 'shrink' });
    const moving = { current: 4 * GiB - 100 * MiB, used: GiB, reportsInEpoch: 12 };
    expect(tick(1, [moving]).of()).toMatchObject({ action: 'hold', reason: 'MOVE_IN_FLIGHT' });
    const there = { current: 4 * GiB - 256 * MiB, used: GiB };
    expect(tick(2, [{ ...there, reportsInEpoch: 10 }]).of()).toMatchObject({ reason: 'NO_FRESH_SAMPLE' });
    expect(tick(3, [{ ...there, reportsInEpoch: 13 }]).of()).toMatchObject({ action: 'shrink' });
  });

  it('H25: grows by as much as it needs while it may only shrink by little', () => {
    const cautious = { shrink: { stepMax: { bytes: 32 * MiB }, rate: MiB, cooldownSeconds: 60 } };
    const guest = { current: GiB, used: 700 * MiB };
    const seen = watch([guest], asking(3 * GiB, cautious))
      .tick(0, [guest])
      .of();
    expect(seen).toMatchObject({ action: 'grow', targetBytes: 3 * GiB });
  });

  it('H26: is left alone when somebody else has moved its balloon', () => {
    const guest = { used: GiB };
    const set = policySet(asking(GiB).guests, hostPolicy({ yieldForSeconds: 600 }));
    const { tick } = watch([guest], set);
    const moved = { current: 3 * GiB, used: GiB };
    expect(tick(0, [moved]).of()).toMatchObject({ action: 'hold', reason: 'FOREIGN_CHANGE' });
    expect(tick(599, [{ ...moved, reportsInEpoch: 20 }]).of()).toMatchObject({ reason: 'FOREIGN_CHANGE' });
    expect(tick(601, [{ ...moved, reportsInEpoch: 30 }]).of()).toMatchObject({ action: 'shrink' });
  });

  it('H24: that was paused has its time again when it goes on', () => {
    const move = { from: 4 * GiB, to: 2 * GiB, at: 0 };
    const guest = { current: 3 * GiB, used: GiB };
    const { tick } = watch([guest], asking(2 * GiB), { 'guest-a': { move } });
    for (let at = 1; at < 300; at++) tick(at, [{ ...guest, state: 'paused' }]);
    expect(tick(301, [{ ...guest, reportsInEpoch: 20 }]).of()).toMatchObject({ reason: 'MOVE_IN_FLIGHT' });
  });

  it('H41: whose maximum has changed is asked for no more than it has, and promised no more', () => {
    const move = { from: 2 * GiB, to: 4 * GiB, at: -1 };
    const guest: GuestParts = { max: 3 * GiB, current: 2 * GiB, used: 1.9 * GiB };
    const { tick } = watch([guest], policySet(), { 'guest-a': { move, target: 4 * GiB } });
    const seen = tick(0, [guest]);
    expect(seen.budget?.committed).toBe(3 * GiB);
    expect(seen.of().targetBytes ?? 0).toBeLessThanOrEqual(3 * GiB);
  });
});

describe('all guests at once', () => {
  it('H27: are never given more than there is, and split it by their shares', () => {
    const guests = ['a', 'b', 'c', 'd', 'e', 'f'].map(uuid => hurt(uuid));
    const { tick } = watch(guests);
    const seen = tick(0, guests, { total: 6.6 * GiB });
    const targets = seen.decisions.map(({ targetBytes }) => targetBytes ?? 0);
    expect(targets.reduce((sum, target) => sum + target, 0)).toBeLessThanOrEqual(6.6 * GiB);
    expect(Math.max(...targets) - Math.min(...targets)).toBeLessThanOrEqual(MiB);
    expect(Math.min(...targets)).toBeGreaterThan(GiB + 90 * MiB);
  });

  it('H27: are relieved in the order of their priorities', () => {
    const named = (name: string, priority: number) =>
      guestPolicy({ name, priority, mismatch: ({ uuid }) => (uuid === name ? undefined : 'uuid') });
    const guests = [hurt('low'), hurt('high')];
    const { tick } = watch(guests, policySet([named('low', 300), named('high', 100)]));
    const seen = tick(0, guests, { total: 2.25 * GiB });
    // Both get what they cannot do without; what there is beyond that goes to the one that gives last.
    const given = (uuid: string) => (seen.of(uuid).targetBytes ?? 0) - GiB;
    expect(given('low')).toBeLessThanOrEqual(76 * MiB);
    expect(given('high')).toBeGreaterThan(2 * given('low'));
  });

  it('H27: who give last are relieved first while others are still to give', () => {
    const named = (name: string, priority: number) =>
      guestPolicy({ name, priority, mismatch: ({ uuid }) => (uuid === name ? undefined : 'uuid') });
    const guests = [hurt('low'), hurt('high'), { uuid: 'fat', used: 512 * MiB }];
    const { tick } = watch(guests, policySet([named('low', 300), named('high', 100), named('fat', 300)]));
    const seen = tick(0, guests, { total: 6.2 * GiB });
    expect(seen.of('high')).toMatchObject({ action: 'grow' });
    expect(seen.of('low')).toMatchObject({ action: 'hold', reason: 'WAITING_FOR_DONORS' });
  });

  it('H27: of one priority split by their shares what there is while others are still to give', () => {
    const guests = [hurt('a'), hurt('b'), { uuid: 'fat', used: 512 * MiB }];
    const { tick } = watch(guests);
    const seen = tick(0, guests, { total: 6.2 * GiB });
    for (const uuid of ['a', 'b']) {
      expect(seen.of(uuid)).toMatchObject({ action: 'grow' });
      expect(seen.of(uuid).targetBytes).toBeLessThanOrEqual(1.1 * GiB);
    }
  });

  it('H27: leave a part of what is really free to emergencies on a host that has promised more than it has', () => {
    const calm: GuestParts = { uuid: 'calm', current: GiB, used: 900 * MiB, rss: GiB };
    const idle: GuestParts = { uuid: 'idle', max: 16 * GiB, current: 16 * GiB, used: GiB, rss: 8.8 * GiB };
    const { tick } = watch([calm, idle], policySet([guestPolicy({ shrink: { at: new Set() } })]));
    const seen = tick(0, [calm, idle], { total: 10 * GiB, available: 0.2 * GiB });
    expect(seen.of('calm')).toMatchObject({ action: 'hold', reason: 'WAITING_FOR_DONORS' });
    const urgent = watch([hurt('calm'), idle]).tick(0, [hurt('calm'), idle], {
      total: 10 * GiB,
      available: 0.2 * GiB,
    });
    expect(urgent.of('calm')).toMatchObject({ action: 'grow' });
  });

  it('H27: leave a part of the host to whoever is in distress a moment later', () => {
    const calm: GuestParts = { uuid: 'calm', current: 2 * GiB, used: 1.5 * GiB };
    const { tick } = watch([calm, hurt('hurt')], asking(4 * GiB));
    const first = tick(0, [calm], { total: 3 * GiB });
    expect(first.of('calm').targetBytes).toBeLessThanOrEqual(3 * GiB * 0.98);
    const left = tick(1, [{ ...calm, current: 2.94 * GiB }, hurt('hurt')], { total: 4 * GiB });
    expect(left.of('hurt')).toMatchObject({ action: 'grow' });
  });

  it('H27: count on nothing that is promised and not yet taken, nor on a shrink before it is there', () => {
    const growing: GuestParts = { uuid: 'growing', current: GiB, used: 900 * MiB, rss: GiB };
    const move = { from: GiB, to: 3 * GiB, at: -1 };
    const { tick } = watch([growing, hurt('hurt')], policySet(), { growing: { move } });
    const seen = tick(0, [growing, hurt('hurt')], { total: 4.1 * GiB });
    expect(seen.budget?.free).toBeLessThanOrEqual(0.1 * GiB + 1);
    expect(seen.of('hurt').targetBytes ?? 0).toBeLessThanOrEqual(1.1 * GiB + MiB);
  });

  it('H28: on a host that has not got their guarantees keep those, and it is said', () => {
    const guests = ['a', 'b', 'c'].map((uuid): GuestParts => ({ uuid, current: 2 * GiB, used: 256 * MiB }));
    const guarantees = { min: { bytes: GiB }, max: { ratio: 1 }, reserve: 0 };
    const { tick } = watch(guests, asking(2 * GiB, { guarantees }));
    const seen = tick(0, guests, { total: 2 * GiB, available: 0 });
    expect(seen.budget?.split).toBe('insufficient');
    for (const { targetBytes } of seen.decisions) expect(targetBytes).toBeGreaterThanOrEqual(GiB);
  });
});

describe('a guest that a snapshot does not have', () => {
  const quiet: GuestParts = { uuid: 'quiet', max: 4 * GiB, current: 3 * GiB, used: GiB };
  const needy = hurt('needy');

  it('H30: keeps its claim for some ticks, and no longer than its domain can be gone', () => {
    const { tick } = watch([quiet, needy]);
    tick(0, [quiet, needy], { total: 4 * GiB });
    const free = (at: number) => tick(at, [needy], { total: 4 * GiB, available: 3 * GiB }).budget?.free ?? 0;
    expect(free(1)).toBeLessThan(0.1 * GiB);
    expect(free(9)).toBeLessThan(0.1 * GiB);
    expect(free(30)).toBeGreaterThan(2 * GiB);
  });

  it('H30: is known again when it is back, with its time for what it was asked', () => {
    const move = { from: 4 * GiB, to: 2 * GiB, at: 0 };
    const { tick } = watch([quiet], policySet(), {
      quiet: { move, shrunkAt: 0, learned: { bytes: GiB, at: 0 } },
    });
    tick(0, [quiet]);
    for (let at = 1; at < 60; at++) tick(at, []);
    const back = tick(60, [{ ...quiet, reportsInEpoch: 20 }]);
    expect(back.state.guests.get('quiet')).toMatchObject({
      shrunkAt: 0,
      learned: { bytes: GiB, at: 0 },
      move: { to: 2 * GiB },
    });
    expect(back.of('quiet')).toMatchObject({ reason: 'MOVE_IN_FLIGHT' });
    expect(back.state.missing).toBeUndefined();
  });

  it('H30: has its time also after a long tick that was without it', () => {
    const move = { from: 4 * GiB, to: 2 * GiB, at: 0 };
    const { tick } = watch([quiet], policySet(), { quiet: { move } });
    tick(60, []);
    expect(tick(61, [{ ...quiet, reportsInEpoch: 20 }]).of('quiet')).toMatchObject({
      reason: 'MOVE_IN_FLIGHT',
    });
  });

  it('H30: is forgotten after a while, as many as there are', () => {
    const { tick } = watch([]);
    for (let at = 0; at < 3000; at += 10) tick(at, [{ uuid: `guest-${at}` }]);
    expect(tick(3000, []).state.missing?.size ?? 0).toBeLessThanOrEqual(61);
  });

  it('H30: several that hang at once cost none of them its memory', () => {
    const guests = ['a', 'b', 'c'].map((uuid): GuestParts => ({ uuid, current: 2 * GiB, used: GiB }));
    const { tick } = watch([...guests, needy]);
    tick(0, [...guests, needy], { total: 7 * GiB });
    const alone = tick(1, [needy], { total: 7 * GiB, available: 6 * GiB });
    expect(alone.budget?.free).toBeLessThan(0.1 * GiB);
    const all = tick(2, [...guests, needy], { total: 7 * GiB });
    for (const uuid of ['a', 'b', 'c']) expect(all.of(uuid).reason).not.toBe('STATS_SETTLING');
  });

  it('H31: or that a job holds is not moved, and has its time when the job is over', () => {
    const move = { from: 4 * GiB, to: 2 * GiB, at: 0 };
    const { tick } = watch([quiet], policySet(), { quiet: { move } });
    for (let at = 1; at < 120; at++) {
      expect(tick(at, [{ ...quiet, obstacles: ['job'] }]).of()).toMatchObject({
        action: 'hold',
        reason: 'JOB_RUNNING',
      });
    }
    expect(tick(121, [{ ...quiet, reportsInEpoch: 20 }]).of()).toMatchObject({ reason: 'MOVE_IN_FLIGHT' });
  });

  it.each(['paused', 'crashed', 'stopped', 'unknown'] as const)('H42: or that is %s is not moved', state => {
    expect(
      watch([quiet])
        .tick(0, [{ ...quiet, state }])
        .of(),
    ).toMatchObject({ action: 'hold', reason: 'NOT_RUNNING' });
  });
});
