/** Hazards of taking memory that turns out to be needed: what a guest says of it counts, and is remembered. */
import { describe, expect, it } from 'vitest';
import { ABSENT, type GuestFigure, known } from '../../src/model/snapshot.ts';
import { GiB, KiB, MiB } from '../../src/model/units.ts';
import { decide } from '../../src/policy/decide.ts';
import {
  expression,
  type GuestParts,
  type GuestPolicyParts,
  guestPolicy,
  guestSample,
  hostPolicy,
  instant,
  policySet,
  snapshot,
} from '../../src/policy/testing.ts';
import { watch } from './watch.ts';

const asking = (bytes: number, parts: GuestPolicyParts = {}) =>
  policySet([guestPolicy({ ...parts, target: expression<number>(() => bytes) })]);

/** A guest of 4 GiB that was shrunk from 3 to 2 GiB at second 0 and stands there, with the report after it. */
function shrunk(report: GuestParts = {}, policies = asking(2 * GiB)) {
  const guest = { current: 3 * GiB, used: GiB, reportsInEpoch: 10 };
  const { tick } = watch([guest], policies);
  const first = tick(0, [guest]);
  const smaller = { current: first.of().targetBytes ?? 0, used: GiB };
  const after = tick(5, [{ ...smaller, reportsInEpoch: 12, ...report }]);
  return { first, after, tick, smaller };
}

const figures = (readings: Partial<Record<GuestFigure, number>>): GuestParts => ({
  readings: Object.fromEntries(Object.entries(readings).map(([name, value]) => [name, known(value)])),
});

