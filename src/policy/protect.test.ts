import { describe, expect, it } from 'vitest';
import { known, type Snapshot } from '../model/snapshot.ts';
import { GiB, KiB, MiB } from '../model/units.ts';
import { decide } from './decide.ts';
import type { GuestPolicy, Relief, Veto } from './policy-set.ts';
import { conditionOf } from './protect.ts';
import type { PolicyState } from './state.ts';
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
  stateOf,
} from './testing.ts';

const swapping: Veto = {
  name: 'swapping',
  when: expression(({ guest }) => (guest?.swap_out_rate ?? 0) > 256 * KiB),
  holdSeconds: 120,
};
const unknowable: Veto = {
  name: 'unknowable',
  when: expression<boolean>(() => ({ problem: 'guest.cache is not known' })),
  holdSeconds: 0,
};
const onDistress: Relief = { when: expression(({ guest }) => guest?.distress === true), to: { ratio: 1 } };

const swapsOut = { readings: { swapOutRate: known(MiB) } };

/** Ticks of one guest, one report each; its size stays as it is. */
function run(
  policy: GuestPolicyParts,
  ticks: readonly GuestParts[],
  seconds = 10,
  others: GuestPolicy[] = [],
) {
  let state: PolicyState | undefined;
  return ticks.map((parts, index) => {
    const sample = guestSample({ reportsInEpoch: 10 + index, ...parts });
    const now: Snapshot = snapshot({ guests: [sample] });
    const set = policySet([...others, guestPolicy(policy)], hostPolicy({ mode: 'observe' }));
    const tick = decide(state ?? stateOf(now), now, set, instant(index * seconds));
    state = tick.state;
    const [decision] = tick.decisions;
    if (decision === undefined) throw new Error('there is no decision');
    return decision;
  });
}

describe('a veto', () => {
  it('forbids a shrink while its condition holds, and names itself', () => {
    const [decision] = run({ vetoes: [swapping] }, [swapsOut]);

    expect(decision).toMatchObject({ action: 'hold', reason: 'VETOED' });
    expect(decision?.stages).toContainEqual(
      expect.objectContaining({
        stage: 'vetoes',
        code: 'VETOED',
        inputs: { veto: 'swapping', seconds: 120 },
      }),
    );
    expect(decision?.stages.at(-1)).toMatchObject({ source: swapping.when.source });
  });

  it('stays in force for its hold, and no longer', () => {
    const quiet = new Array<GuestParts>(14).fill({});
    const reasons = run({ vetoes: [swapping] }, [swapsOut, ...quiet]).map(({ reason }) => reason);

    expect(reasons.slice(0, 12)).toEqual(new Array(12).fill('VETOED'));
    expect(reasons[12]).toBe('SHRINK');
  });

  it('does not forbid growth', () => {
    const [decision] = run({ vetoes: [swapping] }, [{ ...swapsOut, current: 2 * GiB, used: 1.95 * GiB }]);

    expect(decision).toMatchObject({ action: 'grow' });
  });

  it('that cannot be evaluated forbids shrinks alone', () => {
    const [held] = run({ vetoes: [unknowable] }, [{}]);
    const [grown] = run({ vetoes: [unknowable] }, [{ current: 2 * GiB, used: 1.95 * GiB }]);

    expect(held).toMatchObject({ action: 'hold', reason: 'EXPRESSION_FAILED' });
    expect(grown).toMatchObject({ action: 'grow' });
  });

  it('lets nobody count on the memory of its guest, not even a guest in distress', () => {
    const donor = guestSample({ uuid: 'donor', ...swapsOut });
    const needy = guestSample({ uuid: 'needy', current: 2 * GiB, used: 1.98 * GiB });
    const now = snapshot({ guests: [donor, needy], total: 6 * GiB });
    const { decisions } = decide(
      stateOf(now),
      now,
      policySet([guestPolicy({ vetoes: [swapping] })]),
      instant(0),
    );

    expect(decisions.find(({ uuid }) => uuid === 'donor')).toMatchObject({
      action: 'hold',
      reason: 'VETOED',
    });
    expect(decisions.find(({ uuid }) => uuid === 'needy')).toMatchObject({ action: 'hold' });
  });

  it('stops a shrink that is under way', () => {
    const now = snapshot({ guests: [guestSample({ current: 3 * GiB, ...swapsOut })] });
    const state = stateOf(now, { 'guest-a': { move: { from: 4 * GiB, to: 2 * GiB, at: -2 } } });
    const { decisions } = decide(state, now, policySet([guestPolicy({ vetoes: [swapping] })]), instant(0));

    expect(decisions[0]).toMatchObject({ reason: 'VETOED', targetBytes: 3 * GiB });
  });

  it('sees the variables of the policy', () => {
    const veto: Veto = { name: 'v', when: expression(({ vars }) => vars?.x === 7), holdSeconds: 0 };
    const variables = [{ name: 'x', expression: expression(() => 7) }];

    expect(run({ vetoes: [veto], variables }, [{}])[0]).toMatchObject({ reason: 'VETOED' });
  });
});

