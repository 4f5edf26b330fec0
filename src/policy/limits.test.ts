import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../model/decision.ts';
import type { GuestSample } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { decide } from './decide.ts';
import { type HostLimits, type HostPolicy, NO_LIMITS } from './policy-set.ts';
import type { PolicyState } from './state.ts';
import {
  type GuestPolicyParts,
  guestPolicy,
  guestSample,
  hostPolicy,
  instant,
  policySet,
  snapshot,
  stateOf,
} from './testing.ts';

const named = (count: number): GuestSample[] =>
  Array.from({ length: count }, (_, index) => guestSample({ uuid: `guest-${index}` }));

/** One tick after another over the same standing guests, which report every second. */
function ticks(
  limits: Partial<HostLimits>,
  guests: readonly GuestSample[],
  count: number,
  policy: GuestPolicyParts = {},
  host: Partial<HostPolicy> = {},
): readonly (readonly Decision[])[] {
  const set = policySet(
    [guestPolicy(policy)],
    hostPolicy({ mode: 'observe', ...host, limits: { ...NO_LIMITS, ...limits } }),
  );
  let state: PolicyState | undefined;
  return Array.from({ length: count }, (_, second) => {
    const now = snapshot({
      guests: guests.map(guest => ({ ...guest, reportsInEpoch: guest.reportsInEpoch + second })),
    });
    const tick = decide(state ?? stateOf(now), now, set, instant(second));
    state = tick.state;
    return tick.decisions;
  });
}

const shrunk = (decisions: readonly Decision[]): number =>
  decisions.reduce(
    (sum, { action, currentBytes, targetBytes }) =>
      action === 'shrink' ? sum + (currentBytes ?? 0) - (targetBytes ?? 0) : sum,
    0,
  );

describe('the rate of reclaim', () => {
  it('lets a minute of it go at once, and the rest as time passes', () => {
    const [first, second] = ticks({ reclaimRate: (4 * GiB) / 60 }, named(4), 2);

    expect(shrunk(first ?? [])).toBeLessThanOrEqual(4 * GiB);
    expect(shrunk(first ?? [])).toBeGreaterThan(3.9 * GiB);
    expect(first?.map(({ reason }) => reason)).toContain('RECLAIM_LIMITED');
    expect(shrunk(second ?? [])).toBeLessThanOrEqual((4 * GiB) / 60 + MiB);
  });

  it('is kept over any number of ticks, whatever the guests and steps', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4096 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 512 }),
        (rateMiB, count, stepMinMiB) => {
          const rate = (rateMiB * MiB) / 60;
          const shrink = { stepMin: stepMinMiB * MiB };
          let total = 0;
          for (const [second, decisions] of ticks({ reclaimRate: rate }, named(count), 20, {
            shrink,
          }).entries()) {
            total += shrunk(decisions);
            // A full allowance always pays for one smallest step.
            expect(total).toBeLessThanOrEqual(
              Math.max(rate * (60 + second), Math.max(1, stepMinMiB) * MiB + rate * second) + 1,
            );
          }
          expect(total).toBeGreaterThan(0);
        },
      ),
      { numRuns: 50 },
    );
  }, 30_000);

  it('takes first from those whose policies give first', () => {
    const set = policySet(
      [
        guestPolicy({
          name: 'gold',
          priority: 50,
          mismatch: ({ uuid }) => (uuid === 'gold' ? undefined : 'uuid'),
        }),
        guestPolicy({ name: 'bronze', priority: 300 }),
      ],
      hostPolicy({ limits: { ...NO_LIMITS, reclaimRate: (2 * GiB) / 60 } }),
    );
    const now = snapshot({ guests: [guestSample({ uuid: 'gold' }), guestSample({ uuid: 'bronze' })] });
    const { decisions } = decide(stateOf(now), now, set, instant(0));

    expect(decisions.map(({ uuid, action, reason }) => [uuid, action, reason])).toEqual([
      ['bronze', 'shrink', 'RECLAIM_LIMITED'],
      ['gold', 'hold', 'RECLAIM_LIMITED'],
    ]);
  });

  it('does not keep a guest in distress waiting for memory', () => {
    const donor = guestSample({ uuid: 'donor' });
    const needy = guestSample({ uuid: 'needy', current: 2 * GiB, used: 1.98 * GiB });
    const now = snapshot({ guests: [donor, needy], total: 6 * GiB });
    const set = policySet(undefined, hostPolicy({ limits: { ...NO_LIMITS, reclaimRate: 1 } }));
    const { decisions } = decide({ ...stateOf(now), reclaim: { bytes: 0, at: 0 } }, now, set, instant(0));

    expect(decisions[0]).toMatchObject({ uuid: 'donor', action: 'shrink', reason: 'BUDGET_DONOR' });
  });
});

