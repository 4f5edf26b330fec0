/** MOM's default rules on the lab's guests, with all its intervals at one second: what Ballonet is compared with. */
import { readFile } from 'node:fs/promises';
import { type Bytes, KiB, type Seconds } from '../../src/model/units.ts';
import { momTarget } from '../../src/simulator/baselines/mom.ts';
import type { Lab } from './lab.ts';

/** Samples that its statistics are a mean of. */
const HISTORY = 10;

interface History {
  readonly sizes: Bytes[];
  readonly frees: Bytes[];
}

/** When it looked at the guests, and when it had set the last of their balloons: seconds of `performance.now()`. */
export type Round = readonly [Seconds, Seconds];

/**
 * @param host memory of the host, which is the guests' resident memory and what is free
 * @param rounds is told of each round when it is over
 */
export async function startMom(
  lab: Lab,
  host: Bytes,
  rounds: (round: Round) => void = () => {},
): Promise<AsyncDisposable> {
  const pids = await Promise.all(lab.guests.map(guest => guest.qemuPid()));
  const hosts: number[] = [];
  const histories = new Map<string, History>(lab.guests.map(({ name }) => [name, { sizes: [], frees: [] }]));
  let stopped = false;

  async function round(): Promise<void> {
    const resident = await Promise.all(pids.map(residentOf));
    const taken = resident.reduce((sum, bytes) => sum + bytes, 0);
    push(hosts, (host - taken) / host);
    const records = parse(await lab.virsh('domstats', '--balloon'));
    for (const guest of lab.guests) {
      const history = histories.get(guest.name);
      const size = records.get(guest.name)?.get('current');
      const free = records.get(guest.name)?.get('unused');
      if (history === undefined || size === undefined || free === undefined) continue;
      push(history.sizes, size);
      push(history.frees, free);
      const target = momTarget(mean(hosts), {
        size,
        max: guest.memory,
        meanSize: mean(history.sizes),
        meanFree: mean(history.frees),
      });
      if (target !== undefined) await guest.setMemory(Math.floor(target / KiB) * KiB);
    }
  }

  const running = (async () => {
    while (!stopped) {
      const next = new Promise(resolve => setTimeout(resolve, 1000));
      const from = performance.now();
      await round();
      rounds([from / 1000, performance.now() / 1000]);
      await next;
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      await running;
    },
  };
}

/** Balloon figures in bytes by domain and by the last part of their names. */
function parse(domstats: string): Map<string, Map<string, Bytes>> {
  const records = new Map<string, Map<string, Bytes>>();
  for (const [, name = '', lines = ''] of domstats.matchAll(/Domain: '(.*)'\n((?: .*\n?)*)/g)) {
    const figures = [...lines.matchAll(/balloon\.(\w+)=(\d+)/g)];
    records.set(name, new Map(figures.map(([, key = '', kib]) => [key, Number(kib) * KiB])));
  }
  return records;
}

async function residentOf(pid: number): Promise<Bytes> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * KiB;
}

function push(values: number[], value: number): void {
  values.push(value);
  if (values.length > HISTORY) values.shift();
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
