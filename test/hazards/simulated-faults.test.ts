/** Hazards that real guests do not bring about on request, on simulated guests with that fault. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Fault } from '../../src/hypervisor/simulated/faults.ts';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import { type Bytes, GiB, MiB } from '../../src/model/units.ts';
import {
  expression,
  type GuestPolicyParts,
  guestPolicy,
  hostPolicy,
  policySet,
} from '../../src/policy/testing.ts';
import { MAX } from './guests.ts';
import { startLoop } from './loop.ts';
import { IDLE, idle, simulatedWorld } from './simulated-world.ts';

const MIN: Bytes = 128 * MiB;

/** Wants guests to be small, half of what they have at a time. */
const SQUEEZE: GuestPolicyParts = {
  guarantees: { min: { bytes: MIN }, max: { ratio: 1 }, reserve: 32 * MiB },
  estimate: { windowSeconds: 8, quantile: 0.95, growthSeconds: 1 },
  target: expression<number>(() => MIN),
  shrink: { stepMax: { ratio: 0.5 }, stepMin: 16 * MiB, cooldownSeconds: 2 },
};

async function squeezed(guests: readonly GuestSpec[], parts: GuestPolicyParts = {}, pool = 8 * GiB) {
  const host = hostPolicy({ memory: { kind: 'size', bytes: pool } });
  const world = await simulatedWorld(guests, Math.max(8 * GiB, 2 * pool));
  const loop = startLoop(world, policySet([guestPolicy({ ...SQUEEZE, ...parts })], host));
  onTestFinished(async () => {
    loop.close();
    await world[Symbol.asyncDispose]();
  });
  const run = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) await loop.tick();
  };
  const reasons = (name: string, from = 0) => loop.of(name, from).map(({ decision }) => decision.reason);
  const asked = (name: string, from = 0) =>
    loop.of(name, from).flatMap(({ asked: bytes }) => (bytes === undefined ? [] : [bytes]));
  return { world, loop, run, reasons, asked };
}

/** One guest that has the fault from the first tick on. */
async function faulty(fault: Fault, parts: Partial<GuestSpec> = {}, policy: GuestPolicyParts = {}) {
  const all = await squeezed([idle('worker', parts)], policy);
  all.world.control.inject('worker', fault);
  return all;
}

