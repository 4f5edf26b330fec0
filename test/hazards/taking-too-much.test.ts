/** Hazards of group A: taking more than a guest can spare, or giving it back too late. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guard } from '../../src/actuators/guard.ts';
import { absoluteReserve } from '../../src/model/floor.ts';
import { known } from '../../src/model/snapshot.ts';
import { type Bytes, GiB, MiB } from '../../src/model/units.ts';
import {
  expression,
  type GuestParts,
  type GuestPolicyParts,
  guestPolicy,
  guestSample,
  hostPolicy,
  policySet,
} from '../../src/policy/testing.ts';
import { watch } from './watch.ts';

const asking = (bytes: Bytes, parts: GuestPolicyParts = {}) =>
  policySet([guestPolicy({ ...parts, target: expression<number>(() => bytes) })]);

const NO_RESERVE = { min: { bytes: 64 * MiB }, max: { ratio: 1 }, reserve: 0 };

describe('what a guest keeps', () => {
  it('H1: is its use and an absolute reserve, whatever its policy asks for', () => {
    const guest = { max: 512 * MiB, used: 300 * MiB };
    const { tick } = watch([guest], asking(MiB, { guarantees: NO_RESERVE }));
    expect(tick(0, [guest]).of()).toMatchObject({ action: 'shrink', targetBytes: 332 * MiB });
  });

  it('H1: is three quarters of its own reserve besides, so that no shrink ends in distress', () => {
    const guest = { used: GiB };
    const guarantees = { ...NO_RESERVE, reserve: GiB };
    const { tick } = watch([guest], asking(MiB, { guarantees }));
    expect(tick(0, [guest]).of()).toMatchObject({ action: 'shrink', targetBytes: 1.75 * GiB });
  });

  it('H7: is what its kernel keeps out of its figures, too', () => {
    const guest = { max: 2 * GiB, used: 512 * MiB, kernel: 100 * MiB };
    const { tick } = watch([guest], asking(MiB, { guarantees: NO_RESERVE }), {
      'guest-a': { kernelBytes: 100 * MiB },
    });
    const least = 612 * MiB + absoluteReserve(2 * GiB);
    expect(tick(0, [guest]).of().targetBytes).toBeGreaterThanOrEqual(least);
  });

  it('H8: is its guaranteed share of its maximum, however idle it looks', () => {
    const guest = { used: 0 };
    const guarantees = { ...NO_RESERVE, min: { ratio: 0.5 } };
    const { tick } = watch([guest], asking(MiB, { guarantees }));
    const decision = tick(0, [guest], { total: GiB, available: 0 }).of();
    expect(decision).toMatchObject({ targetBytes: 2 * GiB });
    expect(decision.stages.find(({ stage }) => stage === 'guarantees')).toMatchObject({
      code: 'GUARANTEE_MIN',
    });
  });

  it('H6: is checked once more where no policy reaches', () => {
    const sample = guestSample({ used: GiB });
    fc.assert(
      fc.property(
        fc.oneof(fc.double({ min: -1e12, max: 1e12 }), fc.integer({ min: -GiB, max: 4 * GiB })),
        fc.integer({ min: 0, max: 4 * GiB }),
        (target, min) => {
          const decision = {
            ...watch([{}]).tick(0, [{}]).of(),
            action: 'shrink' as const,
            targetBytes: target,
            guarantees: { minBytes: min, maxBytes: 4 * GiB },
          };
          const verdict = guard(decision, sample);
          if (verdict.kind === 'refused') return;
          expect(verdict.targetBytes).toBeGreaterThanOrEqual(Math.max(min, GiB + absoluteReserve(4 * GiB)));
          expect(verdict.targetBytes).toBeLessThan(4 * GiB);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('a shrink', () => {
  it('H2: that the guest cannot follow is withdrawn, and not tried again for ten minutes', () => {
    const guest = { current: 3 * GiB, used: GiB };
    const move = { from: 4 * GiB, to: GiB, at: -100 };
    const { tick } = watch([guest], asking(GiB), { 'guest-a': { move } });
    const back = tick(0, [guest]).of();
    expect(back).toMatchObject({ reason: 'WITHDRAWN' });
    expect(back.targetBytes).toBeGreaterThan(3 * GiB);
    expect(tick(60, [{ ...guest, reportsInEpoch: 20 }]).of()).toMatchObject({ reason: 'BACKING_OFF' });
    expect(tick(700, [{ ...guest, reportsInEpoch: 30 }]).of()).toMatchObject({ action: 'shrink' });
  });

  it('H3: takes half of what is left while the one before is on probation', () => {
    const probation = { from: 4 * GiB, begun: -10, since: -10, report: 5 };
    const guest = { current: 3 * GiB, used: GiB };
    const decided = (memory: object) =>
      watch([guest], asking(1.2 * GiB), { 'guest-a': memory })
        .tick(0, [guest])
        .of();
    expect(decided({ probation })).toMatchObject({ reason: 'SLACK_LIMITED' });
    expect(decided({ probation }).targetBytes).toBeGreaterThan(2 * GiB);
    expect(decided({}).targetBytes).toBeLessThan(1.3 * GiB);
  });

  it('H39: smaller than is worth a move is not made', () => {
    const guest = { current: 3 * GiB, used: GiB };
    const { tick } = watch([guest], asking(3 * GiB - 20 * MiB, { shrink: { stepMin: 32 * MiB } }));
    expect(tick(0, [guest]).of()).toMatchObject({ action: 'hold', reason: 'STEP_TOO_SMALL' });
  });
});

describe('relief', () => {
  const hurt: GuestParts = { current: 2 * GiB, used: 2 * GiB - 20 * MiB };
  const demanding = (parts: GuestPolicyParts = {}) => policySet([guestPolicy(parts)]);

  it('H4: comes in the tick in which distress is seen, past step, rate, cooldown and level', () => {
    const slow = { at: new Set<string>(), stepMax: { bytes: 16 * MiB }, rate: MiB, cooldownSeconds: 600 };
    const { tick } = watch([hurt], demanding({ grow: slow }), { 'guest-a': { grownAt: -1 } });
    const decision = tick(0, [hurt]).of();
    expect(decision).toMatchObject({ action: 'grow', reason: 'DISTRESS' });
    expect(decision.targetBytes).toBeGreaterThan(2.5 * GiB);
  });

  it('H4: is made of what the guest needs, not of the size that it is on its way from', () => {
    const from = (current: Bytes) => {
      const guest = { current, used: 1.5 * GiB, readings: { available: known(20 * MiB) } };
      const move = { from: current, to: 1.8 * GiB, at: -1 };
      return watch([guest], demanding(), { 'guest-a': { move } }).tick(0, [guest]).of().targetBytes ?? 0;
    };
    expect(from(1.6 * GiB)).toBe(from(1.7 * GiB));
    expect(from(1.6 * GiB)).toBeGreaterThanOrEqual(1.25 * 1.5 * GiB + 127 * MiB);
  });

  it('H4: turns a shrink under way round', () => {
    const move = { from: 4 * GiB, to: GiB, at: -1 };
    const { tick } = watch([hurt], demanding(), { 'guest-a': { move } });
    expect(tick(0, [hurt]).of()).toMatchObject({ action: 'grow', reason: 'DISTRESS' });
  });

  it('H4: turns a shrink under way round where it stands, even on a host that has nothing to give', () => {
    const move = { from: 4 * GiB, to: GiB, at: -1 };
    const { tick } = watch([hurt], demanding(), { 'guest-a': { move } });
    const seen = tick(0, [hurt], { total: 2 * GiB, available: 0 }).of();
    expect(seen).toMatchObject({ action: 'grow', targetBytes: 2 * GiB });
  });

  it('H25: is not limited by anything but the room there is', () => {
    const { tick } = watch([hurt], demanding());
    const seen = tick(0, [hurt], { total: 2 * GiB + 300 * MiB });
    expect(seen.of().targetBytes).toBe(2 * GiB + 300 * MiB);
  });

  it('H5: is never paid for by another guest in distress', () => {
    const other: GuestParts = { uuid: 'b', max: 8 * GiB, current: 6 * GiB, used: 6 * GiB - 50 * MiB };
    const { tick } = watch([hurt, other], demanding());
    const seen = tick(0, [hurt, other], { total: 8 * GiB, available: 0 });
    expect(seen.of('b').action).not.toBe('shrink');
    const split = seen.of('b').stages.find(({ stage }) => stage === 'budget');
    expect(split?.out).toBeGreaterThanOrEqual(6 * GiB);
  });

  it('H5: is paid for at once by those that have memory to spare, at any level and pace', () => {
    const spare: GuestParts = { uuid: 'b', max: 8 * GiB, current: 6 * GiB, used: GiB };
    const lazy = { at: new Set<string>(), stepMax: { bytes: 16 * MiB }, cooldownSeconds: 600 };
    const { tick } = watch([hurt, spare], demanding({ shrink: lazy }), { b: { shrunkAt: -1 } });
    const seen = tick(0, [hurt, spare], { total: 8 * GiB, available: 0 });
    expect(seen.of('b')).toMatchObject({ action: 'shrink', reason: 'BUDGET_DONOR' });
    expect(6 * GiB - (seen.of('b').targetBytes ?? 0)).toBeGreaterThan(512 * MiB);
  });
});

describe('relief on a host that has memory to give', () => {
  const growing = { last: 2 * GiB - 20 * MiB, slope: 100 * MiB };
  const window = { peaks: [], ranked: [], partStart: 0, partPeak: growing.last, report: 10, lastAt: 0 };
  const hurt: GuestParts = { current: 2 * GiB, used: growing.last };
  const estimate = { windowSeconds: 60, quantile: 0.95, growthSeconds: 2 };
  const policies = policySet([guestPolicy({ estimate, target: expression<number>(() => GiB) })]);
  const given = (slope: number, free: Bytes) => {
    const demand = { ...window, ...growing, slope };
    const { tick } = watch([hurt], policies, { 'guest-a': { demand } });
    return (tick(0, [hurt], { total: 2 * GiB + free }).of().targetBytes ?? 0) - 2 * GiB;
  };

  it('H4: comes ahead of need to a guest that is taking more, as reports tell of it late', () => {
    const needed = given(0, 2 * GiB);
    expect(given(growing.slope, 2 * GiB) - needed).toBe(400 * MiB);
    expect(needed).toBeLessThan(GiB);
  });

  it('H27: leaves half of what is free to the next one', () => {
    const needed = given(0, 2 * GiB);
    const emergency = Math.floor(0.02 * (2 * GiB + needed + 200 * MiB));
    const ahead = given(growing.slope, needed + 200 * MiB) - needed;
    expect(ahead).toBe(Math.floor((200 * MiB - emergency) / 2 / MiB) * MiB);
  });

  it('H27: is shared with those that rise too and are not in distress yet', () => {
    const demand = { ...window, ...growing };
    const rising: GuestParts = { uuid: 'b', current: 2 * GiB, used: GiB };
    const slope = 100 * MiB;
    const given = (other: number) => {
      const b = { demand: { ...window, last: GiB, partPeak: GiB, slope: other } };
      const { tick } = watch([hurt, rising], policies, { 'guest-a': { demand }, b });
      return (
        (tick(0, [hurt, rising], { total: 4 * GiB + 1.1 * GiB }).of('guest-a').targetBytes ?? 0) - 2 * GiB
      );
    };
    expect(given(slope)).toBeLessThan(given(0) - 50 * MiB);
  });

  it('H5: is paid for with what another guest has just been given and does not need', () => {
    const other: GuestParts = { uuid: 'b', max: 8 * GiB, current: 6 * GiB, used: GiB };
    const move = { from: 3 * GiB, to: 6.5 * GiB, at: -1 };
    const { tick } = watch([hurt, other], policySet([guestPolicy()]), { b: { move, grownAt: -1 } });
    const seen = tick(0, [hurt, other], { total: 8.6 * GiB, available: 0 });
    expect(seen.of('b')).toMatchObject({ action: 'shrink', reason: 'BUDGET_DONOR' });
    const calm: GuestParts = { current: 2 * GiB, used: 1.9 * GiB };
    const ordinary = watch([calm, other], policySet([guestPolicy()]), { b: { move, grownAt: -1 } });
    expect(ordinary.tick(0, [calm, other], { total: 8.6 * GiB, available: 0 }).of('b').action).toBe('hold');
  });

  it('H5: is paid for with what another guest needed only a while ago', () => {
    const peak = 5 * GiB;
    const other: GuestParts = { uuid: 'b', max: 8 * GiB, current: 6 * GiB, used: GiB };
    const demand = { ...window, peaks: [peak], ranked: [peak], partPeak: GiB, last: GiB, slope: 0 };
    const { tick } = watch([hurt, other], policySet([guestPolicy()]), { b: { demand } });
    const { stages } = tick(0, [hurt, other], { total: 5 * GiB, available: 0 }).of('guest-a');
    const sizeOf = (name: string) => stages.find(({ stage }) => stage === name)?.out;
    expect(sizeOf('relief')).toBeGreaterThan(2.5 * GiB);
    expect(sizeOf('budget')).toBe(sizeOf('relief'));
  });
});

describe('a guest that boots', () => {
  const policies = asking(GiB);
  const squeezed = { current: 1.5 * GiB, used: GiB };
  const stale = { value: 1.5 * GiB, ageSeconds: 0, quality: 'stale' } as const;
  /** As QEMU gives it until the new kernel has loaded its driver: nothing, and the old size. */
  const booting: GuestParts = { ...squeezed, epoch: 2, reportsInEpoch: 0, readings: { current: stale } };
  const asked = { 'guest-a': { target: 1.5 * GiB } };

  it('H9: is given its maximum at once, before it has said anything', () => {
    const { tick } = watch([squeezed], policies, asked);
    const decision = tick(0, [booting]).of();
    expect(decision).toMatchObject({ action: 'grow', reason: 'BOOT_RESTORED', targetBytes: 4 * GiB });
    expect(guard(decision, guestSample(booting))).toMatchObject({ kind: 'pass' });
    expect(tick(1, [booting]).of().action).toBe('hold');
  });

  it('H9: is given it though it looks as large as it can be, when QEMU still holds it to less', () => {
    const { tick } = watch([squeezed], policies, asked);
    const loading = { used: GiB, epoch: 2, reportsInEpoch: 1 };
    expect(tick(0, [loading]).of()).toMatchObject({ reason: 'BOOT_RESTORED', targetBytes: 4 * GiB });
    const never = watch([{ used: GiB }], policies);
    expect(never.tick(0, [loading]).of()).toMatchObject({ action: 'hold', reason: 'STATS_SETTLING' });
  });

  it('H9: is given what the host has, and the rest when there is more', () => {
    const { tick } = watch([squeezed], policies, asked);
    expect(tick(0, [booting], { total: 2.5 * GiB }).of().targetBytes).toBe(2.5 * GiB);
    expect(tick(1, [booting], { total: 2.5 * GiB }).of().action).toBe('hold');
    expect(tick(2, [booting], { total: 8 * GiB }).of().targetBytes).toBe(4 * GiB);
  });

  it('H9: gets no more than its guaranteed maximum, and nothing where only is observed', () => {
    const guarantees = { min: { ratio: 0.25 }, max: { ratio: 0.5 }, reserve: 0 };
    const capped = watch([squeezed], asking(GiB, { guarantees }), asked);
    expect(capped.tick(0, [booting]).of().targetBytes).toBe(2 * GiB);
    const observed = watch([squeezed], asking(GiB, { mode: 'observe' }), asked);
    expect(observed.tick(0, [booting]).of()).toMatchObject({ action: 'hold' });
  });

  it('H9: is not shrunk for a minute, whoever needs the memory', () => {
    const { tick } = watch([squeezed], policies, asked);
    tick(0, [booting]);
    const up = { used: GiB, epoch: 2 };
    const needy: GuestParts = { uuid: 'b', current: GiB, used: GiB - 10 * MiB };
    for (let at = 1; at < 58; at++) {
      const seen = tick(at, [{ ...up, reportsInEpoch: at }, needy], { total: 5 * GiB, available: 0 });
      expect(seen.of('guest-a').action).toBe('hold');
    }
    expect(tick(65, [{ ...up, reportsInEpoch: 60 }, needy]).of('guest-a')).toMatchObject({
      action: 'shrink',
    });
  });

  it('H9: is not shrunk before it has reported five times', () => {
    const { tick } = watch([squeezed], policies, asked);
    tick(0, [booting]);
    const up = { used: GiB, epoch: 2 };
    tick(100, [{ ...up, reportsInEpoch: 2 }]);
    expect(tick(110, [{ ...up, reportsInEpoch: 4 }]).of()).toMatchObject({ reason: 'BOOT_GRACE' });
    expect(tick(120, [{ ...up, reportsInEpoch: 5 }]).of()).toMatchObject({ action: 'shrink' });
  });

  it('H9: is told from one that was there when the daemon began', () => {
    const { tick } = watch([], policies, {}, false);
    const first = tick(0, [squeezed]);
    expect(first.of()).toMatchObject({ action: 'hold', reason: 'STATS_SETTLING' });
    const fresh = watch([], policies);
    expect(fresh.tick(0, [{ ...squeezed, reportsInEpoch: 0 }]).of()).toMatchObject({
      reason: 'BOOT_RESTORED',
    });
  });

  it('H9: in a loop of crashes is given nothing more, and holds nothing against the others', () => {
    const { tick } = watch([squeezed], policies, asked);
    const reasons = [2, 3, 4, 5, 6].map(epoch => {
      const decision = tick(epoch * 20, [{ ...booting, epoch }]).of();
      return decision.reason;
    });
    expect(reasons.slice(0, 3)).toEqual(['BOOT_RESTORED', 'BOOT_RESTORED', 'BOOT_RESTORED']);
    expect(reasons.slice(3)).not.toContain('BOOT_RESTORED');
    const up = { ...squeezed, current: 3 * GiB, epoch: 6 };
    tick(122, [{ ...up, reportsInEpoch: 2 }]);
    expect(tick(124, [{ ...up, reportsInEpoch: 3 }]).of()).toMatchObject({ action: 'shrink' });
  });

  it('H9: comes before ordinary growth and after guests in distress', () => {
    const growing: GuestParts = { uuid: 'b', current: GiB, used: 900 * MiB };
    const hurt: GuestParts = { uuid: 'c', max: 2 * GiB, current: GiB, used: GiB - 10 * MiB };
    const set = policySet([guestPolicy()], hostPolicy());
    const { tick } = watch([squeezed, growing, hurt], set, asked);
    const seen = tick(0, [booting, growing, hurt], { total: 4 * GiB });
    expect(seen.of('c')).toMatchObject({ action: 'grow', reason: 'DISTRESS' });
    expect(seen.of('guest-a')).toMatchObject({ action: 'grow', reason: 'BOOT_RESTORED' });
    expect(seen.of('b')).toMatchObject({ action: 'hold', reason: 'WAITING_FOR_DONORS' });
  });
});
