import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../src/model/units.ts';
import { compilePolicies } from '../../src/policy/compile.ts';
import { decide, type Tick } from '../../src/policy/decide.ts';
import { requirePolicySet } from '../../src/policy/load.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import type { PolicyState } from '../../src/policy/state.ts';
import { type GuestParts, guestSample, instant, snapshot, stateOf } from '../../src/policy/testing.ts';

/** A policy set as its files give it, before and after somebody edited them. */
function load(
  parts: { readonly comment?: string; readonly step?: string; readonly cooldown?: string } = {},
): PolicySet {
  const { comment = '', step = '512MiB', cooldown = '30s' } = parts;
  const content = `${comment}
apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec:
  mode: enforce
  limits: {reclaimRate: 6GiB/min}
  pressure: [{name: soft, when: host.available_ratio < 0.2, for: 5s, keepFor: 60s}]
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec:
  match: {}
  estimate: {window: 10m, quantile: 1}
  target: guest.demand + guarantees.reserve
  behavior:
    shrink: {at: [soft], step: {max: ${step}}, cooldown: ${cooldown}, stabilization: 1m}
  vetoes: [{name: swapping, when: guest.swap_out_rate > 1 * MiB, hold: 2m}]
`;
  return requirePolicySet(compilePolicies([{ file: 'p.yaml', content }]));
}

/** Runs a guest of 8 GiB that follows at once, on a host that is short; what is decided in each second. */
function run(
  from: number,
  to: number,
  before: PolicyState | undefined,
  policies: PolicySet,
  at: (second: number) => GuestParts,
): { readonly state: PolicyState; readonly ticks: readonly Tick[] } {
  const ticks: Tick[] = [];
  let state = before;
  let current = 8 * GiB;
  for (let second = from; second <= to; second++) {
    current = state?.guests.get('guest-a')?.target ?? current;
    const guests = [guestSample({ max: 8 * GiB, current, reportsInEpoch: 100 + second, ...at(second) })];
    const seen = snapshot({ guests, available: 10 * GiB });
    const tick = decide(state ?? stateOf(seen), seen, policies, instant(second));
    ticks.push(tick);
    state = tick.state;
  }
  if (state === undefined) throw new Error('no second was run');
  return { state, ticks };
}

describe('a reload', () => {
  it('changes no decision when the new set says the same in other lines', () => {
    const use = (second: number): GuestParts => ({ used: (second < 30 ? 3 : 1.5) * GiB });
    const before = run(0, 99, undefined, load(), use);
    const whole = run(0, 300, undefined, load(), use);
    const after = run(100, 300, before.state, load({ comment: '# Somebody was here.\n\n' }), use);
    const outcomes = (ticks: readonly Tick[]) =>
      ticks.map(({ decisions, state }) => [
        state.pressure,
        state.reclaim,
        ...decisions.map(({ action, reason, targetBytes }) => ({ action, reason, targetBytes })),
      ]);

    expect(outcomes(after.ticks)).toEqual(outcomes(whole.ticks.slice(100)));
    expect(new Set(whole.ticks.map(({ decisions }) => decisions[0]?.action))).toEqual(
      new Set(['hold', 'shrink']),
    );
  });

  it('keeps the cooldown that runs, and measures it by the new set', () => {
    const use = () => ({ used: GiB });
    const until = run(0, 90, undefined, load(), use);
    const moved = until.ticks.findLastIndex(({ decisions }) => decisions[0]?.action === 'shrink');
    const next = (policies: PolicySet) => {
      const { state } = run(0, moved + 5, undefined, load(), use);
      const { ticks } = run(moved + 6, moved + 40, state, policies, use);
      return 6 + ticks.findIndex(({ decisions }) => decisions[0]?.action === 'shrink');
    };

    expect(moved).toBeGreaterThan(60);
    expect(next(load({ step: '256MiB' }))).toBe(30);
    expect(next(load({ cooldown: '10s' }))).toBe(10);
  });

  it('keeps what demand was learned, vetoes in force and the level with its time', () => {
    const { state } = run(0, 99, undefined, load(), second => ({
      used: (second < 50 ? 5 : 1) * GiB,
      readings: { swapOutRate: { value: second === 90 ? 4 * MiB : 0, ageSeconds: 0, quality: 'ok' } },
    }));
    const { ticks } = run(100, 100, state, load({ step: '1GiB' }), () => ({ used: GiB }));

    expect(ticks[0]?.decisions[0]?.stages.map(({ code }) => code)).toContain('VETOED');
    expect(ticks[0]?.decisions[0]?.wantedBytes).toBeGreaterThanOrEqual(5 * GiB);
    expect(ticks[0]?.state.pressure).toMatchObject({ level: 'soft' });
  });
});
