import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bytes, Seconds } from '../../src/model/units.ts';
import { MiB } from '../../src/model/units.ts';
import { type Agent, createAgentLink } from './agent.ts';
import { type DomainSpec, domainXml } from './domain-xml.ts';
import { run, until } from './process.ts';

/** Left free when a guest touches all of its memory: less makes its kernel reclaim and then kill. */
const UNTOUCHED = 24 * MiB;

/** One guest of the lab: a libvirt domain with the workload in it. */
export interface Guest {
  readonly name: string;
  readonly uuid: string;
  readonly memory: Bytes;
  readonly agent: Agent;
  /** The host's process number of its QEMU. */
  qemuPid(): Promise<number>;
  /** Resident memory of its QEMU, exact (smaps_rollup; the count in /proc/PID/stat lags by up to a few MiB). */
  rss(): Promise<Bytes>;
  /** Resident part of the guest's memory alone: what a balloon can give back, without QEMU's own some 100 MiB. */
  residentMemory(): Promise<Bytes>;
  /** What `virsh dommemstat` prints, by its names: KiB, counts, and seconds for `last_update`. */
  dommemstat(): Promise<Readonly<Record<string, number>>>;
  /** Moves the balloon's target with `virsh setmem --live`; says nothing about the guest having followed. */
  setMemory(bytes: Bytes): Promise<void>;
  /** The guest's serial console since the lab started, over all its boots. */
  consoleLog(): Promise<string>;
  /** Kills by the guest's OOM killer that the console tells of. */
  oomKills(): Promise<number>;
  /** Touches all memory the guest can spare and frees it again, so that QEMU's resident size is a long-lived guest's. */
  touchAll(): Promise<void>;
  /** Starts a guest that is off, and waits until its balloon works. */
  start(): Promise<void>;
  /** Pulls the plug. */
  destroy(): Promise<void>;
  /** Has the guest power itself off, and waits until it is off. */
  shutDown(): Promise<void>;
  /**
   * Presses the reset button (`virsh reset`), or has the guest's kernel reboot; waits until the guest is back. QEMU
   * lives on both times.
   */
  reboot(how?: 'reset' | 'kernel'): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Closes this process's side. The lab calls it. */
  disconnect(): void;
}

export interface GuestSpec extends Omit<DomainSpec, 'consoleLog' | 'agentSocket' | 'disks'> {
  readonly swap: Bytes | undefined;
  readonly disk: Bytes | undefined;
  readonly bootDeadlineSeconds: Seconds;
}

export interface GuestWorld {
  readonly folder: string;
  readonly virsh: (...args: string[]) => Promise<string>;
  readonly hostPid: (pidInside: number) => number | undefined;
}

/** Defines the domain, not yet started. */
export async function defineGuest(spec: GuestSpec, world: GuestWorld): Promise<Guest> {
  const { name } = spec;
  const { virsh } = world;
  const file = (suffix: string) => join(world.folder, 'guests', `${name}.${suffix}`);
  const consoleLog = file('console');
  const agentSocket = join(world.folder, 'agent', `${name}.sock`);
  const disks: DomainSpec['disks'][number][] = [];
  await writeFile(consoleLog, '');
  if (spec.swap !== undefined) {
    await sparse(file('swap'), spec.swap);
    disks.push({ serial: 'swap', path: file('swap') });
  }
  if (spec.disk !== undefined) {
    await sparse(file('data'), spec.disk);
    // No journal: a cached file costs its own size in writes, not twice.
    await run('/sbin/mkfs.ext4', [
      '-q',
      '-F',
      '-m',
      '0',
      '-O',
      '^has_journal',
      '-E',
      'lazy_itable_init=1',
      file('data'),
    ]);
    disks.push({ serial: 'data', path: file('data') });
  }
  await writeFile(file('xml'), domainXml({ ...spec, consoleLog, agentSocket, disks }));
  await virsh('define', file('xml'));
  const link = createAgentLink(name, agentSocket);

  async function qemuPid(): Promise<number> {
    const inside = Number(await readFile(join(world.folder, 'run/qemu', `${name}.pid`), 'utf8'));
    const pid = world.hostPid(inside);
    if (pid === undefined) throw new Error(`${name}: no QEMU runs`);
    return pid;
  }

  async function greet(): Promise<void> {
    try {
      const hello = await link.greet(spec.bootDeadlineSeconds);
      if (spec.balloon && !hello.balloon) throw new Error('the balloon driver has no device');
    } catch (cause) {
      const tail = (await readFile(consoleLog, 'utf8')).slice(-2000);
      throw new Error(`${name} did not boot. Its console ends with:\n${tail}`, { cause });
    }
  }

  return {
    name,
    uuid: spec.uuid,
    memory: spec.memory,
    agent: link.agent,
    qemuPid,
    async rss() {
      const rollup = await readFile(`/proc/${await qemuPid()}/smaps_rollup`, 'utf8');
      return Number(/^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1024;
    },
    async residentMemory() {
      return residentOfMapping(await readFile(`/proc/${await qemuPid()}/smaps`, 'utf8'), spec.memory);
    },
    async dommemstat() {
      const lines = (await virsh('dommemstat', name)).trim().split('\n');
      return Object.fromEntries(
        lines.map(line => line.split(' ')).map(([key = '', value]) => [key, Number(value)]),
      );
    },
    async setMemory(bytes) {
      await virsh('setmem', name, `${bytes}b`, '--live');
    },
    consoleLog: () => readFile(consoleLog, 'utf8'),
    async oomKills() {
      return (await readFile(consoleLog, 'utf8')).split('Out of memory: Killed process').length - 1;
    },
    async touchAll() {
      const { MemAvailable = 0 } = await link.agent.meminfo();
      await link.agent.take(Math.max(0, MemAvailable - UNTOUCHED));
      await link.agent.free('all');
    },
    async start() {
      await virsh('start', name);
      await link.connect();
      await greet();
    },
    async destroy() {
      link.disconnect();
      await virsh('destroy', name);
    },
    async shutDown() {
      await link.agent.quit();
      await until(`${name} is off`, 20, async () => (await virsh('domstate', name)).trim() === 'shut off');
    },
    async reboot(how = 'reset') {
      if (how === 'kernel') await link.agent.reboot();
      else await virsh('reset', name);
      await greet();
    },
    async pause() {
      await virsh('suspend', name);
    },
    async resume() {
      await virsh('resume', name);
    },
    disconnect: () => link.disconnect(),
  };
}

/** Guest memory is QEMU's one mapping of exactly that size. */
function residentOfMapping(smaps: string, size: Bytes): Bytes {
  for (const mapping of smaps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw.*\n(?:[A-Z].*\n)*?Rss: +(\d+) kB$/gm)) {
    const [, from = '', to = '', resident] = mapping;
    if (Number.parseInt(to, 16) - Number.parseInt(from, 16) === size) return Number(resident) * 1024;
  }
  throw new Error("QEMU has no mapping of the size of the guest's memory");
}

async function sparse(path: string, size: Bytes): Promise<void> {
  await writeFile(path, '');
  await truncate(path, size);
}
