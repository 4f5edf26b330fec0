/** Plays a script to the guests of a lab and measures what it costs host and guests. */
import { readFile } from 'node:fs/promises';
import { type Bytes, KiB, MiB, type Seconds } from '../../src/model/units.ts';
import type { Guest } from './guest.ts';
import type { Lab } from './lab.ts';
import type { Script } from './scripts.ts';

const SAMPLE_SECONDS = 0.25;
/** Pages that every guest touches of what it holds, a second: memory in use, not memory forgotten. */
const TOUCHES = 4000;
const SWAP_PAGE = 4 * KiB;

export interface Sample {
  readonly at: Seconds;
  /** Resident memory of each guest's QEMU. */
  readonly resident: readonly Bytes[];
  /** Of each guest's balloon, as libvirt knows it. */
  readonly sizes: readonly Bytes[];
}

export interface Play {
  readonly samples: readonly Sample[];
  /** Time in which resident memory and 64 MiB were more than the host has. */
  readonly exceededSeconds: Seconds;
  readonly mostResident: Bytes;
  readonly swappedOut: Bytes;
  /** PSI full, of all guests together. */
  readonly fullStallSeconds: Seconds;
  readonly oomKills: number;
  /** Requests of the workload that failed: its holder was killed. */
  readonly failures: readonly string[];
}

export async function play(lab: Lab, script: Script, host: Bytes): Promise<Play> {
  const { guests } = lab;
  const pids = await Promise.all(guests.map(guest => guest.qemuPid()));
  const before = await Promise.all(guests.map(counters));
  const failures: string[] = [];
  const held = guests.map(() => 0);
  const busy: Promise<unknown>[] = guests.map(() => Promise.resolve());

  /** What is asked of one guest is done in order; guests do not wait for one another. */
  function order(index: number, action: (guest: Guest) => Promise<unknown>): void {
    const guest = lab.guest(index);
    busy[index] = (busy[index] ?? Promise.resolve())
      .then(() => action(guest))
      .catch((error: unknown) => failures.push(String(error)));
  }

  function hold(index: number, bytes: Bytes, rate = 0): void {
    const more = bytes - (held[index] ?? 0);
    held[index] = bytes;
    order(index, ({ agent }) =>
      more > 0 ? agent.take(more, { rate, deadlineSeconds: 300 }) : agent.free(-more),
    );
  }

  for (const [index] of guests.entries()) order(index, ({ agent }) => agent.work(TOUCHES));
  if (script.cache) {
    const { bytes } = script.cache;
    for (const [index] of guests.entries()) order(index, ({ agent }) => agent.cache(bytes));
    await Promise.all(busy);
  }
  const samples: Sample[] = [];
  const steps = [...script.steps];
  let rereadAt = script.cache?.every ?? Number.POSITIVE_INFINITY;
  const started = performance.now();
  for (;;) {
    const at = (performance.now() - started) / 1000;
    if (at >= script.seconds) break;
    while (steps[0] !== undefined && steps[0].at <= at) {
      const step = steps.shift();
      for (const index of step?.guests ?? []) hold(index, step?.held ?? 0, step?.rate);
    }
    if (at >= rereadAt) {
      rereadAt += script.cache?.every ?? 0;
      for (const [index] of guests.entries()) order(index, ({ agent }) => agent.reread());
    }
    samples.push({ at, resident: await Promise.all(pids.map(residentOf)), sizes: await sizesOf(lab) });
    const next = (Math.floor(at / SAMPLE_SECONDS) + 1) * SAMPLE_SECONDS;
    await new Promise(resolve =>
      setTimeout(resolve, Math.max(0, next * 1000 - (performance.now() - started))),
    );
  }
  for (const [index] of guests.entries()) order(index, ({ agent }) => agent.work(0));
  await Promise.all(busy);
  const after = await Promise.all(guests.map(counters));
  const sum = (pick: (counter: Counters) => number) =>
    after.reduce((total, counter, index) => {
      const first = before[index];
      return total + pick(counter) - (first === undefined ? 0 : pick(first));
    }, 0);
  return {
    samples,
    exceededSeconds: exceeded(samples, host),
    mostResident: Math.max(...samples.map(total)),
    swappedOut: sum(counter => counter.swappedOut),
    fullStallSeconds: sum(counter => counter.fullStall),
    oomKills: sum(counter => counter.oomKills),
    failures,
  };
}

interface Counters {
  readonly swappedOut: Bytes;
  readonly fullStall: Seconds;
  readonly oomKills: number;
}

async function counters(guest: Guest): Promise<Counters> {
  const { agent } = guest;
  const [vmstat, pressure, oomKills] = await Promise.all([agent.vmstat(), agent.pressure(), guest.oomKills()]);
  return {
    swappedOut: (vmstat.pswpout ?? Number.NaN) * SWAP_PAGE,
    fullStall: pressure.fullSeconds,
    oomKills,
  };
}

function total({ resident }: Sample): Bytes {
  return resident.reduce((sum, bytes) => sum + bytes, 0);
}

function exceeded(samples: readonly Sample[], host: Bytes): Seconds {
  let seconds = 0;
  for (const [index, sample] of samples.entries()) {
    const next = samples[index + 1];
    if (next !== undefined && total(sample) + 64 * MiB > host) seconds += next.at - sample.at;
  }
  return seconds;
}

/** The kernel's own count, to a few MiB (smaps_rollup is exact, and walks every page). */
async function residentOf(pid: number): Promise<Bytes> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * KiB;
}

async function sizesOf(lab: Lab): Promise<Bytes[]> {
  const text = await lab.virsh('domstats', '--balloon');
  const sizes = new Map(
    [...text.matchAll(/Domain: '(.*)'\n\s+balloon\.current=(\d+)/g)].map(([, name, kib]) => [
      name,
      Number(kib) * KiB,
    ]),
  );
  return lab.guests.map(guest => sizes.get(guest.name) ?? Number.NaN);
}