describe('a shrink on probation', () => {
  it.each([
    ['swaps out', figures({ swapOutRate: 300 * KiB })],
    ['reads back what it has dropped', figures({ majorFaultRate: 60 })],
    ['reads that back beside what it swaps in', figures({ majorFaultRate: 90, swapInRate: 100 * KiB })],
    ['kills a process', figures({ oomKills: 1 })],
    ['stalls in allocation', figures({ allocStalls: 30 })],
    ['has less than half its reserve', { used: 2 * GiB - 60 * MiB }],
  ] satisfies [string, GuestParts][])('H29: is rolled back at once when the guest %s', (_, report) => {
    const { first, after } = shrunk(report);
    expect(first.of()).toMatchObject({ action: 'shrink' });
    expect(after.of()).toMatchObject({ action: 'grow', reason: 'ROLLED_BACK' });
    expect(after.of().targetBytes).toBeGreaterThanOrEqual(3 * GiB);
  });

  it.each([
    ['swaps in', figures({ swapInRate: 64 * MiB })],
    ['faults for what it swaps in', figures({ majorFaultRate: 900, swapInRate: 4 * MiB })],
    ['swaps out no faster than kswapd does anyhow', figures({ swapOutRate: 200 * KiB })],
    ['faults as little as any', figures({ majorFaultRate: 40 })],
    ['does not report such figures', { readings: { swapOutRate: ABSENT, majorFaultRate: ABSENT } }],
  ] satisfies [string, GuestParts][])('H29: is not rolled back when the guest %s', (_, report) => {
    expect(shrunk(report).after.of()).toMatchObject({ action: 'hold' });
  });

  it("H29: measures major faults against the guest's own ordinary rate", () => {
    expect(shrunkFrom(100, 300)).toMatchObject({ action: 'hold' });
    expect(shrunkFrom(100, 500)).toMatchObject({ action: 'grow', reason: 'ROLLED_BACK' });
  });

  it('H29: learns the ordinary rate of major faults only while no shrink is on probation', () => {
    const guest = { current: 3 * GiB, used: GiB };
    const { tick } = watch([guest], asking(3 * GiB));
    for (let at = 1; at < 400; at++)
      tick(at, [{ ...guest, ...figures({ majorFaultRate: 100 }), reportsInEpoch: 10 + at }]);
    const { state } = tick(400, [{ ...guest, ...figures({ majorFaultRate: 100 }), reportsInEpoch: 410 }]);
    expect(state.guests.get('guest-a')?.faultRate).toBeCloseTo(100, 0);
    const spiking = shrunk(figures({ majorFaultRate: 500 }));
    expect(spiking.after.state.guests.get('guest-a')?.faultRate).toBe(0);
  });

  it('H29: judges no report from before the shrink', () => {
    const report = { reportsInEpoch: 10, ...figures({ majorFaultRate: 300 }) };
    expect(shrunk(report).after.of()).toMatchObject({ action: 'hold' });
  });

  it('H29: ends after a minute: later harm is not of the shrink', () => {
    const { tick, smaller } = shrunk();
    tick(40, [{ ...smaller, reportsInEpoch: 50 }]);
    const late = { ...smaller, reportsInEpoch: 70, ...figures({ majorFaultRate: 500 }) };
    expect(tick(70, [late]).of()).toMatchObject({ action: 'hold' });
  });

  it('H29: leaves a guest alone for a minute after harm, whoever needs its memory', () => {
    const { tick } = shrunk({}, asking(2 * GiB));
    const hurt = { current: 2 * GiB, used: GiB, ...figures({ majorFaultRate: 500 }) };
    tick(10, [{ ...hurt, reportsInEpoch: 15 }]);
    const needy = { uuid: 'needy', current: GiB, used: GiB - 100 * MiB };
    const well = { current: 3 * GiB, used: GiB, reportsInEpoch: 60 };
    const tight = { total: 4 * GiB, available: 0 };
    expect(tick(60, [well, needy], tight).of('guest-a')).toMatchObject({ action: 'hold' });
    const later = { ...well, reportsInEpoch: 80 };
    expect(tick(140, [later, needy], tight).of('guest-a')).toMatchObject({ action: 'shrink' });
  });

  it('H29: gives to one in distress all the same, once it has shown no harm for a while', () => {
    const needy = { uuid: 'needy', current: GiB, used: GiB - 10 * MiB };
    const tight = { total: 3.8 * GiB, available: 0 };
    const { tick } = shrunk(figures({ majorFaultRate: 500 }));
    // It has not got all of it back.
    const quiet = { current: 2.8 * GiB, used: GiB };
    const early = tick(8, [{ ...quiet, reportsInEpoch: 14 }, needy], tight);
    expect(early.of('guest-a').action).not.toBe('shrink');
    const seen = tick(20, [{ ...quiet, reportsInEpoch: 30 }, needy], tight);
    expect(seen.of('guest-a')).toMatchObject({ action: 'shrink', reason: 'BUDGET_DONOR' });
    const going = { ...quiet, current: 2.7 * GiB, reportsInEpoch: 31 };
    expect(tick(21, [going, needy], tight).of('guest-a').action).toBe('hold');
  });

  it('H29: gives to one in distress though it has little to spare, once it has borne its size for a while', () => {
    const policies = asking(2 * GiB, {
      guarantees: { min: { ratio: 0.25 }, max: { ratio: 1 }, reserve: GiB },
    });
    const needy = { uuid: 'needy', current: GiB, used: GiB - 10 * MiB };
    const tight = { total: 3.8 * GiB, available: 0 };
    const { tick } = shrunk(figures({ majorFaultRate: 500 }), policies);
    const quiet = { current: 2.8 * GiB, used: GiB };
    const early = tick(8, [{ ...quiet, reportsInEpoch: 14 }, needy], tight);
    expect(early.of('guest-a').action).not.toBe('shrink');
    const late = tick(20, [{ ...quiet, reportsInEpoch: 30 }, needy], tight);
    expect(late.of('guest-a')).toMatchObject({ action: 'shrink', reason: 'BUDGET_DONOR' });
  });

  describe('that did harm a moment ago, while another guest needs memory', () => {
    const other = (reportsInEpoch: number, used = 500 * MiB) => ({
      uuid: 'other',
      current: GiB,
      used,
      reportsInEpoch,
    });
    const needy = other(40, GiB - 10 * MiB);
    const tight = { total: 4 * GiB, available: 0 };

    /** Harmed at second 10, given its 3 GiB back, and using so much of them at second 15. */
    function later(used: number, report: GuestParts = {}) {
      const { tick } = watch([{ current: 3 * GiB, used: GiB, reportsInEpoch: 9 }, other(9)], asking(2 * GiB));
      tick(0, [{ current: 3 * GiB, used: GiB, reportsInEpoch: 10 }, other(10)], tight);
      const hurt = { current: 2 * GiB, used: 2 * GiB, ...figures({ majorFaultRate: 500 }) };
      tick(10, [{ ...hurt, reportsInEpoch: 15 }, other(20)], tight);
      return tick(15, [{ current: 2.9 * GiB, used, reportsInEpoch: 35, ...report }, needy], tight);
    }

    it('H29: takes nothing from the guest as long as it needs what it got back', () => {
      expect(later(3 * GiB - 200 * MiB).of('guest-a').action).not.toBe('shrink');
    });

    it('H13: takes nothing from it while it swaps out', () => {
      const seen = later(GiB, figures({ swapOutRate: 300 * KiB }));
      expect(seen.of('guest-a').action).not.toBe('shrink');
    });

    it('H24: does not call a shrink back that it has asked for to relieve another', () => {
      const { state, decisions } = later(GiB);
      const target = decisions.find(({ uuid }) => uuid === 'guest-a')?.targetBytes;
      const moving = { current: 2.8 * GiB, used: GiB, reportsInEpoch: 35 };
      const next = decide(
        state,
        snapshot({ ...tight, guests: [guestSample(moving), guestSample(needy)] }),
        asking(2 * GiB),
        instant(15.3),
      );
      expect(next.state.guests.get('guest-a')?.move?.to).toBe(target);
    });

    it('H27: takes what it has plainly freed since, before the other swaps for want of it', () => {
      expect(later(GiB).of('guest-a')).toMatchObject({ action: 'shrink', reason: 'BUDGET_DONOR' });
    });
  });

  it('H29: is rolled back no further than the budget allows', () => {
    const { tick } = shrunk();
    const hurt = { current: 2 * GiB, used: GiB, reportsInEpoch: 12, ...figures({ majorFaultRate: 500 }) };
    const other = { uuid: 'b', current: GiB, used: GiB - 100 * MiB };
    const seen = tick(6, [hurt, other], { total: 3.25 * GiB });
    expect(seen.of('guest-a')).toMatchObject({ action: 'grow', reason: 'BUDGET_CUT' });
    expect(seen.of('guest-a').targetBytes).toBeLessThanOrEqual(2.25 * GiB);
  });
});

