import { describe, expect, it } from 'vitest';
import { hostPolicyFiles } from '../cli/policy-files.ts';
import type { Fault } from '../hypervisor/simulated/faults.ts';
import { QEMU_OVERHEAD } from '../hypervisor/simulated/scenario.ts';
import { GiB, MiB } from '../model/units.ts';
import { loadPolicySet, requirePolicySet } from '../policy/load.ts';
import { type ControllerFactory, staticController } from './controller.ts';
import { hostForAllInUse, oracleController } from './oracle.ts';
import { policyController } from './policy-controller.ts';
import { runSimulation } from './run.ts';
import { guestSpec, simulationWith } from './testing.ts';

const DENSE = requirePolicySet(loadPolicySet(['policies/dense.yaml'], hostPolicyFiles));
const dense: ControllerFactory = (bench, listen) => policyController(bench, DENSE, listen);

/** A busy machine takes its time. */
const PATIENCE = { timeout: 60_000 };

describe('runSimulation', PATIENCE, () => {
  it('integrates what guests hold', async () => {
    const simulation = simulationWith([guestSpec({ boot: 0, demand: { kind: 'constant', bytes: GiB } })]);
    const { tally, controller } = await runSimulation(simulation, staticController);
    const held = tally.residentByteSeconds / simulation.seconds;
    expect(controller).toBe('static');
    expect(held).toBeGreaterThan(1 * GiB + QEMU_OVERHEAD);
    expect(held).toBeLessThan(1.6 * GiB);
    expect(tally).toMatchObject({
      moves: 0,
      movedBytes: 0,
      stallSeconds: 0,
      oomKills: 0,
      guestSeconds: expect.closeTo(300, 3),
    });
  });

  it('scores nothing of the time in which controllers find their feet', async () => {
    const demand = {
      kind: 'steps',
      levels: [
        { bytes: 5 * GiB, seconds: 100 },
        { bytes: GiB, seconds: 2000 },
      ],
    } as const;
    const guests = [guestSpec({ demand, swap: 0 })];
    const all = await runSimulation(simulationWith(guests), staticController);
    const late = await runSimulation(simulationWith(guests, { settleSeconds: 150 }), staticController);
    expect(all.tally.oomKills).toBeGreaterThan(0);
    expect(late.tally).toMatchObject({ oomKills: 0, stallSeconds: 0, guestSeconds: expect.closeTo(150, 3) });
  });

  it('is the same every time, and another with another seed', async () => {
    const bursts = {
      kind: 'bursts',
      base: 256 * MiB,
      peak: [GiB, 3 * GiB],
      every: 60,
      length: [5, 30],
      rise: 5,
      chance: 0.6,
    } as const;
    const guests = ['a', 'b', 'c'].map(name => guestSpec({ name, demand: bursts }));
    const run = (seed: number) => runSimulation(simulationWith(guests, { seed, seconds: 150 }), dense);
    const [first, again, other] = [await run(1), await run(1), await run(2)];
    expect(again).toEqual(first);
    expect(other.tally).not.toEqual(first.tally);
    expect(first.tally.moves).toBeGreaterThan(2);
  });

  it('knows the smallest host on which the oracle need not take what is in use: on one a little smaller guests swap', async () => {
    const peak = (offsetSeconds: number) => ({
      kind: 'steps' as const,
      levels: [
        { bytes: 512 * MiB, seconds: 60 },
        { bytes: 1.5 * GiB, seconds: 60 },
      ],
      offsetSeconds,
    });
    const guests = [0, 60].map((offset, i) =>
      guestSpec({ name: `g${i}`, boot: 0, swap: GiB, demand: peak(offset) }),
    );
    const simulation = simulationWith(guests, { settleSeconds: 60 });
    const enough = hostForAllInUse(simulation);
    const swappedOn = async (memory: number) => {
      const scenario = { ...simulation.scenario, host: { ...simulation.scenario.host, memory } };
      const { tally } = await runSimulation({ ...simulation, scenario }, oracleController);
      return tally.swappedOutBytes;
    };
    // It leaves 8 MiB a guest for what is slower than it knows.
    expect(await swappedOn(enough + 16 * MiB)).toBe(0);
    expect(await swappedOn(0.95 * enough)).toBeGreaterThan(0);
  });

  it('gives memory back to the host with a policy, and the oracle gives back more', async () => {
    const guests = [guestSpec({ touched: 0.9 }), guestSpec({ name: 'two', touched: 0.9 })];
    const simulation = simulationWith(guests);
    const held = async (create: ControllerFactory) =>
      (await runSimulation(simulation, create)).tally.residentByteSeconds / simulation.seconds;
    const [nobody, policy, oracle] = [
      await held(staticController),
      await held(dense),
      await held(oracleController),
    ];
    expect(policy).toBeLessThan(0.7 * nobody);
    expect(oracle).toBeLessThan(policy);
  });

  it('tells how far it is', async () => {
    const told: number[] = [];
    await runSimulation(simulationWith([guestSpec()]), dense, { progress: share => told.push(share) });
    expect(told.length).toBeGreaterThan(50);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  });

  it('goes on with the others while a guest hangs, and takes the time that the call takes', async () => {
    const hang: Fault = { kind: 'hang' };
    const guests = [
      guestSpec({ name: 'hung', mishaps: [{ at: 80, for: 100, mishap: hang }] }),
      guestSpec({ name: 'well', touched: 0.9 }),
    ];
    const { tally } = await runSimulation(simulationWith(guests), dense);
    expect(tally.moves).toBeGreaterThan(1);
    expect(tally.guestSeconds).toBeLessThan(600 - 90);
  });
});
