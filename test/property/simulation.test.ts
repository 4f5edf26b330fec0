/**
 * Whole simulations of random guests, demand, mishaps, hosts and policies. Every tick of each of them checks the model's books and
 * the policy's promises (src/simulator/invariants.ts), and throws SIMULATION_BROKEN.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DemandSpec } from '../../src/hypervisor/simulated/demand.ts';
import type { HostMishap, Mishap } from '../../src/hypervisor/simulated/faults.ts';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import { type Bytes, GiB, MiB } from '../../src/model/units.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import { BASELINES } from '../../src/simulator/controllers.ts';
import { policyController } from '../../src/simulator/policy-controller.ts';
import { runSimulation } from '../../src/simulator/run.ts';
import { guestSpec, simulationWith } from '../../src/simulator/testing.ts';

/** `PROPERTY_FACTOR=20` looks twenty times as long. */
const FACTOR = Number(process.env.PROPERTY_FACTOR ?? 1);

const SECONDS = 90;

const share = fc.double({ min: 0, max: 1, noNaN: true });
const mebibytes = (min: number, max: number) => fc.integer({ min, max }).map(mib => mib * MiB);
const span = (max: number) => fc.integer({ min: 1, max });

/** Some of it more than any guest has. */
const demandOf: fc.Arbitrary<DemandSpec> = fc.oneof(
  fc.record({
    kind: fc.constant('ramps' as const),
    low: mebibytes(0, 512),
    high: mebibytes(0, 9000),
    rest: fc.integer({ min: 0, max: 60 }),
    rise: span(60),
    hold: fc.integer({ min: 0, max: 60 }),
    fall: span(60),
  }),
  fc.record({
    kind: fc.constant('steps' as const),
    levels: fc.array(fc.record({ bytes: mebibytes(0, 9000), seconds: span(40) }), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
  fc.record({
    kind: fc.constant('bursts' as const),
    base: mebibytes(0, 1024),
    peak: fc.tuple(mebibytes(0, 2048), mebibytes(2048, 8192)),
    every: span(40),
    length: fc.constant([2, 20] as const),
    rise: span(10),
    chance: share,
  }),
  fc.record({
    kind: fc.constant('diurnal' as const),
    low: mebibytes(0, 512),
    high: mebibytes(512, 6000),
    period: span(200),
  }),
);

const KINDS = [
  'no-driver',
  'stats-stop',
  'garbage',
  'stuck',
  'hang',
  'pause',
  'reboot',
  'shutdown',
  'crash',
  'job',
  'missing',
  'pinned',
  'no-stats',
  'empty',
  'zswap',
] as const;

const mishapOf: fc.Arbitrary<Mishap> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...KINDS).map((kind): Mishap => ({ kind })) },
  fc.constantFrom('idle', 'starved', 'both').map((says): Mishap => ({ kind: 'lies', says })),
  mebibytes(1, 2048).map((bytes): Mishap => ({ kind: 'hotplug', bytes })),
);

const hostMishapOf: fc.Arbitrary<HostMishap> = fc.oneof(
  fc.constant<HostMishap>({ kind: 'unreachable' }),
  mebibytes(1, 1024).map((bytes): HostMishap => ({ kind: 'offline', bytes })),
);

const planned = <T>(what: fc.Arbitrary<T>, maxLength: number) =>
  fc.array(fc.record({ at: fc.integer({ min: 0, max: 120 }), for: span(60), mishap: what }), { maxLength });

const guestOf: fc.Arbitrary<Omit<GuestSpec, 'name'>> = fc.record({
  maximum: mebibytes(128, 8192),
  vcpus: fc.constantFrom(1, 4),
  demand: demandOf,
  hotShare: share,
  touched: share,
  swap: fc.constantFrom<Bytes>(0, 256 * MiB, 2 * GiB),
  swapRate: fc.constantFrom(8 * MiB, 256 * MiB),
  machine: fc.constantFrom('kvm' as const, 'tcg' as const),
  files: fc.record({
    size: mebibytes(0, 2048),
    rate: mebibytes(1, 512),
    every: fc.constantFrom(0, 20),
    mapped: share,
  }),
  mishaps: planned(mishapOf, 3),
  autodeflate: fc.boolean(),
  freePageReporting: fc.boolean(),
  touchRate: fc.constantFrom(0, 64 * MiB),
  locked: fc.constantFrom(0, 24 * MiB),
});

const percent = (min: number, max: number) => fc.integer({ min, max }).map(value => `${value}%`);

