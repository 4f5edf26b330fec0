import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SHARED_STEP } from '../model/floor.ts';
import { known } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { decide } from './decide.ts';
import type { Outcome } from './outcome.ts';
import { settle } from './settle.ts';
import type { Movable } from './sheet.ts';
import {
  expression,
  type GuestParts,
  type GuestPolicyParts,
  guestPolicy,
  guestSample,
  hostPolicy,
  instant,
  movable,
  policySet,
  snapshot,
  stateOf,
} from './testing.ts';

type Memory = Parameters<typeof movable>[2];

const SWAPPED: Memory = { swapping: { evicted: 512 * MiB, noisyAt: -60 } };

/** A guest of 8 GiB that uses all of its size but a few MiB and swaps, as all have done for a while. */
function squeezed(
  uuid: string,
  current: number,
  policy: GuestPolicyParts = {},
  parts: GuestParts = {},
  memory: Memory = SWAPPED,
): Movable {
  const readings = { swapOutRate: known(2 * MiB), swapInRate: known(2 * MiB), ...parts.readings };
  const guarantees = { min: { bytes: GiB }, max: { ratio: 1 }, reserve: 128 * MiB };
  return movable(
    { uuid, max: 8 * GiB, current, used: current - 10 * MiB, ...parts, readings },
    { guarantees, ...policy },
    memory,
  );
}

/** What becomes of guests that have the whole budget among them. */
function settled(guests: readonly Movable[], shortage: 'keep' | 'share' = 'share'): Record<string, Outcome> {
  const committed = guests.reduce((sum, { promised }) => sum + promised, 0);
  const host = hostPolicy({ shortage });
  settle({ total: committed, committed, free: 0, emergency: 0 }, guests, { level: 'none', now: 0, host });
  return Object.fromEntries(guests.map(({ sample, outcome }) => [sample.uuid, { ...outcome }]));
}

const taken = (outcome: Outcome | undefined, from: number) => from - (outcome?.target ?? from);

