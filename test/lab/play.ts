/** Plays a script to the guests of a lab and measures what it costs host and guests. */
import { readFile } from 'node:fs/promises';
import { type Bytes, KiB, MiB, type Seconds } from '../../src/model/units.ts';
import { MARGIN } from './four-world.ts';
import type { Guest } from './guest.ts';
import type { Lab } from './lab.ts';
import type { Script } from './scripts.ts';

const SAMPLE_SECONDS = 0.25;
/** Pages that every guest touches of what it holds, a second: memory in use, not memory forgotten. */
export const TOUCHES = 4000;
const SWAP_PAGE = 4 * KiB;
/** Less is taken too quickly for the time to matter. */
export const LARGE: Bytes = 100 * MiB;

/** A guest's program took a large amount of memory from one moment to the other: seconds of `performance.now()`. */
interface Taking {
  readonly guest: number;
  readonly from: Seconds;
  readonly to: Seconds;
}

export interface Sample {
  readonly at: Seconds;
  /** Resident memory of each guest's QEMU. */
  readonly resident: readonly Bytes[];
  /** Of each guest, as libvirt knows it. */
  readonly sizes: readonly Bytes[];
  /** PSI full of each guest since it booted. */
  readonly stalled: readonly Seconds[];
}

export interface Play {
  /** When the script began: seconds of `performance.now()`. */
  readonly started: Seconds;
  readonly samples: readonly Sample[];
  /** Time in which resident memory and 64 MiB were more than the host has. */
  readonly exceededSeconds: Seconds;
  readonly mostResident: Bytes;
  readonly swappedOut: Bytes;
  /** PSI full, of all guests together. */
  readonly stalledSeconds: Seconds;
  readonly oomKills: number;
  readonly takings: readonly Taking[];
  /** What the workload was refused, such as by a kill of its holder. */
  readonly failures: readonly string[];
}

/**
 * Every guest keeps touching what it holds. Waits for the workload to finish, which may take longer than the script.
 *
 * @param host what the host has; the guests may really have more, so that exceeding it can be measured
 */
export async function play(lab: Lab, script: Script, host: Bytes): Promise<Play> {
  const { guests } = lab;
  const pids = await Promise.all(guests.map(guest => guest.qemuPid()));
  const before = await Promise.all(guests.map(counters));
  const workload = createWorkload(guests, script);
  await workload.prepare();

  const samples: Sample[] = [];
  const started = performance.now();
  const elapsed = () => (performance.now() - started) / 1000;
  for (let at = 0; at < script.seconds; at = elapsed()) {
    workload.advance(at);
    const [resident, sizes, stalled] = await Promise.all([
      Promise.all(pids.map(residentOf)),
      sizesOf(lab),
      Promise.all(guests.map(({ agent }) => agent.pressure().then(({ fullSeconds }) => fullSeconds))),
    ]);
    samples.push({ at, resident, sizes, stalled });
    const next = (Math.floor(elapsed() / SAMPLE_SECONDS) + 1) * SAMPLE_SECONDS;
    await new Promise(resolve => setTimeout(resolve, (next - elapsed()) * 1000));
  }
  const failures = await workload.end();
  const after = await Promise.all(guests.map(counters));
  const grown = (pick: (counter: Counters) => number) => sum(after.map(pick)) - sum(before.map(pick));
  return {
    started: started / 1000,
    samples,
    exceededSeconds: exceeded(samples, host),
    mostResident: Math.max(...samples.map(({ resident }) => sum(resident))),
    swappedOut: grown(counter => counter.swappedOut),
    stalledSeconds: grown(counter => counter.stalled),
    oomKills: grown(counter => counter.oomKills),
    takings: workload.takings,
    failures,
  };
}

interface Workload {
  /** Writes the files that are to be cached. */
  prepare(): Promise<void>;
  /** Orders what is due. */
  advance(at: Seconds): void;
  /** Waits for what was ordered, and gives what failed of it. */
  end(): Promise<readonly string[]>;
  /** Until now. */
  readonly takings: readonly Taking[];
}

