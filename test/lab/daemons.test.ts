/** One daemon after another, and one beside another, over the same real guests. `npm run kill:lab` kills 200. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveSeed, randomAt } from '../../src/hypervisor/simulated/random.ts';
import { type Bytes, KiB, MiB, type Seconds } from '../../src/model/units.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import type { Guest } from './guest.ts';
import { type Lab, startLab } from './lab.ts';
import { ALWAYS, labPolicy } from './policy.ts';
import { until } from './process.ts';
import { report } from './report.ts';

const ROUNDS = Number(process.env.BALLONET_KILL_ROUNDS ?? 5);
const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
const MAX: Bytes = 512 * MiB;
const [STEP, COOLDOWN, MIN] = [0.1, 6, 0.3];
/** A shrink waits for the state to be on the disk, and a balloon takes its time: by so much two may come closer. */
const LAG: Seconds = 3;
/** Longest wait for a move to kill a daemon at. */
const PATIENCE: Seconds = 5;

const POLICY = labPolicy({
  host: { mode: 'enforce', memory: 'auto', pressure: [ALWAYS] },
  guest: {
    guarantees: { min: `${MIN * 100}%`, max: '100%', reserve: '64MiB' },
    estimate: { signal: 'used', window: '8s', quantile: 0.95, growth: '1s' },
    target: 'guest.demand + 96 * MiB',
    behavior: {
      tolerance: { percent: 1, bytes: '8MiB' },
      shrink: { at: [ALWAYS.name], step: { max: `${STEP * 100}%`, min: '8MiB' }, cooldown: `${COOLDOWN}s` },
      grow: { at: ['none', ALWAYS.name], step: { max: '100%' }, cooldown: '0s' },
    },
    vetoes: [
      {
        name: 'swapping',
        when: 'has(guest.swap_out_rate) && guest.swap_out_rate > 16 * MiB',
        hold: '5s',
      },
    ],
  },
});

describe('real guests', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({ guests: 2, memory: '512MiB', swap: '256MiB', statsPeriod: 1 });
  });

  afterAll(async () => {
    await lab?.close();
  });

  const start = (state: string): Promise<Daemon> =>
    startDaemon({
      uri: lab.uri,
      policy: POLICY,
      folder: lab.folder,
      args: ['--state', join(lab.folder, state)],
    });

  it(`H33: are taken over as they are from a daemon that is killed, ${ROUNDS} times`, {
    timeout: (ROUNDS * 15 + 120) * 1000,
  }, async () => {
    const sizes = watchSizes(lab);
    const loads = lab.guests.map(guest => load(guest));
    const lives: Daemon[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const chance = (label: string) => randomAt(deriveSeed(round, label), 0);
      const daemon = await start('kept');
      lives.push(daemon);
      await sleep(1000 + 4000 * chance('life'));
      // Every other one while it asks for something, or just has.
      if (round % 2 === 0) {
        await daemon.hears('balloon moved', PATIENCE, undefined, daemon.lines.length).catch(() => undefined);
        await sleep(200 * chance('moment'));
      }
      await daemon.stop('SIGKILL');
    }
    // The last one takes its leases with it.
    const last = await start('kept');
    expect(await last.stop()).toBe(0);
    const seen = await sizes.end();
    await Promise.all(loads.map(one => one.end()));

    const moves = lives.flatMap(({ lines }) => lines.filter(({ msg }) => msg === 'balloon moved'));
    report(`${ROUNDS} kills over real guests`, {
      moves: moves.length,
      'of them shrinks': moves.filter(({ action }) => action === 'shrink').length,
      'sizes seen': seen.length,
    });
    expect(moves.filter(({ action }) => action === 'shrink').length).toBeGreaterThan(ROUNDS / 2);
    expect(lives.slice(1).every(({ lines }) => lines.some(({ msg }) => msg === 'state taken over'))).toBe(
      true,
    );
    // Nobody else moves these balloons, and the state is always whole.
    expect(lives.flatMap(({ lines }) => lines.filter(({ level }) => Number(level) >= 40))).toEqual([]);
    expect(lab.guests.flatMap(({ name }) => jumps(seen.filter(size => size.name === name)))).toEqual([]);
    for (const guest of lab.guests) expect(await guest.oomKills(), guest.name).toBe(0);
  });

  it('H26: have one daemon, which says in their metadata who it is and what it asked last', async () => {
    await full();
    const first = await start('first');
    const moved = await first.hears('balloon moved', 30, ({ domain }) => domain === 'guest1');
    await until('the metadata says what was asked', 20, async () => {
      const asked = first.said('balloon moved').findLast(({ domain }) => domain === 'guest1')?.toBytes;
      return (await owner('guest1'))?.includes(`target-kib="${Number(asked) / KiB}"`);
    });
    expect(moved.reason).toBeDefined();

    expect(await refused('second')).toMatch(/OWNED_BY_ANOTHER|another Ballonet/);
    await first.stop('SIGKILL');
    // A lease outlives its daemon by two renewals that fail, and is still its own when it comes back.
    expect(await refused('second')).toMatch(/OWNED_BY_ANOTHER|another Ballonet/);
    const again = await start('first');
    expect(await again.stop()).toBe(0);
    expect(await owner('guest1')).toBeUndefined();

    const second = await start('second');
    expect(await second.stop()).toBe(0);
  });

  async function full(): Promise<void> {
    for (const guest of lab.guests) await guest.setMemory(MAX);
    for (const guest of lab.guests)
      await until(
        'the guest is at full size',
        30,
        async () => (await guest.dommemstat()).actual === MAX / KiB,
      );
  }

  async function owner(name: string): Promise<string | undefined> {
    return lab.virsh('metadata', name, 'urn:ballonet:owner:1').catch(() => undefined);
  }

  /** What a daemon says that must not start. */
  async function refused(state: string): Promise<string> {
    const policy = join(lab.folder, 'refused.yaml');
    await writeFile(policy, POLICY);
    const paths = [
      '--policy',
      policy,
      '--state',
      join(lab.folder, state),
      '--socket',
      join(lab.folder, 'refused.sock'),
    ];
    const child = spawn(process.execPath, [BALLONET, '-c', lab.uri, 'run', ...paths], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', chunk => {
      said += String(chunk);
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(78);
    return said;
  }
});

