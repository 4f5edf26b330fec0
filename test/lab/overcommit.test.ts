/** The main job on real guests: four idle ones on a host that is too small for them, then one that wants its memory back. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GiB, KiB, MiB } from '../../src/model/units.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { type Lab, startLab } from './lab.ts';
import { labPolicy } from './policy.ts';
import { until } from './process.ts';
import { report } from './report.ts';

const GUARANTEE = 0.2;
const TAKEN = 300 * MiB;

const POLICY = labPolicy({
  host: {
    mode: 'enforce',
    pressure: [{ name: 'short', when: 'host.available_ratio < 0.4', for: '0s', keepFor: '30s' }],
  },
  guest: {
    estimate: { signal: 'used', window: '30s', quantile: 0.95, growth: '3s' },
    idleTax: 0.99,
    behavior: {
      tolerance: { percent: 2, bytes: '8MiB' },
      shrink: { at: ['short'], step: { max: '25%', min: '16MiB' }, cooldown: '3s' },
      grow: { at: ['none', 'short'], step: { max: '100%' }, cooldown: '0s' },
    },
  },
});

describe('four idle guests of 512 MiB on a pool of 1 GiB', () => {
  let lab: Lab;
  let daemon: Daemon;
  const smallest = new Map<string, number>();
  let watching = true;
  let watched: Promise<void>;

  /** Notes the smallest size that each guest is ever seen at, as libvirt knows it. */
  async function watchSizes(): Promise<void> {
    while (watching) {
      const text = await lab.virsh('domstats', '--balloon');
      for (const [, name = '', kib] of text.matchAll(/Domain: '(.*)'\n\s+balloon\.current=(\d+)/g)) {
        smallest.set(name, Math.min(smallest.get(name) ?? Number.POSITIVE_INFINITY, Number(kib) * KiB));
      }
      await new Promise(resolve => setTimeout(resolve, 500));
    }
  }

  async function resident(): Promise<number> {
    const sizes = await Promise.all(lab.guests.map(guest => guest.residentMemory()));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  beforeAll(async () => {
    lab = await startLab({ guests: 4, memory: '512MiB', swap: '256MiB', touched: true });
    watched = watchSizes();
  });

  afterAll(async () => {
    watching = false;
    await watched;
    await daemon?.[Symbol.asyncDispose]();
    await lab?.close();
  });

  it('give back at least 40 % of what ballooning can free', async () => {
    const before = await resident();
    expect(before).toBeGreaterThan(GiB);
    const spare = await Promise.all(
      lab.guests.map(async guest => (await guest.agent.meminfo()).MemAvailable ?? 0),
    );
    const freeable = spare.reduce((sum, bytes) => sum + bytes, 0);
    const started = performance.now();
    daemon = await startDaemon({ uri: lab.uri, policy: POLICY, folder: lab.folder });

    const after = await until('40 % is back', 180, async () => {
      const now = await resident();
      return before - now >= 0.4 * freeable ? now : undefined;
    });
    report('four idle guests, pool 1 GiB', {
      'seconds until 40 % of the freeable memory was back (aim 60)': (performance.now() - started) / 1000,
      'resident before, MiB': before / MiB,
      'resident then, MiB': after / MiB,
    });
    await until('all guests fit in the pool', 120, async () => (await resident()) <= GiB);
    expect(daemon.said('balloon moved').length).toBeGreaterThanOrEqual(4);
  });

  it('H27: give one of them 300 MiB when it takes them, without swap, kill or a second of stall', async () => {
    const taker = lab.guest(0);
    await until('the guests have come to rest', 60, () => quiet(daemon, 8));
    const swapBefore = (await taker.agent.vmstat()).pswpout;
    await taker.agent.resetStalls();

    const work = await taker.agent.take(TAKEN, { rate: 48 * MiB, deadlineSeconds: 120 });

    const stalls = await taker.agent.stalls();
    const size = (await taker.dommemstat()).actual ?? 0;
    report('one guest takes 300 MiB at 48 MiB/s', {
      seconds: work.seconds,
      'longest stall, s (aim under 1)': stalls.longestStallSeconds,
      'stalled in all, s': stalls.stalledSeconds,
      'of which the processor was late, s': stalls.agentLateSeconds,
      'size of the guest then, MiB': size / 1024,
    });
    expect(work.heldBytes).toBe(TAKEN);
    expect(stalls.longestStallSeconds).toBeLessThan(1);
    expect((await taker.agent.vmstat()).pswpout).toBe(swapBefore);
    for (const guest of lab.guests) expect(await guest.oomKills()).toBe(0);
    expect(size * KiB).toBeGreaterThan(TAKEN);
  });

  it('keep their guarantees throughout, and the host its pool', async () => {
    expect([...smallest.keys()].toSorted()).toEqual(lab.guests.map(guest => guest.name).toSorted());
    for (const [name, size] of smallest) expect(size, name).toBeGreaterThanOrEqual(GUARANTEE * 512 * MiB);
    await until('the guests fit in the pool again', 120, async () => (await resident()) <= GiB);
    expect(lab.guest(0).agent.holderDeaths).toEqual([]);
  });

  it('are left as they are when the daemon is asked to stop', async () => {
    expect(await daemon.stop()).toBe(0);
    expect(daemon.lines.at(-1)?.msg).toBe('stopped');
    expect(daemon.lines.filter(line => typeof line.level !== 'number')).toEqual([]);
  });
});

/** True when no balloon has moved for so many seconds. */
function quiet(daemon: Daemon, seconds: number): boolean {
  const last = daemon.said('balloon moved').at(-1)?.time;
  return typeof last === 'string' && Date.now() - Date.parse(last) > seconds * 1000;
}