describe('relief', () => {
  const squeezed: GuestParts = { current: 2 * GiB, used: 1.98 * GiB };

  it('gives a guest in distress its maximum at once, past step, rate, cooldown and level', () => {
    const grow = { at: new Set<string>(), stepMax: { ratio: 0.01 }, rate: 1, cooldownSeconds: 3600 };
    const [decision] = run({ relief: onDistress, grow }, [squeezed]);

    expect(decision).toMatchObject({ action: 'grow', reason: 'RELIEF', targetBytes: 4 * GiB });
    expect(decision?.stages).toContainEqual(expect.objectContaining({ stage: 'relief', code: 'RELIEF' }));
  });

  it('stops at the guaranteed maximum and at the size that it names', () => {
    const guarantees = { min: { ratio: 0.25 }, max: { bytes: 3 * GiB }, reserve: 128 * MiB };
    const to: Relief = { ...onDistress, to: { bytes: 2.5 * GiB } };

    expect(run({ relief: onDistress, guarantees }, [squeezed])[0]?.targetBytes).toBe(3 * GiB);
    expect(run({ relief: to }, [squeezed])[0]?.targetBytes).toBe(2.5 * GiB);
  });

  it("never exceeds the host's budget", () => {
    const sample = guestSample({ ...squeezed, uuid: 'needy' });
    const now = snapshot({ guests: [sample], total: 2.5 * GiB });
    const { decisions } = decide(
      stateOf(now),
      now,
      policySet([guestPolicy({ relief: onDistress })]),
      instant(0),
    );

    expect(decisions[0]?.targetBytes).toBeLessThanOrEqual(2.5 * GiB);
    expect(decisions[0]).toMatchObject({ action: 'grow' });
  });

  it('keeps a swapping guest from giving, however comfortable it looks', () => {
    const [decision] = run({ relief: onDistress }, [{ readings: { swapOutRate: known(8 * MiB) } }]);

    expect(decision).toMatchObject({ action: 'hold' });
  });

  it('that cannot be evaluated relieves nobody and shrinks nobody', () => {
    const relief: Relief = { when: unknowable.when, to: { ratio: 1 } };

    expect(run({ relief }, [{}])[0]).toMatchObject({ action: 'hold', reason: 'EXPRESSION_FAILED' });
  });

  it('is not there for a guest that is well', () => {
    expect(run({ relief: onDistress }, [{}])[0]).toMatchObject({ action: 'shrink', reason: 'SHRINK' });
  });
});

describe('stabilization', () => {
  it('holds a shrink until the window has seen nothing higher', () => {
    const reasons = run({ stabilizationSeconds: 60 }, new Array<GuestParts>(9).fill({})).map(
      ({ reason }) => reason,
    );

    expect(reasons.slice(0, 6)).toEqual(new Array(6).fill('STABILIZING'));
    expect(reasons.at(-1)).toBe('SHRINK');
  });

  it('goes as low as the highest target of the window', () => {
    const ticks = [...new Array<GuestParts>(8).fill({ used: 2 * GiB }), {}];
    const decisions = run(
      { stabilizationSeconds: 60, estimate: { windowSeconds: 1, quantile: 0.5, growthSeconds: 0 } },
      ticks,
    );

    expect(decisions.at(-1)).toMatchObject({
      action: 'shrink',
      reason: 'STABILIZING',
      targetBytes: 2176 * MiB,
    });
  });

  it('does not keep a host waiting that is too small for all targets', () => {
    const sample = guestSample({ used: 2 * GiB });
    const now = snapshot({ guests: [sample], total: 2.1 * GiB, available: 0 });
    const set = policySet([guestPolicy({ stabilizationSeconds: 60, target: expression(() => 4 * GiB) })]);
    const { decisions } = decide(stateOf(now), now, set, instant(0));

    expect(decisions[0]).toMatchObject({ action: 'shrink' });
  });

  it('does not touch growth', () => {
    const [decision] = run({ stabilizationSeconds: 60 }, [{ current: 2 * GiB, used: 1.95 * GiB }]);

    expect(decision).toMatchObject({ action: 'grow' });
  });
});

describe('the condition of a guest', () => {
  it.each([
    [{ used: GiB }, { distress: false, level: 'ample' }],
    [{ used: 3.9 * GiB }, { distress: false, level: 'low' }],
    [{ used: 3.95 * GiB }, { distress: true, level: 'distress' }],
    [{ readings: { swapOutRate: known(2 * MiB) } }, { distress: true, level: 'distress' }],
    [{ readings: { swapOutRate: known(512 * KiB) } }, { distress: false, level: 'ample' }],
    [
      { readings: { available: { ageSeconds: 0, quality: 'absent' } as const } },
      { distress: false, level: undefined },
    ],
  ])('is told by what is available and by what it swaps out: %j', (parts, condition) => {
    expect(conditionOf({ sample: guestSample(parts), reserve: 128 * MiB, unreported: 0 })).toEqual(condition);
  });
});
