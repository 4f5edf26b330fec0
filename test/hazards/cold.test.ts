/** Memory that guests use and seldom touch, taken under `cold`: what may go wrong with it, on simulated guests. */
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import { trusted } from '../../src/model/snapshot.ts';
import { type Bytes, GiB, MiB } from '../../src/model/units.ts';
import { type GuestPolicyParts, guestPolicy, hostPolicy, policySet } from '../../src/policy/testing.ts';
import { startLoop } from './loop.ts';
import { simulatedWorld } from './simulated-world.ts';

const MAX: Bytes = 1024 * MiB;
const HELD: Bytes = 400 * MiB;
const MIN: Bytes = 128 * MiB;
/** More than a guest is left with that has given what it does not touch. */
const GUARANTEE: Bytes = 320 * MiB;
const STEP: Bytes = MAX / 32;
const SWAP: Bytes = 256 * MiB;

/** A guest of 1 GiB that holds 400 MiB and touches half of it. */
const holder = (parts: Partial<GuestSpec> = {}): GuestSpec => ({
  name: 'worker',
  maximum: MAX,
  demand: { kind: 'constant', bytes: HELD },
  files: { size: 16 * MiB, rate: MiB },
  swap: SWAP,
  ...parts,
});

/** Squeezed whether the host is short or not. */
const COLD = {
  swap: { bytes: SWAP },
  at: new Set(['none']),
  step: { bytes: STEP },
  refault: 4 * MiB,
  restSeconds: 5,
};

const OFFLOADING: GuestPolicyParts = {
  guarantees: { min: { bytes: MIN }, max: { ratio: 1 }, reserve: 32 * MiB },
  estimate: { windowSeconds: 8, quantile: 0.95, growthSeconds: 1 },
  shrink: { stepMin: 16 * MiB, cooldownSeconds: 2 },
  cold: COLD,
};

async function host(
  guest: GuestSpec = holder(),
  parts: GuestPolicyParts = {},
  { others = [], memory = 4 * GiB }: { others?: readonly GuestSpec[]; memory?: Bytes } = {},
) {
  const world = await simulatedWorld([guest, ...others], memory);
  const loop = startLoop(world, policySet([guestPolicy({ ...OFFLOADING, ...parts })], hostPolicy()));
  onTestFinished(async () => {
    loop.close();
    await world[Symbol.asyncDispose]();
  });
  const worker = world.control.byName('worker');
  const run = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) await loop.tick();
  };
  const taking = () =>
    loop.until('worker', 'cold memory is taken', ({ decision }) => decision.reason === 'COLD_TAKEN');
  return { world, loop, worker, run, taking };
}

const swapped = ({ swapOut, swapIn } = { swapOut: 0, swapIn: 0 }) => swapOut - swapIn;