describe('a shortage that is shared', () => {
  it('takes from who has most above its share, a small step at a time', () => {
    const { large, small } = settled([squeezed('large', 5 * GiB), squeezed('small', 3 * GiB)]);
    expect(large).toMatchObject({ action: 'shrink', reason: 'SHORTAGE_SHARED' });
    expect(taken(large, 5 * GiB)).toBe(SHARED_STEP * 8 * GiB);
    expect(small?.action).toBe('hold');
  });

  it('H5: takes nothing where the host policy keeps it where it is', () => {
    const { large } = settled([squeezed('large', 5 * GiB), squeezed('small', 3 * GiB)], 'keep');
    expect(large?.action).toBe('hold');
  });

  it('goes by shares', () => {
    const guests = [squeezed('large', 5 * GiB, { shares: 200 }), squeezed('small', 2.5 * GiB)];
    expect(settled(guests).large?.action).toBe('hold');
    const alike = [squeezed('large', 5 * GiB), squeezed('small', 2.5 * GiB)];
    expect(settled(alike).large?.action).toBe('shrink');
  });

  it('is strict by priority, down to the guarantee', () => {
    const first = squeezed('first', 4 * GiB, { priority: 50 });
    const last = squeezed('last', 1.2 * GiB, { priority: 300 });
    const outcome = settled([first, last]);
    expect(outcome.first?.action).toBe('hold');
    expect(outcome.last).toMatchObject({ action: 'shrink', reason: 'SHORTAGE_SHARED' });
    expect(outcome.last?.target).toBeGreaterThanOrEqual(GiB);
  });

  it('takes nobody below its share for what others miss', () => {
    const sizes = { one: 5.1 * GiB, other: 5.1 * GiB, small: 2.8 * GiB };
    const guests = Object.entries(sizes).map(([uuid, size]) => squeezed(uuid, size));
    // What the small one has evicted counts as its need, and the other two share the rest.
    const small = 2.8 * GiB - 10 * MiB + 512 * MiB + 128 * MiB;
    const share = (13 * GiB - small) / 2;
    const { one, other } = settled(guests);
    for (const outcome of [one, other]) {
      expect(outcome?.reason).toBe('SHORTAGE_SHARED');
      expect(outcome?.target).toBeGreaterThan(share - MiB);
    }
  });

  it('takes no more than is missing beside what is on its way', () => {
    const giving = (to: number) =>
      movable(
        { uuid: 'giving', max: 8 * GiB, current: 4 * GiB, used: 3.7 * GiB },
        {},
        { move: { from: 4.2 * GiB, to, at: 0 } },
      );
    const guests = (to: number) => [squeezed('large', 4.6 * GiB), squeezed('small', 3.4 * GiB), giving(to)];
    const [little, much] = [3.9, 3.4].map(gib => taken(settled(guests(gib * GiB)).large, 4.6 * GiB));
    expect(much).toBeLessThan(little ?? 0);
  });

  it.each<[string, Movable]>([
    [
      'is given back what harmed it',
      squeezed(
        'large',
        5 * GiB,
        {},
        {},
        { ...SWAPPED, probation: { from: 6 * GiB, begun: -5, since: -5, report: 9, harm: 'swap-out' } },
      ),
    ],
    [
      'is relieved by its policy',
      squeezed('large', 5 * GiB, {
        relief: { when: expression<boolean>(() => true), to: { ratio: 1 } },
      }),
    ],
  ])('takes from a guest that %s: that is what being squeezed does', (_, large) => {
    expect(settled([large, squeezed('small', 3 * GiB)]).large?.reason).toBe('SHORTAGE_SHARED');
  });

  it('teaches no floor, and is not cut short by the distress that it makes', () => {
    const parts = (current: number) => ({
      max: 8 * GiB,
      current,
      used: current - 10 * MiB,
      readings: { swapOutRate: known(2 * MiB), swapInRate: known(2 * MiB) },
    });
    const host = (large: number) => ({
      guests: [
        guestSample({ uuid: 'large', ...parts(large) }),
        guestSample({ uuid: 'small', ...parts(3 * GiB) }),
      ],
      total: 8 * GiB,
      available: 0,
    });
    const policies = policySet([guestPolicy()], hostPolicy({ shortage: 'share', pressure: [] }));
    const first = snapshot(host(5 * GiB));
    const before = stateOf(first, { large: SWAPPED, small: SWAPPED });
    const { state, decisions } = decide(before, first, policies, instant(0));
    expect(decisions.find(({ uuid }) => uuid === 'large')?.reason).toBe('SHORTAGE_SHARED');
    expect(state.guests.get('large')?.probation).toBeUndefined();
    const next = decide(state, snapshot(host(4.8 * GiB)), policies, instant(1));
    expect(next.decisions.find(({ uuid }) => uuid === 'large')?.action).toBe('hold');
  });

  it('leaves sizes alone that are nearly fair', () => {
    expect(settled([squeezed('large', 4.1 * GiB), squeezed('small', 4 * GiB)]).large?.action).toBe('hold');
  });

  it('takes nothing in use while others have memory lying idle', () => {
    const idle = movable({ uuid: 'idle', max: 8 * GiB, current: 4 * GiB, used: GiB });
    const outcome = settled([squeezed('large', 5 * GiB), squeezed('small', 3 * GiB), idle]);
    expect(outcome.idle?.action).toBe('shrink');
    expect(outcome.large?.action).toBe('hold');
  });

  it('takes nothing when nobody hurts', () => {
    const calm = (uuid: string, current: number) =>
      squeezed(uuid, current, {}, { used: current - 512 * MiB, readings: { swapOutRate: known(0) } });
    expect(settled([calm('large', 5 * GiB), calm('small', 3 * GiB)]).large?.reason).not.toBe(
      'SHORTAGE_SHARED',
    );
  });

  it.each<[string, Movable]>([
    ['has never swapped', squeezed('large', 5 * GiB, {}, { readings: { swapOutRate: known(0) } }, {})],
    ['has no swap left', squeezed('large', 5 * GiB, {}, { readings: { swapOutRate: known(0) } })],
    ['has lost a program', squeezed('large', 5 * GiB, {}, { readings: { oomKills: known(1) } })],
    [
      'is kept by a veto',
      squeezed('large', 5 * GiB, {
        vetoes: [{ name: 'kept', when: expression<boolean>(() => true), holdSeconds: 0 }],
      }),
    ],
    ['does not follow', squeezed('large', 5 * GiB, {}, {}, { ...SWAPPED, backOffUntil: 60 })],
    [
      'is on its way',
      squeezed('large', 5 * GiB, {}, {}, { ...SWAPPED, move: { from: 5.5 * GiB, to: 4.9 * GiB, at: 0 } }),
    ],
    ['has not reported since', squeezed('large', 5 * GiB, {}, {}, { ...SWAPPED, decidedOnReport: 10 })],
  ])('H5: takes nothing in use from a guest that %s', (_, large) => {
    expect(settled([large, squeezed('small', 3 * GiB)]).large?.reason).not.toBe('SHORTAGE_SHARED');
  });

  it('never takes a guarantee, more than a step, more than is missing, nor from who has less than its share', () => {
    const guest = fc.record({
      current: fc.integer({ min: 1024, max: 8192 }).map(mib => mib * MiB),
      shares: fc.integer({ min: 1, max: 400 }),
      priority: fc.integer({ min: 1, max: 2 }),
      swaps: fc.boolean(),
      slack: fc.integer({ min: 0, max: 600 }).map(mib => mib * MiB),
    });
    fc.assert(
      fc.property(fc.array(guest, { minLength: 2, maxLength: 8 }), parts => {
        const guests = parts.map(({ current, shares, priority, swaps, slack }, i) =>
          squeezed(
            `vm-${i}`,
            current,
            { shares, priority },
            { used: Math.max(0, current - slack), readings: { swapOutRate: known(swaps ? 2 * MiB : 0) } },
          ),
        );
        const outcome = settled(guests);
        for (const { sample, current, min, max, distressed } of guests) {
          const { target = current, reason } = outcome[sample.uuid] ?? {};
          if (reason !== 'SHORTAGE_SHARED') continue;
          expect(target).toBeGreaterThanOrEqual(min);
          expect(target).toBeLessThan(current);
          expect(current - target).toBeLessThanOrEqual(SHARED_STEP * max);
          expect(guests.some(other => other.distressed && other.sample.uuid !== sample.uuid)).toBe(true);
          expect(distressed && (sample.readings.swapOutRate.value ?? 0) <= 0).toBe(false);
        }
      }),
    );
  });
});