/** A shrink of a guest whose ordinary rate of major faults is known, and the decision after a report of another rate. */
function shrunkFrom(faultRate: number, seen: number) {
  const guest = { current: 3 * GiB, used: GiB, reportsInEpoch: 10 };
  const { tick } = watch([guest], asking(2 * GiB), { 'guest-a': { faultRate } });
  const target = tick(0, [{ ...guest, ...figures({ majorFaultRate: faultRate }) }]).of().targetBytes ?? 0;
  const report = figures({ majorFaultRate: seen });
  return tick(5, [{ current: target, used: GiB, reportsInEpoch: 12, ...report }]).of();
}

describe('a learned floor', () => {
  it.each([
    ['swapping out', figures({ swapOutRate: 300 * KiB })],
    ['faulting', figures({ majorFaultRate: 500 })],
    ['killing a process', figures({ oomKills: 1 })],
    ['stalling in allocation', figures({ allocStalls: 30 })],
    ['having less than half its reserve', { used: 2 * GiB - 60 * MiB }],
  ] satisfies [string, GuestParts][])('H29: comes of %s', (_, report) => {
    const { after } = shrunk(report);
    expect(after.state.guests.get('guest-a')?.learned?.bytes).toBeGreaterThan(2 * GiB);
  });

  const FLOOR = 2.5 * GiB;
  const learnedAt = (at: number) => ({ 'guest-a': { learned: { bytes: FLOOR, at } } });
  const guest = { current: 3 * GiB, used: GiB };

  it('H29: is above the size that did harm, and not above the one before', () => {
    const { tick, smaller } = shrunk();
    const hurt = { ...smaller, reportsInEpoch: 14, ...figures({ majorFaultRate: 500 }) };
    const floor = tick(6, [hurt]).state.guests.get('guest-a')?.learned?.bytes ?? 0;
    expect(floor).toBeGreaterThan(1.05 * (smaller.current ?? 0));
    expect(floor).toBeLessThanOrEqual(3 * GiB);
  });

  it('H29: keeps the target of the policy above it, and says so', () => {
    const { tick } = watch([guest], asking(GiB), learnedAt(0));
    const decision = tick(0, [guest]).of();
    expect(decision).toMatchObject({ action: 'shrink', targetBytes: FLOOR });
    expect(decision.stages.map(({ code }) => code)).toContain('LEARNED_FLOOR');
  });

  it('H29: decays by a hundredth of the maximum a minute, and is then forgotten', () => {
    const decided = (seconds: number) =>
      watch([guest], asking(GiB), learnedAt(0)).tick(seconds, [guest]).of();
    expect(decided(600).stages.find(({ code }) => code === 'LEARNED_FLOOR')?.out).toBeCloseTo(
      FLOOR - 0.4 * GiB,
      -7,
    );
    expect(decided(6 * 3600).stages.map(({ code }) => code)).not.toContain('LEARNED_FLOOR');
  });

  it('H29: outlasts a reboot, and yields to a host that has not got it', () => {
    const { tick } = watch([guest], asking(GiB), learnedAt(0));
    tick(10, [{ ...guest, epoch: 2, reportsInEpoch: 1, current: 4 * GiB }]);
    const { state } = tick(11, [{ ...guest, epoch: 2, reportsInEpoch: 2, current: 4 * GiB }]);
    expect(state.guests.get('guest-a')?.learned?.bytes).toBe(FLOOR);
    const short = watch([guest], asking(GiB), learnedAt(0)).tick(0, [guest], { total: 2 * GiB });
    expect(short.of()).toMatchObject({ action: 'shrink' });
    expect(short.of().targetBytes).toBeLessThan(FLOOR);
  });
});

