/** Memory that real guests use and do not touch, taken under `cold`: from one that can swap, and not from one that cannot. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KiB, MiB } from '../../src/model/units.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { type Lab, startLab } from './lab.ts';
import { labPolicy } from './policy.ts';
import { until } from './process.ts';
import { report } from './report.ts';

const TAKEN = 200 * MiB;
const PAGE = 4 * KiB;

const policy = (host: Readonly<Record<string, unknown>>, at: readonly string[]) =>
  labPolicy({
    host: { mode: 'enforce', ...host },
    guest: {
      guarantees: { min: '20%', reserve: '32MiB' },
      estimate: { window: '8s', growth: '2s' },
      cold: { swap: '512MiB', at, rest: '3s' },
      behavior: {
        tolerance: { percent: 2, bytes: '8MiB' },
        shrink: { at: ['none'], step: { max: '25%', min: '16MiB' }, cooldown: '2s' },
      },
    },
  });

describe('two guests of 512 MiB that hold 200 MiB and touch none of it, of which one has swap', () => {
  let lab: Lab;
  let daemon: Daemon;
  const [SWAPS, CANNOT] = [0, 1];

  beforeAll(async () => {
    lab = await startLab({
      guests: [{ name: 'swaps', swap: '512MiB' }, { name: 'cannot' }],
      memory: '512MiB',
      statsPeriod: 1,
    });
    for (const { agent } of lab.guests) await agent.take(TAKEN, { deadlineSeconds: 120 });
    for (const { agent } of lab.guests) await agent.resetStalls();
    daemon = await startDaemon({ uri: lab.uri, policy: policy({}, ['none']), folder: lab.folder });
  });

  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await lab?.close();
  });

  const size = async (index: number) => ((await lab.guest(index).dommemstat()).actual ?? 0) * KiB;
  const swappedOut = async (index: number) => ((await lab.guest(index).agent.vmstat()).pswpout ?? 0) * PAGE;

  it('H1: give 100 MiB of it where it can be swapped out, and nobody is killed or waits for it', async () => {
    const { agent } = lab.guest(SWAPS);
    await until('100 MiB are swapped out', 60, async () => (await swappedOut(SWAPS)) >= 100 * MiB);
    await until('it has room again', 60, async () => ((await agent.meminfo()).MemAvailable ?? 0) >= 24 * MiB);
    const stalls = await agent.stalls();
    report('memory that is not touched, taken under cold', {
      'swapped out, MiB': (await swappedOut(SWAPS)) / MiB,
      'read back, MiB': (((await agent.vmstat()).pswpin ?? 0) * PAGE) / MiB,
      'size then, MiB': (await size(SWAPS)) / MiB,
      'longest stall, s': stalls.longestStallSeconds,
    });
    // What it holds, its kernel and its reserve are more than it has left.
    expect(await size(SWAPS)).toBeLessThan(TAKEN + 64 * MiB);
    expect(stalls.longestStallSeconds).toBeLessThan(1);
    expect(await lab.guest(SWAPS).oomKills()).toBe(0);
    expect(agent.holderDeaths).toEqual([]);
  });

  it('H1: get back what was taken where it cannot, and are not asked again', async () => {
    const { agent } = lab.guest(CANNOT);
    await until('it has room again', 60, async () => ((await agent.meminfo()).MemAvailable ?? 0) >= 24 * MiB);
    const before = await size(CANNOT);
    expect(before).toBeGreaterThan(TAKEN + 32 * MiB);
    // Long enough for two more squeezes, of which each is over in about three seconds.
    const sizes: number[] = [];
    for (let look = 0; look < 20; look += 1) {
      await new Promise(resolve => setTimeout(resolve, 500));
      sizes.push(await size(CANNOT));
    }
    expect(before - Math.min(...sizes)).toBeLessThanOrEqual(16 * MiB);
    expect(await swappedOut(CANNOT)).toBe(0);
    expect(await lab.guest(CANNOT).oomKills()).toBe(0);
    expect(agent.holderDeaths).toEqual([]);
  });
});

describe('two guests of 512 MiB with swap on a pool of 600 MiB, of which one holds 200 MiB that it does not touch', () => {
  let lab: Lab;
  let daemon: Daemon;
  const [RESTS, ASKS] = [0, 1];

  beforeAll(async () => {
    lab = await startLab({
      guests: [
        { name: 'rests', swap: '512MiB' },
        { name: 'asks', swap: '512MiB' },
      ],
      memory: '512MiB',
      statsPeriod: 1,
    });
    await lab.guest(RESTS).agent.take(TAKEN, { deadlineSeconds: 120 });
    const pool = { memory: '600MiB', reserve: { bytes: '16MiB', percent: 0, select: 'max' } };
    daemon = await startDaemon({ uri: lab.uri, policy: policy(pool, []), folder: lab.folder });
  });

  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await lab?.close();
  });

  const counted = async (index: number, counter: 'pswpin' | 'pswpout') =>
    ((await lab.guest(index).agent.vmstat())[counter] ?? 0) * PAGE;
  const available = async (index: number) => (await lab.guest(index).agent.meminfo()).MemAvailable ?? 0;

  it('that one gives what it does not miss as soon as the other is in need, and neither comes to harm', async () => {
    await until('it has shown that it swaps', 90, async () => (await counted(RESTS, 'pswpout')) >= 2 * MiB);
    await until('it has room again', 60, async () => (await available(RESTS)) >= 24 * MiB);
    const shown = await counted(RESTS, 'pswpout');
    const { agent } = lab.guest(RESTS);
    await agent.resetStalls();
    // All that it holds, each second: what it swaps out it misses.
    await lab.guest(ASKS).agent.work(64_000);
    await lab.guest(ASKS).agent.take(250 * MiB, { deadlineSeconds: 120 });
    await until(
      '16 MiB more are swapped out',
      60,
      async () => (await counted(RESTS, 'pswpout')) >= shown + 16 * MiB,
    );
    await until('the other has room', 60, async () => (await available(ASKS)) >= 16 * MiB);
    const stalls = await agent.stalls();
    report('memory that is not touched, given to a guest in need', {
      'swapped out by the one that gives, MiB': ((await counted(RESTS, 'pswpout')) - shown) / MiB,
      'read back by it, MiB': (await counted(RESTS, 'pswpin')) / MiB,
      'its longest stall, s': stalls.longestStallSeconds,
      'swapped out by the one in need, MiB': (await counted(ASKS, 'pswpout')) / MiB,
    });
    expect(await counted(RESTS, 'pswpin')).toBeLessThan(32 * MiB);
    expect(stalls.longestStallSeconds).toBeLessThan(1);
    for (const index of [RESTS, ASKS]) {
      expect(await lab.guest(index).oomKills()).toBe(0);
      expect(lab.guest(index).agent.holderDeaths).toEqual([]);
    }
  });
});