interface Size {
  readonly name: string;
  readonly at: Seconds;
  readonly bytes: Bytes;
}

/** Sizes as libvirt knows them, all the while. */
function watchSizes(lab: Lab): { end(): Promise<readonly Size[]> } {
  const seen: Size[] = [];
  let over = false;
  const watching = (async () => {
    while (!over) {
      const text = await lab.virsh('domstats', '--balloon');
      const at = performance.now() / 1000;
      for (const [, name = '', kib] of text.matchAll(/Domain: '(.*)'\n\s+balloon\.current=(\d+)/g))
        seen.push({ name, at, bytes: Number(kib) * KiB });
      await sleep(200);
    }
  })();
  return {
    async end() {
      over = true;
      await watching;
      return seen;
    },
  };
}

/** Use that comes and goes, so that balloons move both ways. */
function load({ agent }: Guest): { end(): Promise<void> } {
  const over = new AbortController();
  const { signal } = over;
  const working = (async () => {
    while (!signal.aborted) {
      await agent.take(120 * MiB, { rate: 32 * MiB });
      await sleep(2000, undefined, { signal }).catch(() => {});
      await agent.free('all');
      await sleep(15_000, undefined, { signal }).catch(() => {});
    }
  })();
  return {
    async end() {
      over.abort();
      await working;
    },
  };
}

/** Where a balloon did what one daemon that lives on would not have done: more than a step within a cooldown, or too much in all. */
function jumps(sizes: readonly Size[]): string[] {
  return sizes.flatMap(({ name, at, bytes }, i) => {
    const lately = sizes.slice(0, i).filter(before => before.at > at - (COOLDOWN - LAG));
    const most = Math.max(bytes, ...lately.map(before => before.bytes));
    return [
      ...(bytes < MIN * MAX ? [`${name}: ${bytes / MiB} MiB are under its guarantee`] : []),
      ...(most - bytes > STEP * MAX + MiB
        ? [`${name}: from ${most / MiB} to ${bytes / MiB} MiB at once`]
        : []),
    ];
  });
}