describe('a guest that swaps', () => {
  const swapping = figures({ swapOutRate: 600 * KiB });
  const comfortable = { current: 3 * GiB, used: 256 * MiB };

  it('H13: is not shrunk while it swaps out, however comfortable that makes it look, nor right after', () => {
    const { tick } = watch([comfortable], asking(GiB));
    expect(tick(0, [{ ...comfortable, ...swapping, reportsInEpoch: 11 }]).of()).toMatchObject({
      action: 'hold',
      reason: 'SWAPPING',
    });
    expect(tick(5, [{ ...comfortable, reportsInEpoch: 12 }]).of().reason).toBe('SWAPPING');
    expect(tick(30, [{ ...comfortable, reportsInEpoch: 13 }]).of()).toMatchObject({ action: 'shrink' });
  });

  it('H13: is shrunk while it swaps in: that is recovery', () => {
    const { tick } = watch([comfortable], asking(GiB));
    const recovering = { ...comfortable, ...figures({ swapInRate: 64 * MiB }), reportsInEpoch: 11 };
    expect(tick(0, [recovering]).of()).toMatchObject({ action: 'shrink' });
    const again = watch([comfortable], asking(GiB));
    again.tick(0, [{ ...comfortable, ...swapping, reportsInEpoch: 11 }]);
    expect(again.tick(30, [{ ...recovering, reportsInEpoch: 40 }]).of()).toMatchObject({ action: 'shrink' });
  });

  it('H13: gives to one in distress all the same when it has much to spare, and goes on with it', () => {
    const needy = { uuid: 'needy', current: GiB, used: GiB - 10 * MiB };
    const tight = { total: 3.8 * GiB, available: 0 };
    const { tick } = watch([comfortable, needy], policySet([guestPolicy()]));
    tick(0, [{ ...comfortable, ...swapping, reportsInEpoch: 11 }, needy], tight);
    const giving = tick(5, [{ ...comfortable, reportsInEpoch: 12 }, needy], tight);
    expect(giving.of('guest-a')).toMatchObject({ action: 'shrink', reason: 'BUDGET_DONOR' });
    const going = { ...comfortable, current: 2.9 * GiB, reportsInEpoch: 13 };
    expect(tick(6, [going, needy], tight).of('guest-a').action).toBe('hold');
  });

  it('H13: is given what it has swapped out beside what it still uses', () => {
    const demanding = policySet([guestPolicy()]);
    const guest = { current: GiB, used: 600 * MiB };
    const { tick } = watch([guest], demanding);
    tick(0, [{ ...guest, reportsInEpoch: 11 }]);
    const hurt = figures({ swapOutRate: 50 * MiB });
    let decision = tick(1, [{ ...guest, ...hurt, reportsInEpoch: 12 }]).of();
    for (let at = 2; at < 8; at++) decision = tick(at, [{ ...guest, ...hurt, reportsInEpoch: 11 + at }]).of();
    expect(decision).toMatchObject({ action: 'grow', reason: 'DISTRESS' });
    // 50 MiB/s for 7 s, less the little that is forgotten on the way.
    expect(decision.targetBytes).toBeGreaterThan(1.25 * (600 + 330) * MiB);
  });

  it('H13: is given for its swapping alone no more than a quarter of its maximum', () => {
    const guest = { current: GiB, used: 256 * MiB };
    const { tick } = watch([guest], policySet([guestPolicy()]));
    let most = 0;
    for (let at = 0; at < 600; at++) {
      const report = { ...guest, ...figures({ swapOutRate: 200 * MiB }), reportsInEpoch: 10 + at };
      most = Math.max(most, tick(at, [report]).of().targetBytes ?? 0);
    }
    expect(most).toBeLessThanOrEqual(1.25 * (256 * MiB + GiB) + 128 * MiB + MiB);
  });

  it('H14: that hides it by zswap shows it by its faults', () => {
    const { after } = shrunk(figures({ swapOutRate: 0, majorFaultRate: 300 }));
    expect(after.of()).toMatchObject({ action: 'grow', reason: 'ROLLED_BACK' });
  });

  it('H16: that reads dropped cache back gets it back', () => {
    const { after } = shrunk(figures({ majorFaultRate: 300 }));
    expect(after.of()).toMatchObject({ action: 'grow', reason: 'ROLLED_BACK' });
  });
});

