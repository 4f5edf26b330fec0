/** Simulated guests behind a socket, a record of all that is asked of them, and a daemon that is killed and started again. */
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Domain, DomainRef, Hypervisor } from '../../src/hypervisor/driver.ts';
import { serveHypervisor } from '../../src/hypervisor/server/server.ts';
import { SimulatedHost } from '../../src/hypervisor/simulated/host.ts';
import { openSimulatedHost } from '../../src/hypervisor/simulated/hypervisor.ts';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import { systemClock } from '../../src/model/clock.ts';
import { type Bytes, GiB, KiB, MiB, type Seconds } from '../../src/model/units.ts';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));

export const COOLDOWN: Seconds = 8;
/** Largest shrink at once, as a share of the guest's maximum. */
export const STEP = 0.1;
export const MIN = 0.25;
const MAX: Bytes = 2 * GiB;

const POLICY = `
apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: kill}
spec:
  mode: enforce
  interval: 1s
  reserve: {bytes: 256MiB, percent: 0, select: max}
  pressure: [{name: soft, when: "true", for: 0s, keepFor: 0s}]
  foreignChange: {yieldFor: 10m}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec:
  match: {}
  guarantees: {min: ${MIN * 100}%, max: 100%, reserve: 128MiB}
  estimate: {signal: used, window: 20s, quantile: 0.9, growth: 1s}
  target: guest.demand + 192 * MiB
  behavior:
    tolerance: {percent: 1, bytes: 16MiB}
    shrink: {at: [soft], step: {max: ${STEP * 100}%, min: 16MiB}, cooldown: ${COOLDOWN}s, stabilization: 2s}
    grow: {at: [none, soft], step: {max: 100%}, cooldown: 0s}
  vetoes:
    - {name: swapping, when: has(guest.swap_out_rate) && guest.swap_out_rate > 16 * MiB, hold: 5s}
`;

/** Longest wait for a move to kill a daemon at. */
const PATIENCE: Seconds = 4;

/** What a step of these guests takes: 205 MiB at the 0.92 GiB/s of a balloon that inflates (simulated/guest-model.ts). */
const ON_ITS_WAY: Seconds = 0.22;

/** Waves of use, each guest's in its own time, so that balloons move all the while. */
const GUESTS: readonly GuestSpec[] = [17, 23, 31, 41].map((rest, i) => ({
  name: `vm-${i}`,
  maximum: MAX,
  demand: {
    kind: 'ramps',
    low: 300 * MiB,
    high: 900 * MiB,
    rest,
    rise: 4,
    hold: 6,
    fall: 3,
    jitter: 0.3,
    offset: 7 * i,
  },
  statsPeriod: 1,
}));

/** One call of setMemory, as the hypervisor saw it. */
export interface Asked {
  readonly guest: string;
  readonly at: Seconds;
  readonly size: Bytes;
  readonly target: Bytes;
  readonly max: Bytes;
  /** Which life of the daemon asked. */
  readonly life: number;
}

/** When a daemon is killed. */
interface End {
  /** So long after its process was started, or after it said that it runs. */
  readonly after: 'spawn' | 'start';
  readonly seconds: Seconds;
  /** And then, if it asks for a move soon, this long after that. */
  readonly afterMove?: Seconds | undefined;
}

export interface Life {
  /** Objects of its log. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** Guests on their way when it was killed. */
  readonly moving: number;
}

export interface World extends AsyncDisposable {
  readonly asked: readonly Asked[];
  /** Starts a daemon, and kills it as the end says. */
  live(end: End): Promise<Life>;
}

export async function createWorld(seed: number): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-kill-'));
  const socket = join(folder, 'sock');
  const policy = join(folder, 'policy.yaml');
  await writeFile(policy, POLICY);
  const control = new SimulatedHost({
    scenario: {
      name: 'kill',
      description: '',
      host: { memory: 16 * GiB, overhead: GiB, cache: 256 * MiB },
      warmUp: 20,
      guests: GUESTS,
    },
    clock: systemClock,
    seed,
  });
  const direct = openSimulatedHost(control, {
    uri: 'sim:///kill',
    readOnly: false,
    heartbeat: true,
    raw: true,
  });
  const asked: Asked[] = [];
  const asking = new EventEmitter();
  let life = 0;

  async function ask(domain: Domain, kib: number): Promise<void> {
    const { memoryKib, maxMemKib } = await domain.info();
    asked.push({
      guest: domain.name,
      at: systemClock.now().monotonic,
      size: memoryKib * KiB,
      target: kib * KiB,
      max: maxMemKib * KiB,
      life,
    });
    asking.emit('move');
    await domain.setMemory(kib, { live: true });
  }
  const watched: Hypervisor = {
    ...direct,
    domain(ref: DomainRef): Domain {
      const domain = direct.domain(ref);
      return { ...domain, setMemory: kib => ask(domain, kib) };
    },
  };
  const server = await serveHypervisor(watched, {
    path: socket,
    onFault: error => {
      throw error;
    },
  });

  function moving(): number {
    const now = systemClock.now().monotonic;
    return new Set(asked.filter(({ at }) => now - at < ON_ITS_WAY).map(({ guest }) => guest)).size;
  }

  async function untilTime(seconds: Seconds, afterMove: Seconds | undefined): Promise<void> {
    await sleep(seconds * 1000);
    if (afterMove === undefined) return;
    await Promise.race([once(asking, 'move'), sleep(PATIENCE * 1000)]);
    await sleep(afterMove * 1000);
  }

  return {
    asked,
    async live({ after, seconds, afterMove }) {
      life += 1;
      const child = spawn(
        process.execPath,
        [
          BALLONET,
          '-c',
          `test+unix:///default?socket=${socket}`,
          'run',
          '--policy',
          policy,
          '--state',
          join(folder, 'state'),
          '--socket',
          join(folder, 'api'),
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      const lines: Record<string, unknown>[] = [];
      const reading = createInterface({ input: child.stderr }).on('line', line => {
        lines.push(line.startsWith('{') ? JSON.parse(line) : { level: 60, msg: line });
        if (lines.at(-1)?.msg === 'ballonet runs') child.emit('runs');
      });
      const runs = once(child, 'runs');
      const read = once(reading, 'close');
      const ended = once(child, 'exit');
      await Promise.race([
        (after === 'start' ? runs : Promise.resolve()).then(() => untilTime(seconds, afterMove)),
        ended.then(([code]) => {
          throw new Error(`the daemon ended by itself with ${code}: ${JSON.stringify(lines.at(-1))}`);
        }),
      ]);
      const onTheWay = moving();
      child.kill('SIGKILL');
      await Promise.allSettled([ended, read]);
      return { lines, moving: onTheWay };
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await direct.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
