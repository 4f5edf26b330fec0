/** The QEMU process behind a QMP socket, as /proc shows it: for its resident memory and its processor time. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Bytes, type Kib, kibToBytes } from '../../model/units.ts';
import { SOCKET_SUFFIX } from './uri.ts';

/** Clock ticks a second of /proc/PID/stat: USER_HZ is 100 on every architecture that runs KVM. */
const TICKS_PER_SECOND = 100n;
const NS_PER_SECOND = 1_000_000_000n;

/** Command lines by process number. */
type CommandLines = ReadonlyMap<number, string>;

/** Finds the processes behind sockets. One a connection, so that many guests that appear at once share the reading of /proc. */
export class ProcessFinder {
  readonly #proc: string;
  #reading: Promise<CommandLines> = Promise.resolve(new Map());
  #next: Promise<CommandLines> | undefined;

  constructor(proc = '/proc') {
    this.#proc = proc;
  }

  /**
   * The process that listens on a QMP socket. QEMU does not tell its number; it tells those of its threads, which are right if
   * QEMU shares our process namespace. Otherwise the number may stand in `NAME.pid` beside the socket, or the socket's path on
   * a command line. Whatever gives the number, the process has to hold the socket: its descriptors prove it, or its command
   * line where they may not be read.
   *
   * @returns undefined when it cannot be found, as for a QEMU of another user in another namespace
   */
  async find(socketPath: string, threads: readonly number[]): Promise<number | undefined> {
    const proc = this.#proc;
    const [thread] = threads;
    const named = [
      thread === undefined ? undefined : await processOfThread(thread, proc),
      await pidFile(socketPath),
    ];
    for (const pid of named) {
      if (pid !== undefined && (await holds(pid, socketPath, proc)) !== 'no') return pid;
    }
    // Others name the path too: a shell that started QEMU, or Ballonet itself.
    for (const [pid, command] of await this.#commandLines()) {
      if (command.includes(socketPath) && (await holds(pid, socketPath, proc)) === 'yes') return pid;
    }
    return undefined;
  }

  /** All that ask while /proc is being read get the next reading, which begins after they asked. */
  #commandLines(): Promise<CommandLines> {
    this.#next ??= this.#reading.then(() => {
      this.#next = undefined;
      this.#reading = readCommandLines(this.#proc);
      return this.#reading;
    });
    return this.#next;
  }
}

/** Resident memory; undefined when the process is gone. Its counts may lag by some pages a thread (mm/memory.c). */
export async function residentKib(pid: number, proc = '/proc'): Promise<Kib | undefined> {
  const status = await textOf(join(proc, String(pid), 'status'));
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  return match ? Number(match[1]) : undefined;
}

/** Kinds of a process's memory that a balloon cannot free. */
interface MemoryKinds {
  readonly lockedBytes: Bytes;
  readonly hugetlbBytes: Bytes;
  /** Its command line names a vDPA device. */
  readonly vdpa: boolean;
}

/** By /proc/PID/status (Linux, Documentation/filesystems/proc.rst): memory that VFIO pins counts as locked. */
export async function memoryKinds(pid: number, proc = '/proc'): Promise<MemoryKinds> {
  const [status, command] = await Promise.all([
    textOf(join(proc, String(pid), 'status')),
    commandLine(pid, proc),
  ]);
  const amount = (name: string) =>
    kibToBytes(Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0));
  return {
    lockedBytes: amount('VmLck'),
    hugetlbBytes: amount('HugetlbPages'),
    vdpa: command.includes('vhost-vdpa'),
  };
}

/** Processor time of all threads in ns; undefined when the process is gone. */
export async function cpuTimeNs(pid: number, proc = '/proc'): Promise<bigint | undefined> {
  const line = await textOf(join(proc, String(pid), 'stat'));
  // The command in parentheses may hold blanks and parentheses; fields 14 and 15 are the times.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  if (user === undefined || system === undefined) return undefined;
  return ((BigInt(user) + BigInt(system)) * NS_PER_SECOND) / TICKS_PER_SECOND;
}

async function processOfThread(thread: number, proc: string): Promise<number | undefined> {
  const status = await textOf(join(proc, String(thread), 'status'));
  const match = /^Tgid:\s+(\d+)$/m.exec(status);
  return match ? Number(match[1]) : undefined;
}

async function pidFile(socketPath: string): Promise<number | undefined> {
  if (!socketPath.endsWith(SOCKET_SUFFIX)) return undefined;
  const text = await textOf(`${socketPath.slice(0, -SOCKET_SUFFIX.length)}.pid`);
  return /^[1-9]\d{0,9}\s*$/.test(text) ? Number(text) : undefined;
}

/** `unreadable-but-named`: its files may not be read, and its command line names the socket. */
async function holds(
  pid: number,
  socketPath: string,
  proc: string,
): Promise<'yes' | 'no' | 'unreadable-but-named'> {
  const base = join(proc, String(pid));
  let links: string[];
  try {
    const descriptors = await readdir(join(base, 'fd'));
    links = await Promise.all(descriptors.map(fd => readlink(join(base, 'fd', fd)).catch(() => '')));
  } catch {
    return (await commandLine(pid, proc)).includes(basename(socketPath)) ? 'unreadable-but-named' : 'no';
  }
  for (const { path, inode } of boundSockets(await textOf(join(base, 'net/unix')))) {
    if (basename(path) !== basename(socketPath) || !links.includes(`socket:[${inode}]`)) continue;
    if (path === socketPath) return 'yes';
    // By another name: relative to QEMU's folder, or in a mount namespace of its own.
    const itsFile = path.startsWith('/') ? join(base, 'root', path) : join(base, 'cwd', path);
    if (await sameFile(itsFile, socketPath)) return 'yes';
  }
  return 'no';
}

/** Lines of /proc/net/unix: `Num RefCount Protocol Flags Type St Inode Path`, as the socket's owner bound it. */
function boundSockets(table: string): { readonly path: string; readonly inode: string }[] {
  const rows = table.matchAll(/^[0-9a-fA-F]+: (?:[0-9a-fA-F]+ ){5} *(\d+) (.+)$/gm);
  return [...rows].map(([, inode = '', path = '']) => ({ inode, path }));
}

async function sameFile(a: string, b: string): Promise<boolean> {
  try {
    const [first, second] = await Promise.all([stat(a), stat(b)]);
    return first.dev === second.dev && first.ino === second.ino;
  } catch {
    return false;
  }
}

async function readCommandLines(proc: string): Promise<CommandLines> {
  const lines = new Map<number, string>();
  for (const entry of await readdir(proc).catch(() => [])) {
    if (/^\d+$/.test(entry)) lines.set(Number(entry), await commandLine(Number(entry), proc));
  }
  return lines;
}

async function commandLine(pid: number, proc: string): Promise<string> {
  return textOf(join(proc, String(pid), 'cmdline'));
}

/** Empty for a file that is gone or not ours to read. */
async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}