describe('the number of guests', () => {
  it('that shrink in one tick is limited by count, or by a share of the guests rounded up', () => {
    for (const [guestsPerTick, expected] of [
      [{ count: 2 }, 2],
      [{ ratio: 0.5 }, 3],
      [{ ratio: 0.01 }, 1],
    ] as const) {
      const [decisions] = ticks({ guestsPerTick }, named(5), 1);
      const reasons = decisions?.map(({ reason }) => reason) ?? [];

      expect(reasons.filter(reason => reason === 'SHRINK')).toHaveLength(expected);
      expect(reasons.filter(reason => reason === 'TICK_LIMITED')).toHaveLength(5 - expected);
    }
  });

  it('on their way at once is limited; growth counts and does not wait', () => {
    const growing = ['g-1', 'g-2'].map(uuid => guestSample({ uuid, current: 2 * GiB, used: 1.9 * GiB }));
    const [decisions] = ticks({ concurrentMoves: 2 }, [...named(3), ...growing], 1);
    const actions = decisions?.map(({ action, reason }) => `${action} ${reason}`).sort();

    expect(actions).toEqual([
      'grow GROW',
      'grow GROW',
      'hold MOVES_LIMITED',
      'hold MOVES_LIMITED',
      'hold MOVES_LIMITED',
    ]);
  });

  it('on their way counts moves of earlier ticks', () => {
    const now = snapshot({ guests: named(3) });
    const set = policySet(undefined, hostPolicy({ limits: { ...NO_LIMITS, concurrentMoves: 2 } }));
    const state = stateOf(now, { 'guest-0': { move: { from: 4 * GiB, to: 2 * GiB, at: 0 } } });
    const { decisions } = decide(state, now, set, instant(0));

    expect(decisions.map(({ reason }) => reason).sort()).toEqual([
      'MOVES_LIMITED',
      'MOVE_IN_FLIGHT',
      'SHRINK',
    ]);
  });
});

describe('surplus', () => {
  const capped = { grow: { at: new Set(['none']) }, shrink: { at: new Set<string>() } };

  function sizes(surplus: 'keep' | 'return', total: number, policy: GuestPolicyParts = capped) {
    const guests = [
      guestSample({ uuid: 'a', current: 2 * GiB }),
      guestSample({ uuid: 'b', current: 2 * GiB }),
    ];
    const now = snapshot({ guests, total });
    const set = policySet([guestPolicy(policy)], hostPolicy({ surplus, pressure: [] }));
    return decide(stateOf(now), now, set, instant(0)).decisions;
  }

  it('stays free on the host unless the policy returns it', () => {
    expect(sizes('keep', 64 * GiB).map(({ action }) => action)).toEqual(['hold', 'hold']);
  });

  it('is returned to guests up to their maximum, and says so', () => {
    for (const decision of sizes('return', 64 * GiB))
      expect(decision).toMatchObject({ action: 'grow', reason: 'SURPLUS_RETURNED', targetBytes: 4 * GiB });
  });

  it('is split by shares within the budget', () => {
    const set = policySet(
      [
        guestPolicy({ ...capped, shares: 300, mismatch: ({ uuid }) => (uuid === 'a' ? undefined : 'uuid') }),
        guestPolicy({ ...capped, shares: 100 }),
      ],
      hostPolicy({ surplus: 'return', pressure: [] }),
    );
    const guests = ['a', 'b'].map(uuid =>
      guestSample({ uuid, max: 16 * GiB, current: GiB, used: 0.8 * GiB }),
    );
    // A fiftieth of it is kept for emergencies.
    const now = snapshot({ guests, total: (12 / 0.98) * GiB });
    const { decisions } = decide(stateOf(now), now, set, instant(0));
    const target = (wanted: string) => decisions.find(({ uuid }) => uuid === wanted)?.targetBytes ?? 0;

    expect(target('a') + target('b')).toBeLessThanOrEqual(12 * GiB);
    expect(target('a') - target('b')).toBe(2 * GiB);
    expect(target('b')).toBe(5 * GiB);
  });

  it('makes nobody give for it', () => {
    const guests = [guestSample({ uuid: 'a', current: 2 * GiB }), guestSample({ uuid: 'b', used: GiB })];
    const now = snapshot({ guests, total: 6 * GiB });
    const set = policySet([guestPolicy(capped)], hostPolicy({ surplus: 'return', pressure: [] }));

    expect(decide(stateOf(now), now, set, instant(0)).decisions.map(({ action }) => action)).toEqual([
      'hold',
      'hold',
    ]);
  });

  it('comes to rest: what was returned is not taken back in the next tick', () => {
    const shrinking = { ...capped, shrink: { at: new Set(['none']) } };
    const guests = ['a', 'b'].map(uuid => guestSample({ uuid, current: 4 * GiB }));
    const now = snapshot({ guests, total: 64 * GiB });
    const set = policySet([guestPolicy(shrinking)], hostPolicy({ surplus: 'return', pressure: [] }));

    expect(decide(stateOf(now), now, set, instant(0)).decisions.map(({ action }) => action)).toEqual([
      'hold',
      'hold',
    ]);
  });
});
