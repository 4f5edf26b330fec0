import { describe, expect, it } from 'vitest';
import { ABSENT, known, type Reading } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { assess } from './assess.ts';
import { observeUse } from './demand.ts';
import type { GuestMemory } from './state.ts';
import {
  expression,
  type GuestParts,
  type GuestPolicyParts,
  guestPolicy,
  guestSample,
  instant,
  memoryOf,
  movable,
} from './testing.ts';

const HOST = { guests: 1, psi: { some: {}, full: {} }, level: 'none' };

function assessed(
  parts: GuestParts,
  policy: GuestPolicyParts | undefined = {},
  memory?: Partial<GuestMemory>,
) {
  const sample = guestSample(parts);
  return assess({
    sample,
    policy: guestPolicy(policy),
    memory: memoryOf(sample, memory),
    host: HOST,
    now: instant(0),
  });
}

const reading = (quality: Reading['quality']): Reading =>
  quality === 'absent' ? ABSENT : { value: GiB, ageSeconds: 60, quality };

describe('quality and eligibility', () => {
  it.each(['max', 'current', 'total', 'used', 'available'] as const)(
    'holds a guest whose %s cannot be used',
    figure => {
      const held = (quality: Reading['quality']) => assessed({ readings: { [figure]: reading(quality) } });
      expect(held('stale')).toMatchObject({ kind: 'held', code: 'STATS_STALE' });
      expect(held('absent')).toMatchObject({ kind: 'held', code: 'STATS_ABSENT' });
      expect(held('implausible')).toMatchObject({ kind: 'held', code: 'STATS_IMPLAUSIBLE' });
    },
  );

  it.each([
    ['is paused', { state: 'paused' }, 'NOT_RUNNING'],
    ['has crashed', { state: 'crashed' }, 'NOT_RUNNING'],
    ['is in a state that nobody knows', { state: 'unknown' }, 'NOT_RUNNING'],
    ['has no balloon', { balloon: { device: 'none', autodeflate: false } }, 'NO_BALLOON'],
    ['has reported once in its epoch', { reportsInEpoch: 1 }, 'STATS_SETTLING'],
    ['has no size', { readings: { current: known(0) } }, 'STATS_IMPLAUSIBLE'],
    ['has no maximum', { readings: { max: known(0) } }, 'STATS_IMPLAUSIBLE'],
  ] satisfies [string, GuestParts, string][])('holds a guest that %s', (_, parts, code) => {
    expect(assessed(parts)).toMatchObject({ kind: 'held', code, promised: expect.any(Number) });
  });

  it.each([
    ['no-balloon', 'NO_BALLOON'],
    ['passthrough', 'PASSTHROUGH'],
    ['hugepages', 'HUGEPAGES'],
    ['locked', 'LOCKED_MEMORY'],
    ['launch-security', 'LAUNCH_SECURITY'],
    ['virtio-mem', 'VIRTIO_MEM'],
    ['job', 'JOB_RUNNING'],
  ] as const)('holds a guest with the obstacle %s', (obstacle, code) => {
    expect(assessed({ obstacles: [obstacle] })).toMatchObject({ kind: 'held', code });
    expect(assessed({ obstacles: [] })).toMatchObject({ kind: 'movable' });
  });

  it('holds a guest whose domain XML has not been read', () => {
    const { balloon: _, ...sample } = guestSample();
    const held = assess({
      sample,
      policy: guestPolicy(),
      memory: memoryOf(sample),
      host: HOST,
      now: instant(0),
    });
    expect(held).toMatchObject({ kind: 'held', code: 'STATS_SETTLING' });
  });

  it('holds a guest whose kernel share has not been learned', () => {
    expect(assessed({}, {}, { kernelBytes: undefined, resting: undefined })).toMatchObject({
      code: 'STATS_SETTLING',
    });
  });

  it('holds a guest without a policy', () => {
    const sample = guestSample();
    const unmanaged = assess({
      sample,
      policy: undefined,
      memory: undefined,
      host: HOST,
      now: instant(0),
    });
    expect(unmanaged).toMatchObject({ kind: 'held', code: 'UNMANAGED' });
    expect(unmanaged.trail.stages).toMatchObject([{ stage: 'eligibility', code: 'UNMANAGED' }]);
  });

  it('holds a guest whose expression fails, with the place of the expression', () => {
    const source = { file: 'p.yaml', line: 7, column: 3 };
    const target = { ...expression<number>(() => ({ problem: 'no such name' })), source };
    const failed = assessed({}, { target });
    expect(failed).toMatchObject({ kind: 'held', code: 'EXPRESSION_FAILED' });
    expect(failed.trail.stages.at(-1)).toMatchObject({
      stage: 'target',
      code: 'EXPRESSION_FAILED',
      source,
      out: 4 * GiB,
      inputs: { problem: 'no such name' },
    });
    const variables = [{ name: 'v', expression: expression<number>(() => ({ problem: 'no' })) }];
    expect(assessed({}, { variables }).trail.stages.at(-1)?.inputs).toEqual({ variable: 'v', problem: 'no' });
  });

  it('withdraws a shrink even of a guest that it holds', () => {
    const held = assessed(
      { current: 3 * GiB, readings: { used: ABSENT } },
      {},
      { move: { from: 4 * GiB, to: 2 * GiB, at: -60 } },
    );
    expect(held).toMatchObject({ code: 'STATS_ABSENT', correction: { target: 3 * GiB + 32 * MiB } });
  });
});