describe('a simulated guest under cold', () => {
  it('H1: gives what it does not touch, half of its swap at most, and has its reserve again after', async () => {
    const { worker, run, loop } = await host();
    await run(120);
    expect(swapped(worker.memory)).toBeGreaterThan(100 * MiB);
    expect(swapped(worker.memory)).toBeLessThanOrEqual(SWAP / 2 + STEP);
    expect(worker.harm).toMatchObject({ oomKills: 0 });
    expect(worker.harm.stallSeconds).toBeLessThan(1);
    const available = loop.of('worker').at(-1)?.sample.readings.available.value;
    expect(available).toBeGreaterThanOrEqual(16 * MiB);
  });

  it('H1: keeps what it uses where the policy does not say that it has swap', async () => {
    const { worker, run } = await host(holder(), { cold: undefined });
    await run(60);
    expect(worker.memory?.swapOut).toBe(0);
  });

  it('is squeezed no further than to show that it swaps while its policy does not name the level', async () => {
    const { worker, run } = await host(holder(), { cold: { ...COLD, at: new Set(['hard']) } });
    await run(40);
    const shown = worker.memory?.swapOut ?? 0;
    expect(shown).toBeGreaterThan(0);
    expect(shown).toBeLessThan(64 * MiB);
    await run(120);
    expect(worker.memory?.swapOut).toBe(shown);
  });

  it('H1: is asked once and no more in this boot where it has no swap, and gets back what it gave', async () => {
    const { worker, run, taking, loop } = await host(holder({ swap: 0 }));
    const { sample } = await taking();
    const used = trusted(sample.readings.used) ?? 0;
    await run(20);
    const first = loop.ticks.length;
    await run(60);
    const after = loop.of('worker', first);
    expect(after.map(({ decision }) => decision.reason)).not.toContain('COLD_TAKEN');
    expect(after.at(-1)?.decision.stages.map(({ code }) => code)).toContain('COLD_BARRED');
    expect(after.at(-1)?.sample.readings.current.value).toBeGreaterThan(used + 32 * MiB);
    expect(worker.harm.oomKills).toBe(0);
  });

  it('H5: gets its memory at once when it grows while it is squeezed', async () => {
    const { worker, run, taking, loop } = await host();
    await taking();
    worker.setDemand({ kind: 'constant', bytes: HELD + 300 * MiB });
    await loop.until('worker', 'it grows', ({ decision }) => decision.action === 'grow', 3);
    await run(10);
    expect(worker.harm).toMatchObject({ oomKills: 0 });
    expect(loop.of('worker').at(-1)?.sample.readings.available.value).toBeGreaterThanOrEqual(16 * MiB);
  });

  it('H5: gives to one that is in need on a full host, without coming to harm itself', async () => {
    const others = [holder({ name: 'other', demand: { kind: 'constant', bytes: 128 * MiB } })];
    const parts = { cold: { ...COLD, at: new Set<string>() } };
    const { world, worker, run, loop } = await host(holder(), parts, { others, memory: 1940 * MiB });
    await run(40);
    const from = loop.ticks.length;
    const other = world.control.byName('other');
    other.setDemand({ kind: 'constant', bytes: HELD });
    await run(60);
    const codes = loop.of('worker', from).flatMap(({ decision }) => decision.stages);
    expect(codes.find(({ code }) => code === 'COLD_TAKEN')?.inputs).toMatchObject({ called: true });
    expect(other.harm.oomKills).toBe(0);
    expect(worker.harm).toMatchObject({ oomKills: 0, shortageByteSeconds: 0 });
    expect(worker.harm.stallSeconds).toBeLessThan(1);
    expect(worker.memory?.swapIn).toBeLessThan(64 * MiB);
  });

  it('H10: gets back what was taken when it falls silent', async () => {
    const { world, taking, loop } = await host();
    const { sample } = await taking();
    world.control.inject('worker', { kind: 'stats-stop' });
    const { asked } = await loop.until(
      'worker',
      'it is given back',
      ({ decision }) => decision.action === 'grow',
      30,
    );
    expect(asked).toBeGreaterThan(trusted(sample.readings.used) ?? Number.POSITIVE_INFINITY);
  });

  it('H13: is left alone when what it touches comes back', async () => {
    const { worker, run } = await host(holder({ hotShare: 0.95 }));
    await run(200);
    expect(worker.harm.oomKills).toBe(0);
    expect(worker.harm.stallSeconds).toBeLessThan(5);
  });

  it('H6: keeps its guarantee, and its swap its half, whatever it touches, and comes to rest', async () => {
    const share = fc.double({ min: 0.1, max: 0.9, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        share,
        share,
        fc.integer({ min: 0, max: 512 }),
        fc.integer({ min: 32, max: 1024 }),
        async (held, hotShare, swap, vouched) => {
          const bytes = Math.round(held * MAX);
          const guest = holder({ demand: { kind: 'constant', bytes }, hotShare, swap: swap * MiB });
          const cold = {
            swap: { bytes: vouched * MiB },
            at: new Set(['none']),
            step: { bytes: STEP },
            refault: 4 * MiB,
            restSeconds: 60,
          };
          const guarantees = { min: { bytes: GUARANTEE }, max: { ratio: 1 }, reserve: 32 * MiB };
          const { worker, run, loop } = await host(guest, { cold, guarantees });
          await run(90);
          const targets = loop.of('worker').map(({ decision }) => decision.targetBytes ?? MAX);
          expect(Math.min(...targets)).toBeGreaterThanOrEqual(GUARANTEE);
          // A guest that is full swaps by itself as well: that is its own need.
          if (held < 0.8) expect(swapped(worker.memory)).toBeLessThanOrEqual((vouched / 2) * MiB + STEP);
          expect(worker.harm.oomKills).toBe(0);
          expect(
            new Set(loop.of('worker', 80).map(({ sample }) => sample.readings.current.value)).size,
          ).toBeLessThan(10);
        },
      ),
      { numRuns: 12 },
    );
  });
});
