/** Our client as a process of its own: it takes the jobs of collect-reference.c, and two more. */
import { closeSync, openSync, readSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Domain, Hypervisor } from '../../src/hypervisor/driver.ts';
import { connectLibvirt } from '../../src/hypervisor/libvirt/hypervisor.ts';
import type { MemoryStat } from '../../src/model/memory-stats.ts';
import type { Seconds } from '../../src/model/units.ts';
import type { Answer, Block } from './collect-clients.ts';

const NAMES = [
  'state.state',
  'state.reason',
  'balloon.current',
  'balloon.maximum',
  'balloon.swap_in',
  'balloon.swap_out',
  'balloon.major_fault',
  'balloon.minor_fault',
  'balloon.unused',
  'balloon.available',
  'balloon.usable',
  'balloon.last-update',
  'balloon.disk_caches',
  'balloon.hugetlb_pgalloc',
  'balloon.hugetlb_pgfail',
  'balloon.rss',
];

/** The test driver takes seconds to make 5000 domains, more on a busy machine. */
const PATIENCE: Seconds = 120;

interface Seen {
  domains: number;
  figures: number;
  sum: number;
}

interface Target {
  readonly hypervisor: Hypervisor;
  readonly domains: readonly Domain[];
}

const MODES: Readonly<Record<string, (target: Target, seen: Seen) => Promise<void>>> = {
  bulk,
  each,
  together,
};

/** Works on the jobs of standard input until its end. */
export async function runOwnClient(uri: string): Promise<void> {
  const hypervisor = await connectLibvirt(uri, { callTimeout: PATIENCE });
  const target = { hypervisor, domains: await hypervisor.domains({ active: true }) };
  for await (const line of createInterface({ input: process.stdin })) {
    const [mode = '', count = ''] = line.split(' ');
    const answer =
      mode === 'block' ? await watch(target, Number(count)) : await work(target, mode, Number(count));
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await hypervisor.close();
}

async function work(target: Target, mode: string, repetitions: number): Promise<Answer> {
  const run = MODES[mode];
  if (!run) throw new Error(`there is no mode '${mode}'`);
  const seen: Seen = { domains: 0, figures: 0, sum: 0 };
  const wall: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now();
    await run(target, seen);
    wall.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  return { ...seen, cpu: (user + system) / 1000, wall };
}

/**
 * Bulk collections back to back while a timer of 1 ms watches how long the event loop keeps it waiting. The kernel tells how
 * much of that this thread spent ready to run while others had the processor (proc_pid_schedstat, fs/proc/base.c).
 */
async function watch(target: Target, repetitions: number): Promise<Block> {
  const schedstat = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  const block = { longest: 0, longestOwn: 0 };
  let at = performance.now();
  let queued = queuedMs(schedstat);
  const look = (): void => {
    const now = performance.now();
    const nowQueued = queuedMs(schedstat);
    block.longest = Math.max(block.longest, now - at);
    block.longestOwn = Math.max(block.longestOwn, now - at - (nowQueued - queued));
    at = now;
    queued = nowQueued;
  };
  const timer = setInterval(look, 1);
  for (let i = 0; i < repetitions; i++) await bulk(target, { domains: 0, figures: 0, sum: 0 });
  clearInterval(timer);
  look();
  closeSync(schedstat);
  return block;
}

/** Time that the thread has waited for a processor: the second number, nanoseconds. */
function queuedMs(schedstat: number): number {
  const buffer = Buffer.alloc(80);
  const length = readSync(schedstat, buffer, 0, buffer.length, 0);
  return Number(buffer.toString('latin1', 0, length).split(' ')[1]) / 1e6;
}

async function bulk({ hypervisor }: Target, seen: Seen): Promise<void> {
  const records = await hypervisor.allDomainStats();
  seen.domains += records.length;
  for (const { params } of records) {
    for (const name of NAMES) {
      const value = params.get(name);
      if (typeof value !== 'number') continue;
      seen.figures += 1;
      seen.sum += value;
    }
  }
}

async function each({ domains }: Target, seen: Seen): Promise<void> {
  for (const domain of domains) add(await domain.memoryStats(), seen);
}

async function together({ domains }: Target, seen: Seen): Promise<void> {
  await Promise.all(domains.map(async domain => add(await domain.memoryStats(), seen)));
}

function add(stats: readonly MemoryStat[], seen: Seen): void {
  seen.domains += 1;
  seen.figures += stats.length;
  for (const { value } of stats) seen.sum += value;
}