/** Policies from the timid to the reckless. */
const policyOf: fc.Arbitrary<PolicySet> = fc
  .record({
    interval: fc.constantFrom('500ms', '1s', '5s'),
    reserve: fc.integer({ min: 0, max: 1024 }),
    surplus: fc.constantFrom('keep', 'return'),
    shortage: fc.constantFrom('keep', 'share'),
    limits: fc.constantFrom('{}', '{reclaimRate: 1GiB/min}', '{concurrentMoves: 1}', '{guestsPerTick: 1}'),
    min: percent(1, 60),
    guestReserve: fc.integer({ min: 1, max: 256 }),
    window: fc.constantFrom('2s', '30s', '5m'),
    headroom: fc.double({ min: 0.5, max: 2, noNaN: true }).map(factor => factor.toFixed(2)),
    idleTax: share.map(tax => (0.99 * tax).toFixed(2)),
    tolerance: percent(0, 5),
    step: percent(5, 100),
    cooldown: fc.constantFrom('0s', '3s', '20s'),
    rate: fc.constantFrom('', ', rate: 512MiB/min'),
  })
  .map(p => {
    const text = `
apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: random}
spec:
  mode: enforce
  interval: ${p.interval}
  reserve: {bytes: ${p.reserve}MiB, percent: 0, select: max}
  surplus: ${p.surplus}
  shortage: ${p.shortage}
  limits: ${p.limits}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: random}
spec:
  match: {}
  guarantees: {min: ${p.min}, reserve: ${p.guestReserve}MiB}
  estimate: {window: ${p.window}, quantile: 0.9, growth: 2s}
  target: guest.demand * ${p.headroom} + guarantees.reserve
  idleTax: ${p.idleTax}
  behavior:
    tolerance: {percent: ${p.tolerance.replace('%', '')}, bytes: 8MiB}
    shrink: {at: [none], step: {max: ${p.step}, min: 16MiB}, cooldown: ${p.cooldown}${p.rate}}
    grow: {step: {max: ${p.step}}}
`;
    const files = {
      kind: () => 'file' as const,
      list: () => [],
      read: () => new TextEncoder().encode(text),
    };
    return requirePolicySet(loadPolicySet(['random.yaml'], files));
  });

const hostOf = fc.record({
  memory: fc.integer({ min: 4, max: 32 }).map(gib => gib * GiB),
  swap: fc.constantFrom(0, 2 * GiB),
  load: fc.option(fc.record({ kind: fc.constant('constant' as const), bytes: mebibytes(0, 2048) }), {
    nil: undefined,
  }),
  mishaps: planned(hostMishapOf, 2),
});

const sceneOf = fc.record({
  specs: fc.array(guestOf, { minLength: 1, maxLength: 5 }),
  host: hostOf,
  seed: fc.integer({ min: 1, max: 1e6 }),
});

type Scene = typeof sceneOf extends fc.Arbitrary<infer T> ? T : never;

function simulationOf({ specs, host: { load, ...host }, seed }: Scene) {
  const guests = specs.map((spec, i) => guestSpec({ ...spec, name: `g${i}` }));
  const simulation = simulationWith(guests, { seconds: SECONDS, seed });
  const { scenario } = simulation;
  return {
    ...simulation,
    scenario: { ...scenario, host: { ...scenario.host, ...host, ...(load && { load }) } },
  };
}

describe('a random simulation', { timeout: FACTOR * 60_000 }, () => {
  it('keeps its books and its promises under any policy, whatever happens to guests and host', async () => {
    let moves = 0;
    await fc.assert(
      fc.asyncProperty(sceneOf, policyOf, async (scene, policies) => {
        const { tally } = await runSimulation(simulationOf(scene), (bench, listen) =>
          policyController(bench, policies, listen),
        );
        for (const figure of Object.values(tally)) expect(figure).toBeGreaterThanOrEqual(0);
        moves += tally.moves;
      }),
      { numRuns: 25 * FACTOR, endOnFailure: true },
    );
    // Scenes in which nobody moves would show nothing.
    expect(moves).toBeGreaterThan(25);
  });

  it('keeps its books under the controllers that others have written down', async () => {
    await fc.assert(
      fc.asyncProperty(sceneOf, fc.constantFrom(...Object.values(BASELINES)), async (scene, create) => {
        const { tally } = await runSimulation(simulationOf(scene), create);
        for (const figure of Object.values(tally)) expect(figure).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 10 * FACTOR, endOnFailure: true },
    );
  });

  it('is the same when it is run again', async () => {
    await fc.assert(
      fc.asyncProperty(sceneOf, policyOf, async (scene, policies) => {
        const once = () =>
          runSimulation(simulationOf(scene), (bench, listen) => policyController(bench, policies, listen));
        expect(await once()).toEqual(await once());
      }),
      { numRuns: 5 * FACTOR, endOnFailure: true },
    );
  });
});
