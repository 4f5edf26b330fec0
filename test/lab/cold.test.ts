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

const POLICY = labPolicy({
  host: { mode: 'enforce' },
  guest: {
    guarantees: { min: '20%', reserve: '32MiB' },
    estimate: { window: '8s', growth: '2s' },
    cold: { swap: '512MiB', at: ['none'], rest: '3s' },
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
    daemon = await startDaemon({ uri: lab.uri, policy: POLICY, folder: lab.folder });
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