describe('a simulated guest', () => {
  it('H2: that stops half-way has its target taken back, and is left alone for ten minutes', async () => {
    const { world, run, asked, loop } = await squeezed([idle('worker')]);
    await loop.until('worker', 'a shrink is under way', ({ asked: bytes }) => bytes !== undefined);
    world.control.inject('worker', { kind: 'stuck' });
    const { asked: back = 0, sample } = await loop.until(
      'worker',
      'it is withdrawn',
      ({ decision }) => decision.reason === 'WITHDRAWN',
    );
    expect(back).toBeGreaterThanOrEqual(sample.readings.current.value ?? MAX);
    const from = loop.ticks.length;
    await run(500);
    expect(asked('worker', from)).toEqual([]);
    expect(loop.of('worker').at(-1)?.decision.reason).toBe('BACKING_OFF');
  });

  it.each([
    ['H11: that reports nothing in its reports', { kind: 'empty' }],
    ['H18: that has no statistics', { kind: 'no-stats' }],
    ['H18: whose driver is gone', { kind: 'no-driver' }],
    ['H10: whose statistics stand still', { kind: 'stats-stop' }],
  ] satisfies [string, Fault][])('%s is not shrunk', async (_, fault) => {
    const { run, asked, reasons } = await faulty(fault);
    await run(60);
    expect(asked('worker').filter(bytes => bytes < MAX)).toEqual([]);
    expect(reasons('worker').at(-1)).toMatch(/^STATS_/);
  });

  it('H14: whose swapping zswap hides gets its memory back all the same', async () => {
    const { world, run, reasons, loop } = await faulty({ kind: 'zswap' }, { swap: GiB });
    await run(30);
    const from = loop.ticks.length;
    const { used } = loop.of('worker').at(-1)?.sample.readings ?? {};
    world.control.byName('worker').setDemand({ kind: 'constant', bytes: IDLE.bytes + 200 * MiB });
    await run(20);
    const seen = loop.of('worker', from);
    expect(seen.map(({ sample }) => sample.readings.swapOutRate.value ?? 0).every(rate => rate === 0)).toBe(
      true,
    );
    expect(reasons('worker', from).some(reason => /ROLLED_BACK|DISTRESS|RELIEF/.test(reason))).toBe(true);
    expect(seen.at(-1)?.sample.readings.current.value).toBeGreaterThan((used?.value ?? 0) + 200 * MiB);
  });

  it('H16: that reads its files over and over gets its cache back', async () => {
    const files = { size: 220 * MiB, rate: 200 * MiB, mapped: 1 };
    const { run, reasons, loop } = await squeezed([idle('worker', { files })]);
    await run(60);
    expect(reasons('worker')).toContain('ROLLED_BACK');
    const sizes = loop.of('worker').map(({ sample }) => sample.readings.current.value ?? 0);
    const { uuid = '' } = loop.of('worker')[0]?.sample ?? {};
    expect(loop.state.guests.get(uuid)?.learned?.bytes).toBeGreaterThan(Math.min(...sizes));
  });

  it('H20: that lies gets no more than it has, and costs an honest one nothing', async () => {
    const { world, run, asked, loop } = await squeezed([idle('liar'), idle('worker')], {}, 700 * MiB);
    world.control.inject('liar', { kind: 'lies', says: 'starved' });
    await run(60);
    expect(Math.max(0, ...asked('liar'))).toBeLessThanOrEqual(MAX);
    const honest = loop.of('worker').map(({ sample }) => sample.readings.current.value ?? 0);
    expect(Math.min(...honest)).toBeGreaterThanOrEqual(MIN);
    expect(world.control.byName('worker').harm.oomKills).toBe(0);
  });

  it('H21: whose balloon frees nothing is found out, and given back what it holds', async () => {
    const { run, reasons, loop } = await faulty(
      { kind: 'pinned' },
      { touched: 1, maximum: 2 * GiB },
      {
        shrink: { stepMax: { bytes: 256 * MiB }, stepMin: 16 * MiB, cooldownSeconds: 8 },
      },
    );
    await run(120);
    expect(reasons('worker').at(-1)).toBe('INEFFECTIVE');
    expect(loop.of('worker').at(-1)?.sample.readings.current.value).toBeGreaterThan(1.9 * GiB);
  });

  it('H21: whose balloon frees nothing is found after three shrinks, however fast they come', async () => {
    const shrink = { stepMax: { bytes: 128 * MiB }, stepMin: 16 * MiB, cooldownSeconds: 0 };
    const { run, reasons, loop, asked } = await faulty(
      { kind: 'pinned' },
      { touched: 1, maximum: 2 * GiB },
      { shrink },
    );
    await run(60);
    expect(asked('worker').filter((bytes, i, all) => bytes < (all[i - 1] ?? 2 * GiB))).toHaveLength(3);
    expect(reasons('worker').at(-1)).toBe('INEFFECTIVE');
    expect(loop.of('worker').at(-1)?.sample.readings.current.value).toBeGreaterThan(1.9 * GiB);
  });

  it('H30: that hangs is held, and costs the other one no tick', async () => {
    const { world, run, loop } = await squeezed([idle('hung'), idle('worker')]);
    await run(5);
    world.control.inject('hung', { kind: 'hang' });
    await run(40);
    const from = loop.ticks.length;
    await run(10);
    expect(loop.of('hung', from).map(({ asked }) => asked)).toEqual(Array(10).fill(undefined));
    expect(loop.of('worker', from).every(({ sample }) => sample.readings.available.quality === 'ok')).toBe(
      true,
    );
  });

  it('H31: that is being saved is not moved until that is over', async () => {
    const { world, run, asked, loop } = await squeezed([idle('worker')]);
    await loop.until('worker', 'a shrink is under way', ({ asked: bytes }) => bytes !== undefined);
    world.control.inject('worker', { kind: 'job' });
    const begun = loop.ticks.length;
    await run(20);
    expect(asked('worker', begun)).toEqual([]);
    world.control.heal('worker', 'job');
    const from = loop.ticks.length;
    await run(20);
    expect(asked('worker', from).length).toBeGreaterThan(0);
  });
});

describe('simulated guests that want memory at once', () => {
  const WANTED: Bytes = 330 * MiB;
  const POOL: Bytes = 760 * MiB;

  /** Small by now, on a pool that has not what two of them want together. */
  async function rush(names: readonly string[]) {
    const target = expression<number>(({ guest }) => (guest?.demand ?? 0) + 32 * MiB);
    const all = await squeezed(
      names.map(name => idle(name)),
      { target },
      POOL,
    );
    await all.run(30);
    const from = all.loop.ticks.length;
    for (const name of ['one', 'two'])
      all.world.control.byName(name).setDemand({ kind: 'constant', bytes: WANTED });
    await all.run(40);
    return { ...all, from };
  }

  it('H27: are given what there is, in equal parts, and the pool is not exceeded', async () => {
    const { loop, from } = await rush(['one', 'two']);
    const held = loop.ticks.slice(from).map(({ snapshot }) =>
      snapshot.guests.reduce((sum, { readings }) => {
        return sum + Math.min(readings.current.value ?? MAX, readings.rss.value ?? MAX);
      }, 0),
    );
    expect(Math.max(...held)).toBeLessThanOrEqual(POOL);
    const [one = 0, two = 0] = ['one', 'two'].map(
      name => loop.of(name).at(-1)?.sample.readings.current.value,
    );
    expect(Math.abs(one - two)).toBeLessThan(0.1 * one);
    expect(one + two).toBeGreaterThan(0.8 * POOL);
  });

  it('H5: are not shrunk for one another, while an idle one is', async () => {
    const { loop, from, asked } = await rush(['one', 'two', 'spare']);
    for (const name of ['one', 'two'])
      expect(
        loop
          .of(name, from)
          .filter(({ sample, decision }) => {
            const { value = MAX } = sample.readings.available;
            return value < 16 * MiB && decision.action === 'shrink';
          })
          .map(({ decision }) => decision.reason),
      ).toEqual([]);
    expect(Math.min(...asked('spare'))).toBeLessThan(MAX / 2);
    const sizes = ['one', 'two'].map(name => loop.of(name).at(-1)?.sample.readings.current.value ?? 0);
    expect(Math.min(...sizes)).toBeGreaterThan(0.3 * POOL);
  });
});