describe('a balloon that frees nothing', () => {
  const policies = asking(GiB, { shrink: { stepMax: { bytes: 512 * MiB }, cooldownSeconds: 5 } });

  /** Lets a guest follow every target for so many seconds, while its process holds what `held` says. */
  function follow(held: (current: number) => number, set = policies) {
    let guest: GuestParts = { current: 4 * GiB, used: 256 * MiB, rss: 4 * GiB + 80 * MiB };
    const { tick } = watch([guest], set);
    let last = tick(0, [guest]);
    const all = [last.of()];
    for (let at = 1; at <= 60; at++) {
      const current = last.of().targetBytes ?? 4 * GiB;
      guest = { current, used: 256 * MiB, rss: held(current), reportsInEpoch: 10 + at };
      last = tick(at, [guest]);
      all.push(last.of());
    }
    return { last, guest, shrinks: all.filter(({ action }) => action === 'shrink').length, all };
  }

  it('H21: is found by what its process holds, given back, and left alone', () => {
    const { last, guest } = follow(() => 4 * GiB + 80 * MiB);
    expect(last.of()).toMatchObject({ action: 'hold', reason: 'INEFFECTIVE' });
    expect(guest.current).toBe(4 * GiB);
  });

  it('H21: is not one that frees what has been touched, or was never touched', () => {
    const ends = (held: (current: number) => number) => follow(held).last.of().targetBytes;
    // The last step is not worth making.
    expect(ends(current => current + 80 * MiB)).toBeLessThanOrEqual(GiB + 4 * MiB);
    expect(ends(() => 400 * MiB)).toBeLessThanOrEqual(GiB + 4 * MiB);
    expect(ends(current => Math.min(current, 2.5 * GiB))).toBeLessThanOrEqual(GiB + 4 * MiB);
  });

  describe('while shrinks come faster than one of them can be judged', () => {
    const fast = asking(GiB, { shrink: { stepMax: { bytes: 128 * MiB } } });

    it('H21: is found after three of them, and given back what they took', () => {
      const { last, guest, shrinks } = follow(() => 4 * GiB + 80 * MiB, fast);
      expect(shrinks).toBe(3);
      expect(last.of().reason).toBe('INEFFECTIVE');
      expect(guest.current).toBe(4 * GiB);
    });

    it('H21: keeps nobody waiting who frees what has been touched, or never touched it', () => {
      for (const held of [(current: number) => current + 80 * MiB, () => 400 * MiB]) {
        const { all, guest } = follow(held, fast);
        expect(all.filter(({ reason }) => reason === 'EFFECT_AWAITED')).toEqual([]);
        expect(guest.current).toBeLessThanOrEqual(GiB + 128 * MiB);
      }
    });
  });

  it('H21: is tried again after a reboot', () => {
    const state = { efficacy: { strikes: 3 } };
    const guest = { current: 4 * GiB, used: 256 * MiB };
    const { tick } = watch([guest], policies, { 'guest-a': state });
    expect(tick(0, [guest]).of().reason).toBe('INEFFECTIVE');
    tick(1, [{ ...guest, epoch: 2, reportsInEpoch: 1 }]);
    const { of } = tick(90, [{ ...guest, epoch: 2, reportsInEpoch: 60 }]);
    expect(of().reason).not.toBe('INEFFECTIVE');
  });

  it('H20: counts in a pool of fixed size by what it holds, not by what its size says', () => {
    const host = hostPolicy({ memory: { kind: 'size', bytes: 8 * GiB } });
    const free = (strikes: number) => {
      const liar = { current: GiB, used: 256 * MiB, rss: 4 * GiB };
      const { tick } = watch([liar], { ...policies, host }, { 'guest-a': { efficacy: { strikes } } });
      return tick(0, [liar], { total: 8 * GiB, available: 7 * GiB }).budget?.free;
    };
    expect(free(0)).toBe(7 * GiB);
    expect(free(1)).toBe(4 * GiB);
  });

  it.each(['passthrough', 'hugepages', 'locked', 'launch-security'] as const)(
    'H21: counts whole in a pool of fixed size when it is of no use by its XML: %s',
    obstacle => {
      const host = hostPolicy({ memory: { kind: 'size', bytes: 8 * GiB } });
      const pinned: GuestParts = { current: GiB, used: 256 * MiB, obstacles: [obstacle] };
      const { tick } = watch([pinned], { ...policies, host });
      expect(tick(0, [pinned], { total: 8 * GiB, available: 7 * GiB }).budget?.free).toBe(4 * GiB);
    },
  );
});
