/** Hazards of group B: figures that are missing, old, not the guest's, or lies. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guard } from '../../src/actuators/guard.ts';
import { ABSENT, type GuestFigure, known, type Reading } from '../../src/model/snapshot.ts';
import { type Bytes, GiB, MiB } from '../../src/model/units.ts';
import {
  expression,
  type GuestParts,
  type GuestPolicyParts,
  guestPolicy,
  guestSample,
  policySet,
  type SnapshotParts,
} from '../../src/policy/testing.ts';
import { watch } from './watch.ts';

const asking = (bytes: Bytes) => policySet([guestPolicy({ target: expression<number>(() => bytes) })]);
const NEEDED = ['max', 'current', 'total', 'used', 'available'] as const;

describe('a guest whose figures cannot be trusted', () => {
  const decided = (figure: GuestFigure, reading: Reading) => {
    const guest: GuestParts = { readings: { [figure]: reading } };
    return watch([{}], asking(GiB)).tick(0, [guest]).of();
  };

  it.each(NEEDED)('H10: is not moved on a %s that is frozen', figure => {
    const frozen: Reading = { value: GiB, ageSeconds: 60, quality: 'stale' };
    expect(decided(figure, frozen)).toMatchObject({ action: 'hold', reason: 'STATS_STALE' });
  });

  it.each(NEEDED)('H11: is not moved on a %s that contradicts the rest', figure => {
    const wild: Reading = { ageSeconds: 0, quality: 'implausible' };
    expect(decided(figure, wild)).toMatchObject({ action: 'hold', reason: 'STATS_IMPLAUSIBLE' });
  });

  it.each(NEEDED)('H18: is not moved without a %s: absent is not zero', figure => {
    expect(decided(figure, ABSENT)).toMatchObject({ action: 'hold', reason: 'STATS_ABSENT' });
  });

  it('H12: is not moved on the first report of an epoch, nor by anything learned before it', () => {
    const guest = { used: GiB };
    const { tick } = watch([guest], asking(GiB), { 'guest-a': { kernelBytes: 500 * MiB, shrunkAt: 0 } });
    const first = tick(0, [{ ...guest, epoch: 2, reportsInEpoch: 1 }]);
    expect(first.of()).toMatchObject({ action: 'hold', reason: 'STATS_SETTLING' });
    expect(first.state.guests.get('guest-a')).toMatchObject({ kernelBytes: undefined, shrunkAt: undefined });
  });

  it('H12: is not moved on a first report, though all else is known of it', () => {
    const first = watch([{ used: GiB }], asking(GiB)).tick(0, [{ used: GiB, reportsInEpoch: 1 }]);
    expect(first.of()).toMatchObject({ action: 'hold', reason: 'STATS_SETTLING' });
  });

  it('H12: is not taken for one that has booted when the collector counts anew', () => {
    const guest: GuestParts = { current: 2 * GiB, used: GiB };
    const { tick } = watch([{ ...guest, epoch: 5 }], asking(GiB));
    expect(tick(0, [{ ...guest, epoch: 1, reportsInEpoch: 1 }]).of()).toMatchObject({
      action: 'hold',
      reason: 'STATS_SETTLING',
    });
  });

  it('H37: is known by its uuid, whatever it is called', () => {
    const before: GuestParts = { uuid: 'one', name: 'web' };
    const { tick } = watch([before], asking(GiB), { one: { backOffUntil: 1000 } });
    const seen = tick(0, [
      { uuid: 'two', name: 'web' },
      { uuid: 'one', name: 'db' },
    ]);
    expect(seen.of('one')).toMatchObject({ reason: 'BACKING_OFF' });
    expect(seen.state.guests.get('two')?.backOffUntil).toBeUndefined();
  });
});

describe('a guest that lies', () => {
  const honest: GuestParts = { uuid: 'honest', current: 2 * GiB, used: 1.5 * GiB };
  const host = { total: 8 * GiB, available: 2 * GiB };

  it('H20: however it lies, gets no more than its maximum and the host, and costs the others no guarantee', () => {
    const wild = fc.double({ min: -1e15, max: 1e15, noNaN: true });
    const figures = fc.record({
      used: wild,
      total: wild,
      available: wild,
      swapOutRate: wild,
      majorFaultRate: wild,
    });
    fc.assert(
      fc.property(fc.array(figures, { minLength: 5, maxLength: 20 }), lies => {
        const liar = (n: number): GuestParts => {
          const lie = lies[n % lies.length];
          const readings = Object.fromEntries(
            Object.entries(lie ?? {}).map(([name, value]) => [name, known(value)]),
          );
          return { uuid: 'liar', current: 2 * GiB, reportsInEpoch: 10 + n, readings };
        };
        const { tick } = watch([liar(0), honest]);
        for (let at = 0; at < 20; at++) {
          const now = [liar(at), { ...honest, reportsInEpoch: 10 + at }];
          const seen = tick(at, now, host);
          const target = seen.of('liar').targetBytes ?? Number.NaN;
          expect(target).toBeGreaterThanOrEqual(0);
          expect(target).toBeLessThanOrEqual(4 * GiB);
          const kept = seen.of('honest').targetBytes ?? Number.NaN;
          expect(kept).toBeGreaterThanOrEqual(1.5 * GiB + 96 * MiB);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('H20: by flapping between nothing and all is not shrunk and grown with every report', () => {
    const { tick } = watch([honest], policySet([guestPolicy({ shrink: { cooldownSeconds: 15 } })]));
    let current: Bytes = 4 * GiB;
    let moves = 0;
    for (let at = 0; at < 120; at++) {
      const used = at % 2 === 0 ? 0 : current - 300 * MiB;
      const decision = tick(at, [{ uuid: 'honest', current, used, reportsInEpoch: 10 + at }]).of();
      if (decision.action !== 'hold') moves++;
      current = decision.targetBytes ?? current;
    }
    expect(moves).toBeLessThan(12);
  });

  it('H20: that refuses its balloon is asked seldom, and what it did not give is not given away', () => {
    const refusing: GuestParts = { uuid: 'refuses', current: 4 * GiB, used: GiB };
    const policies = asking(GiB);
    const { tick } = watch([refusing, honest], policies);
    let shrinks = 0;
    for (let at = 0; at < 900; at++) {
      const now = [
        { ...refusing, reportsInEpoch: 10 + at },
        { ...honest, reportsInEpoch: 10 + at },
      ];
      const seen = tick(at, now, { total: 6.5 * GiB });
      if (seen.of('refuses').action === 'shrink') shrinks++;
      expect(seen.budget?.committed).toBeGreaterThanOrEqual(6 * GiB);
    }
    expect(shrinks).toBeLessThanOrEqual(2);
  });
});

describe('a guest that was shrunk and falls silent', () => {
  const squeezed: GuestParts = { current: 1.5 * GiB, used: GiB };
  const reading: Reading = { value: GiB, ageSeconds: 90, quality: 'stale' };
  const silent: GuestParts = { ...squeezed, readings: { available: reading, used: reading } };
  const asked = { 'guest-a': { target: 1.5 * GiB } };
  const other: GuestParts = { uuid: 'b', current: GiB, used: 900 * MiB };

  /** Its policy asks for as much as it has. */
  const target = expression<number>(({ guest }) => (guest?.name === 'b' ? 4 : 1.5) * GiB);

  function fallenSilent(
    guests: readonly GuestParts[] = [squeezed],
    memory: Parameters<typeof watch>[2] = asked,
    parts: GuestPolicyParts = {},
    host: SnapshotParts = {},
  ) {
    const { tick } = watch(guests, policySet([guestPolicy({ target, ...parts })]), memory);
    tick(0, guests, host);
    return tick;
  }

  it('H10: stays as it is for a minute, and then gets back what was taken from it', () => {
    const tick = fallenSilent();
    expect(tick(30, [silent]).of()).toMatchObject({ action: 'hold', reason: 'STATS_STALE' });
    const decision = tick(61, [silent]).of();
    expect(decision).toMatchObject({ action: 'grow', reason: 'SILENCE_RELIEVED', targetBytes: 4 * GiB });
    expect(guard(decision, guestSample(silent))).toMatchObject({ kind: 'pass' });
    expect(tick(62, [silent]).of().action).toBe('hold');
  });

  it('H10: gets it after all others, of what they leave, and the rest when there is more', () => {
    const tick = fallenSilent([squeezed, other], asked, {}, { total: 2.5 * GiB });
    const seen = tick(61, [silent, other], { total: 3 * GiB });
    const grown = seen.of('b').targetBytes ?? Number.NaN;
    expect(grown).toBeGreaterThan(GiB);
    const given = seen.of('guest-a').targetBytes ?? Number.NaN;
    expect(given).toBeGreaterThan(1.5 * GiB);
    expect(given + grown).toBeLessThanOrEqual(3 * GiB);
    const later = tick(63, [silent, other], { total: 12 * GiB });
    expect(later.of('guest-a').targetBytes).toBe(4 * GiB);
  });

  it('H10: gets nothing where nothing was taken from it, or that its guarantee does not allow', () => {
    expect(fallenSilent([squeezed], {})(61, [silent]).of().action).toBe('hold');
    const guarantees = { min: { bytes: 0 }, max: { bytes: 2 * GiB }, reserve: 0 };
    const tick = fallenSilent([squeezed], asked, { guarantees });
    expect(tick(61, [silent]).of().targetBytes).toBe(2 * GiB);
  });
});
