import { describe, expect, it } from 'vitest';
import { hostPolicyFiles } from '../../cli/policy-files.ts';
import { createCollector } from '../../collectors/snapshot.ts';
import { createSimulatedHypervisor } from '../../hypervisor/simulated/hypervisor.ts';
import type { GuestSpec } from '../../hypervisor/simulated/scenario.ts';
import { GiB, MiB } from '../../model/units.ts';
import { loadPolicySet, requirePolicySet } from '../../policy/load.ts';
import { staticController } from '../controller.ts';
import { policyController } from '../policy-controller.ts';
import { runSimulation } from '../run.ts';
import { guestSpec, simulationWith } from '../testing.ts';
import { createShadow, type Shadow } from './shadow.ts';

const setOf = (path: string) => requirePolicySet(loadPolicySet([path], hostPolicyFiles));
const DENSE = setOf('policies/dense.yaml');
const STANDARD = setOf('policies/standard.yaml');

/** A simulated host that nobody tunes, looked at once a second by shadows. */
async function watch(
  guests: readonly GuestSpec[],
  shadows: readonly Shadow[],
  seconds: number,
  between: (
    time: number,
    control: ReturnType<typeof createSimulatedHypervisor>['control'],
  ) => void = () => {},
) {
  let now = 0;
  const clock = { now: () => ({ monotonic: now, wall: 1_700_000_000 + now }) };
  const { scenario } = simulationWith(guests);
  const hypervisor = createSimulatedHypervisor({ scenario, clock });
  const collector = createCollector({
    hypervisor,
    clock,
    arm: true,
    pool: { kind: 'auto' },
    staleAfterSeconds: 10,
    intervalSeconds: 1,
  });
  for (; now <= seconds; now++) {
    between(now, hypervisor.control);
    const snapshot = await collector.collect();
    for (const shadow of shadows) shadow.look(clock.now(), snapshot);
  }
  const sizes = hypervisor.control.guests().map(({ balloon }) => balloon.actual);
  collector.close();
  await hypervisor.close();
  return sizes;
}

const IDLE = guestSpec({ name: 'idle', touched: 0.8, demand: { kind: 'constant', bytes: 600 * MiB } });

describe('a shadow', { timeout: 60_000 }, () => {
  it('says what would have been reclaimed, and touches nobody', async () => {
    const shadow = createShadow(DENSE);
    expect(await watch([IDLE], [shadow], 400)).toEqual([4 * GiB]);
    const { items, ...summary } = shadow.report();
    expect(summary).toMatchObject({
      policy: 'dense',
      seconds: 400,
      modelled: 1,
      guests: 1,
      oomKills: 0,
      stalledGuestSeconds: 0,
    });
    expect(summary.reclaimedBytes).toBeGreaterThan(1.5 * GiB);
    expect(summary.reclaimedGiBHours).toBeGreaterThan((summary.reclaimedBytes / GiB) * 0.03);
    expect(items[0]).toMatchObject({ name: 'idle', realBytes: 4 * GiB });
    expect(items[0]?.sizeBytes).toBeGreaterThan(600 * MiB);
    expect(items[0]?.sizeBytes).toBeLessThan(1.5 * GiB);
  });

  it('comes to about what the policy comes to when it enforces', async () => {
    const demand = {
      kind: 'steps',
      levels: [
        { bytes: 500 * MiB, seconds: 150 },
        { bytes: 1200 * MiB, seconds: 100 },
      ],
    } as const;
    // A shadow's guests have no swap, for nobody tells a host of it; what a policy takes because there is some, it cannot show.
    const guests = [guestSpec({ name: 'a', touched: 0.8, swap: 0, demand })];
    const shadow = createShadow(DENSE);
    await watch(guests, [shadow], 390);
    const simulation = simulationWith(guests, { seconds: 391 });
    const enforced = await runSimulation(simulation, bench => policyController(bench, DENSE));
    const nobody = await runSimulation(simulation, staticController);
    const real = (nobody.tally.residentByteSeconds - enforced.tally.residentByteSeconds) / GiB / 3600;
    expect(shadow.summary().reclaimedGiBHours).toBeGreaterThan(0.85 * real);
    expect(shadow.summary().reclaimedGiBHours).toBeLessThan(1.15 * real);
  });

  it('tells the harm of a policy that leaves guests too little', async () => {
    const files = { ...hostPolicyFiles, read: () => new TextEncoder().encode(GREEDY) };
    const greedy = createShadow(requirePolicySet(loadPolicySet(['policies/dense.yaml'], files)));
    const gentle = createShadow(STANDARD);
    const demand = {
      kind: 'steps',
      levels: [
        { bytes: 500 * MiB, seconds: 200 },
        { bytes: 3 * GiB, seconds: 60 },
      ],
    } as const;
    await watch([guestSpec({ name: 'a', touched: 0.8, demand })], [greedy, gentle], 330);
    expect(greedy.summary().shortageGiBSeconds).toBeGreaterThan(0.1);
    expect(greedy.summary().oomKills + greedy.summary().stalledGuestSeconds).toBeGreaterThan(1);
    expect(gentle.summary()).toMatchObject({ oomKills: 0, shortageGiBSeconds: 0, stalledGuestSeconds: 0 });
    expect(greedy.report().items[0]?.shortageGiBSeconds).toBeGreaterThan(0);
  });

  it('begins anew with a guest that has been rebooted, and keeps what befell the one before', async () => {
    const shadow = createShadow(DENSE);
    const before: number[] = [];
    await watch([IDLE], [shadow], 420, (time, control) => {
      if (time !== 400) return;
      before.push(shadow.summary().reclaimedBytes, shadow.summary().moves);
      control.guests()[0]?.reboot();
    });
    expect(shadow.summary().modelled).toBe(1);
    expect(shadow.summary().reclaimedBytes).toBeLessThan((before[0] ?? 0) / 2);
    expect(shadow.summary().moves).toBeGreaterThanOrEqual(before[1] ?? 0);
  });

  it('has no model of a guest that reports nothing, and none of one that is gone', async () => {
    const shadow = createShadow(DENSE);
    const mute = guestSpec({ name: 'mute', mishaps: [{ at: 0, mishap: { kind: 'no-driver' } }] });
    await watch([IDLE, mute], [shadow], 60, (time, control) => {
      if (time === 40)
        control
          .guests()
          .find(({ name }) => name === 'idle')
          ?.destroy();
    });
    expect(shadow.report().items.map(({ name }) => name)).not.toContain('mute');
  });
});

/** Takes everything above use at once, and gives it back a little a minute. */
const GREEDY = `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: greedy}
spec: {mode: enforce, interval: 1s, memory: auto, reserve: {bytes: 64MiB}, staleAfter: 10s, pressure: []}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: greedy}
spec:
  match: {}
  guarantees: {min: 5%, reserve: 16MiB}
  estimate: {window: 5s, growth: 0s}
  target: guest.demand + 16.0 * MiB
  behavior:
    shrink: {at: [none], step: {max: 100%, min: 1MiB}, cooldown: 0s}
    grow: {at: [none], step: {max: 1%, min: 1MiB}, rate: 16MiB/min, cooldown: 30s}
  relief: {when: "false", to: max}
`;