function createWorkload(guests: readonly Guest[], { steps, cache }: Script): Workload {
  const failures: string[] = [];
  const takings: Taking[] = [];
  const held = guests.map(() => 0);
  const lines: Promise<unknown>[] = guests.map(() => Promise.resolve());
  const due = [...steps];
  let rereadAt = cache?.every ?? Number.POSITIVE_INFINITY;

  /** What is asked of one guest is done in order; guests do not wait for one another. */
  function order(index: number, action: (agent: Guest['agent']) => Promise<unknown>): void {
    const guest = guests[index];
    if (guest === undefined) throw new Error(`the script has a guest ${index}, the lab has ${guests.length}`);
    lines[index] = (lines[index] ?? Promise.resolve())
      .then(() => action(guest.agent))
      .catch((error: unknown) => failures.push(String(error)));
  }

  function orderAll(action: (agent: Guest['agent']) => Promise<unknown>): void {
    for (const index of guests.keys()) order(index, action);
  }

  async function take(guest: number, agent: Guest['agent'], bytes: Bytes, rate: number): Promise<void> {
    const from = performance.now() / 1000;
    await agent.take(bytes, { rate, deadlineSeconds: 300 });
    if (bytes >= LARGE) takings.push({ guest, from, to: performance.now() / 1000 });
  }

  return {
    takings,
    async prepare() {
      orderAll(agent => agent.free('all'));
      orderAll(agent => agent.work(TOUCHES));
      if (cache) orderAll(agent => agent.cache(cache.bytes));
      await Promise.all(lines);
    },
    advance(at) {
      while (due[0] !== undefined && due[0].at <= at) {
        const { guests: indices, held: bytes, rate = 0 } = due[0];
        due.shift();
        for (const index of indices) {
          const more = bytes - (held[index] ?? 0);
          held[index] = bytes;
          order(index, agent => (more > 0 ? take(index, agent, more, rate) : agent.free(-more)));
        }
      }
      if (at < rereadAt) return;
      rereadAt += cache?.every ?? 0;
      orderAll(agent => agent.reread());
    },
    async end() {
      orderAll(agent => agent.work(0));
      await Promise.all(lines);
      return failures;
    },
  };
}

interface Counters {
  readonly swappedOut: Bytes;
  readonly stalled: Seconds;
  readonly oomKills: number;
}

async function counters(guest: Guest): Promise<Counters> {
  const { agent } = guest;
  const [vmstat, pressure, oomKills] = await Promise.all([
    agent.vmstat(),
    agent.pressure(),
    guest.oomKills(),
  ]);
  return {
    swappedOut: (vmstat.pswpout ?? Number.NaN) * SWAP_PAGE,
    stalled: pressure.fullSeconds,
    oomKills,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function exceeded(samples: readonly Sample[], host: Bytes): Seconds {
  let seconds = 0;
  for (const [index, { at, resident }] of samples.entries()) {
    const next = samples[index + 1];
    if (next !== undefined && sum(resident) + MARGIN > host) seconds += next.at - at;
  }
  return seconds;
}

/** Largest deviation from the mean, as a share of it, of the guests' mean sizes in the last seconds before `to`. */
export function unfairness(samples: readonly Sample[], to: Seconds, last: Seconds): number {
  const window = samples.filter(({ at }) => at >= to - last && at < to);
  const guests = window[0]?.sizes.length ?? 0;
  const means = Array.from(
    { length: guests },
    (_, index) => sum(window.map(({ sizes }) => sizes[index] ?? Number.NaN)) / window.length,
  );
  const mean = sum(means) / guests;
  return Math.max(...means.map(size => Math.abs(size - mean))) / mean;
}

/** Time from `end` until the guests stalled for the last time: more than 1 % between two samples. */
export function recovery(samples: readonly Sample[], end: Seconds): Seconds {
  let last = end;
  for (const [index, sample] of samples.entries()) {
    const before = samples[index - 1];
    if (before === undefined || sample.at <= end) continue;
    if (sum(sample.stalled) - sum(before.stalled) > 0.01 * (sample.at - before.at)) last = sample.at;
  }
  return last - end;
}

/** The kernel's own count, to a few MiB (smaps_rollup is exact, and walks every page). */
async function residentOf(pid: number): Promise<Bytes> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * KiB;
}

async function sizesOf(lab: Lab): Promise<Bytes[]> {
  const text = await lab.virsh('domstats', '--balloon');
  const sizes = new Map<string | undefined, Bytes>();
  for (const [, name, kib] of text.matchAll(/Domain: '(.*)'\n\s+balloon\.current=(\d+)/g))
    sizes.set(name, Number(kib) * KiB);
  return lab.guests.map(({ name }) => sizes.get(name) ?? Number.NaN);
}