describe('demand, target and guarantees', () => {
  it('adds the kernel share to use, and lets variables build on each other in their order', () => {
    const variables = [
      { name: 'a', expression: expression<number>(({ guest }) => (guest?.demand ?? 0) * 2) },
      { name: 'b', expression: expression<number>(({ vars }) => (vars?.a ?? 0) + MiB) },
    ];
    const target = expression<number>(({ vars }) => vars?.b ?? 0);
    const guest = movable(
      { used: GiB, kernel: 100 * MiB },
      { variables, target },
      { kernelBytes: 100 * MiB },
    );
    expect(guest.demand).toBe(GiB + 100 * MiB);
    expect(guest.wanted).toBe(2 * GiB + 201 * MiB);
    expect(guest.trail.stages.map(({ stage }) => stage)).toEqual(['demand', 'target', 'guarantees']);
  });

  it('shows expressions the guarantees in bytes and the level of the host', () => {
    const target = expression<number>(({ guarantees, host }) => {
      expect(guarantees).toEqual({ min: GiB, max: 3 * GiB, reserve: 128 * MiB });
      expect(host.level).toBe('none');
      return 2 * GiB;
    });
    const guarantees = { min: { bytes: GiB }, max: { ratio: 0.75 }, reserve: 128 * MiB };
    expect(movable({}, { target, guarantees }).desired).toBe(2 * GiB);
  });

  const wanting = (bytes: number, parts: GuestParts = { used: 300 * MiB }) => {
    const guarantees = { min: { bytes: GiB }, max: { bytes: 3 * GiB }, reserve: 128 * MiB };
    return movable(parts, { target: expression<number>(() => bytes), guarantees });
  };

  it('clamps the target to the guarantees and says which one bit', () => {
    const bound = (bytes: number) => {
      const { desired, trail } = wanting(bytes);
      return [desired, trail.stages.at(-1)?.code];
    };
    expect(bound(2 * GiB)).toEqual([2 * GiB, 'OK']);
    expect(bound(0)).toEqual([GiB, 'GUARANTEE_MIN']);
    expect(bound(-5 * GiB)).toEqual([GiB, 'GUARANTEE_MIN']);
    expect(bound(9 * GiB)).toEqual([3 * GiB, 'GUARANTEE_MAX']);
  });

  it('raises a target under what the guest uses, whatever the policy says', () => {
    const { desired, floor, trail } = wanting(0, { used: 1.5 * GiB });
    expect(desired).toBe(floor);
    expect(floor).toBeGreaterThan(1.5 * GiB + 90 * MiB);
    expect(trail.stages.at(-1)?.code).toBe('GUARD_FLOOR');
  });

  it('does not take from a guest above its guaranteed maximum what it uses, and does not let it grow either', () => {
    const over = (current: number) => wanting(8 * GiB, { used: 3.2 * GiB, current });
    expect(over(3.25 * GiB)).toMatchObject({ desired: 3.25 * GiB, ceiling: 3 * GiB });
    const roomy = over(4 * GiB);
    expect(roomy.desired).toBe(roomy.floor);
    expect(over(2.9 * GiB).desired).toBe(3 * GiB);
  });

  it('never lets a guarantee exceed the guest', () => {
    const guarantees = { min: { bytes: 16 * GiB }, max: { bytes: 32 * GiB }, reserve: 0 };
    expect(movable({}, { guarantees })).toMatchObject({ min: 4 * GiB, ceiling: 4 * GiB, desired: 4 * GiB });
  });

  it('finds a guest distressed when less than half its reserve is available and it can have more', () => {
    const guest = (used: number, current: number) => movable({ used, current });
    expect(guest(2 * GiB - 63 * MiB, 2 * GiB).distressed).toBe(true);
    expect(guest(2 * GiB - 65 * MiB, 2 * GiB).distressed).toBe(false);
    expect(guest(4 * GiB - 10 * MiB, 4 * GiB).distressed).toBe(false);
  });

  it('finds a guest distressed whose growth leads it there before a move can help, so that donors are not called too late', () => {
    const growing = (perSecond: number, current: number) => {
      const demand = observeUse(undefined, { used: GiB - perSecond, report: 1, at: -1 }, 600);
      const estimate = { windowSeconds: 600, quantile: 0.95, growthSeconds: 2 };
      return movable({ used: GiB, current }, { estimate }, { demand });
    };
    // Of the reserve of 128 MiB a half is left in two seconds, or less.
    expect(growing(200 * MiB, GiB + 463 * MiB)).toMatchObject({ distressed: true, growth: 'GROW' });
    expect(growing(200 * MiB, GiB + 465 * MiB).distressed).toBe(false);
    // Pages come and go.
    expect(growing(4 * MiB, GiB + 65 * MiB).distressed).toBe(false);
    expect(growing(-200 * MiB, GiB + 100 * MiB).distressed).toBe(false);
  });
});
