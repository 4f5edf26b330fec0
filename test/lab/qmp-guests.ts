/** Guests that nothing manages: QEMUs started by hand, each with two QMP sockets, and no libvirt. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bytes } from '../../src/model/units.ts';
import { MiB } from '../../src/model/units.ts';
import { type Agent, createAgentLink } from './agent.ts';
import { KERNEL_LINE } from './domain-xml.ts';
import { buildInitramfs } from './initramfs.ts';
import { cacheFolder, fetchKernel } from './kernel.ts';
import { childrenOf, until } from './process.ts';
import { requireLab } from './requirements.ts';

const BOOT_SECONDS = 150;

export interface QmpGuestOptions {
  readonly name: string;
  /** QEMU is told none unless there is one. */
  readonly uuid?: string;
  /** Arguments of the balloon device; undefined leaves it out. */
  readonly balloon?: string;
  /** In a process namespace of its own: the numbers that QEMU tells of its threads mean nothing outside. */
  readonly boxed?: boolean;
  /** More arguments for QEMU. */
  readonly extra?: readonly string[];
  /** False: stopped before its first instruction. */
  readonly boots?: boolean;
}

interface QmpGuest {
  readonly name: string;
  readonly memory: Bytes;
  readonly agent: Agent;
  /** The socket that a test may use beside Ballonet's. */
  readonly monitor: string;
  /** This machine's number of its QEMU. */
  pid(): number;
  /** Resident memory of its QEMU, exact (smaps_rollup). */
  rss(): Promise<Bytes>;
  /** Starts a QEMU that is off, and waits until the guest's workload answers. */
  start(): Promise<void>;
  /** Waits until the guest has booted once more. */
  rebooted(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Kills by the guest's OOM killer that its console tells of. */
  oomKills(): Promise<number>;
  /** Resolves when its QEMU has ended. */
  ended(): Promise<void>;
}

export interface QmpGuests extends AsyncDisposable {
  /** With the sockets NAME.qmp for Ballonet. */
  readonly folder: string;
  /** With a second socket NAME.qmp of each guest. */
  readonly monitors: string;
  /** A folder that lives as long as the guests. */
  readonly scratch: string;
  readonly guests: readonly QmpGuest[];
  guest(name: string): QmpGuest;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Boots guests of 512 MiB. They end with the block, or when this process ends, however it ends.
 *
 * @throws Error that says what is missing, or what a guest that does not boot wrote on its console.
 */
export async function startQmpGuests(options: readonly QmpGuestOptions[]): Promise<QmpGuests> {
  requireLab();
  const cache = cacheFolder();
  const kernel = await fetchKernel(cache);
  const initramfs = await buildInitramfs(cache, kernel);
  const scratch = await mkdtemp(join(tmpdir(), 'ballonet-qmp-'));
  const [folder, monitors] = [join(scratch, 'vms'), join(scratch, 'monitors')];
  for (const path of [folder, monitors]) await mkdir(path);
  const guests = options.map(guest =>
    createGuest(guest, { scratch, folder, monitors, kernel: kernel.image, initramfs }),
  );

  async function close(): Promise<void> {
    await Promise.all(guests.map(guest => guest.destroy()));
    await rm(scratch, { recursive: true, force: true });
  }

  try {
    await Promise.all(guests.map(guest => guest.start()));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    folder,
    monitors,
    scratch,
    guests,
    guest(name) {
      const guest = guests.find(candidate => candidate.name === name);
      if (!guest) throw new Error(`There is no guest ${name}.`);
      return guest;
    },
    [Symbol.asyncDispose]: close,
  };
}

interface Place {
  readonly scratch: string;
  readonly folder: string;
  readonly monitors: string;
  readonly kernel: string;
  readonly initramfs: string;
}

function createGuest(
  { name, uuid, balloon, boxed = false, extra = [], boots = true }: QmpGuestOptions,
  { scratch, folder, monitors, kernel, initramfs }: Place,
): QmpGuest & { destroy(): Promise<void> } {
  const memory = 512 * MiB;
  const agentSocket = join(scratch, `${name}.agent`);
  const consoleLog = join(scratch, `${name}.console`);
  const monitor = join(monitors, `${name}.qmp`);
  const link = createAgentLink(name, agentSocket);
  let child: ChildProcess | undefined;
  let end: Promise<void> = Promise.resolve();

  const qmp = (path: string) => ['-qmp', `unix:${path},server=on,wait=off`];
  const machine = ['-machine', 'pc', '-accel', 'tcg,tb-size=32', '-cpu', 'max,erms=off', '-m', '512'];
  const payload = ['-kernel', kernel, '-initrd', initramfs, '-append', KERNEL_LINE];
  const qemu = [
    ...['/usr/bin/qemu-system-x86_64', '-name', name, ...(uuid === undefined ? [] : ['-uuid', uuid])],
    ...[...machine, '-nodefaults', '-no-user-config', '-display', 'none', ...(boots ? payload : ['-S'])],
    ...['-chardev', `file,id=console,path=${consoleLog},append=on`, '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=agent,path=${agentSocket},server=on,wait=off`, '-device', 'virtio-serial-pci'],
    ...['-device', 'virtserialport,chardev=agent,name=ballonet.lab'],
    ...(balloon === undefined ? [] : ['-device', balloon]),
    ...extra,
    ...[...qmp(join(folder, `${name}.qmp`)), ...qmp(monitor)],
  ];
  // The kernel ends the guest when this process ends, however it ends.
  const leash = ['--pdeathsig', 'KILL'];
  const box = ['/usr/bin/unshare', '--pid', '--fork', '--kill-child=KILL'];

  function pid(): number {
    const found = child?.pid === undefined ? undefined : boxed ? childrenOf(child.pid)[0] : child.pid;
    if (found === undefined || child?.exitCode !== null || child.signalCode !== null)
      throw new Error(`${name}: no QEMU runs`);
    return found;
  }

  async function greet(): Promise<void> {
    try {
      await link.greet(BOOT_SECONDS);
    } catch (cause) {
      const said = (await readFile(consoleLog, 'utf8').catch(() => '')).slice(-2000);
      throw new Error(`${name} did not boot. Its console and QEMU's log end with:\n${said}`, { cause });
    }
  }

  return {
    name,
    memory,
    agent: link.agent,
    monitor,
    pid,
    async rss() {
      const rollup = await readFile(`/proc/${pid()}/smaps_rollup`, 'utf8');
      return Number(/^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1024;
    },
    async start() {
      const log = openSync(consoleLog, 'a');
      const started = spawn('/usr/bin/setpriv', [...leash, ...(boxed ? box : []), ...qemu], {
        stdio: ['ignore', log, log],
      });
      closeSync(log);
      child = started;
      end = new Promise(resolve => started.once('exit', () => resolve()));
      await until(`${name} listens`, 30, async () => {
        if (started.exitCode !== null) throw new Error(`QEMU ended: ${await readFile(consoleLog, 'utf8')}`);
        return link.connect().then(
          () => true,
          () => false,
        );
      });
      if (boots) await greet();
    },
    rebooted: greet,
    signal: name => {
      process.kill(pid(), name);
    },
    oomKills: async () =>
      (await readFile(consoleLog, 'utf8')).split('Out of memory: Killed process').length - 1,
    ended: () => end,
    async destroy() {
      link.disconnect();
      child?.kill('SIGKILL');
      await end;
    },
  };
}
