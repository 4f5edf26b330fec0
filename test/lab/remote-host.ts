/**
 * A host to reach over the network: libvirtd in a room whose network is the machine's, on ports of loopback. Its domains are
 * those of libvirt's test driver, so nothing has to boot.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectHypervisor } from '../../src/cli/connect.ts';
import type { ConnectOptions, Hypervisor } from '../../src/hypervisor/driver.ts';
import { memoryStatName } from '../../src/model/memory-stats.ts';
import { cacheFolder } from './kernel.ts';
import { installWrapper, layOut } from './libvirtd.ts';
import { childrenOf, run, startTime, until } from './process.ts';
import { requireLab } from './requirements.ts';
import { openRoom } from './room.ts';

const DAEMON = '/usr/sbin/libvirtd';

interface ServeOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** libvirtd's port, where its configuration gives it one. */
  readonly port?: number;
}

export interface RemoteServer {
  /** Its number on this machine. */
  readonly pid: number;
  /** Stops it for a while without an end. */
  freeze(): void;
  thaw(): void;
}

export interface RemoteHost extends AsyncDisposable {
  readonly folder: string;
  /** libvirtd's read-write socket. */
  readonly socket: string;
  /** Starts libvirtd with more lines of configuration, instead of the one that runs; waits until it listens. */
  serve(config: readonly string[], options?: ServeOptions): Promise<void>;
  /** Ends libvirtd. */
  stop(): Promise<void>;
  /** Starts another server in the room. */
  start(command: readonly string[], log: string): Promise<RemoteServer>;
  close(): Promise<void>;
}

export async function startRemoteHost(): Promise<RemoteHost> {
  requireLab();
  // `room.sh` and the lab's sweep know their folders by this name.
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-lab-'));
  await writeFile(join(folder, 'owner'), `${process.pid} ${startTime(process.pid)}`);
  await layOut(folder, join(folder, 'no-abilities'));
  await mkdir(join(folder, 'no-drivers'));
  const room = await openRoom(folder, await installWrapper(cacheFolder()), 'shared');
  const socket = join(folder, 'run/libvirt-sock');
  let daemon: ChildProcess | undefined;

  async function stop(): Promise<void> {
    const child = daemon;
    if (child?.pid === undefined) return;
    daemon = undefined;
    if (child.exitCode !== null) return;
    const ended = once(child, 'exit');
    for (const pid of childrenOf(child.pid)) process.kill(pid, 'SIGTERM');
    await ended;
  }

  return {
    folder,
    socket,
    async serve(config, { env = {}, port } = {}) {
      await stop();
      const lines = ['auth_unix_ro = "none"', 'unix_sock_group = "root"', 'unix_sock_ro_perms = "0777"'];
      await writeFile(join(folder, 'etc/libvirtd.conf'), `${[...lines, ...config].join('\n')}\n`);
      const log = join(folder, 'log/libvirtd.log');
      const settings = { LIBVIRT_DRIVER_DIR: join(folder, 'no-drivers'), ...env };
      const child = room.enter([DAEMON, ...(port === undefined ? [] : ['--listen'])], log, settings);
      daemon = child;
      await until('libvirtd listens', 30, async () => {
        if (child.exitCode !== null) throw new Error(`libvirtd ended: ${await readFile(log, 'utf8')}`);
        return (await accepts({ path: socket })) && (port === undefined || (await accepts({ port })));
      });
    },
    stop,
    async start(command, log) {
      const child = room.enter(command, log, {});
      const pid = await until(`${command[0]} starts`, 10, async () => {
        if (child.exitCode !== null) throw new Error(`${command[0]} ended: ${await readFile(log, 'utf8')}`);
        return childrenOf(child.pid ?? 0)[0];
      });
      return {
        pid,
        freeze: () => process.kill(pid, 'SIGSTOP'),
        thaw() {
          process.kill(pid, 'SIGCONT');
          // nsenter stops with the program that it started.
          child.kill('SIGCONT');
        },
      };
    },
    close: () => room.close(),
    [Symbol.asyncDispose]: () => room.close(),
  };
}

/** True when something takes connections there. */
export function accepts(where: { readonly path: string } | { readonly port: number }): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', ...where });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}

/** What the test driver's only domain is, by Ballonet. `last_update` is left out where a driver makes it up. */
export async function seenByBallonet(uri: string, options: ConnectOptions = {}): Promise<unknown> {
  return withConnection(uri, options, async hypervisor => {
    const seen = [];
    for (const domain of await hypervisor.domains()) {
      const stats = await domain.memoryStats();
      seen.push({
        name: domain.name,
        uuid: domain.uuid,
        stats: Object.fromEntries(stats.map(({ tag, value }) => [memoryStatName(tag) ?? tag, value])),
      });
    }
    return seen;
  });
}

/** The same by virsh. */
export async function seenByVirsh(uri: string, ...options: string[]): Promise<unknown> {
  const virsh = (...args: string[]): Promise<string> => run('virsh', ['-q', ...options, '-c', uri, ...args]);
  const seen = [];
  for (const name of lines(await virsh('list', '--all', '--name'))) {
    const uuid = (await virsh('domuuid', name)).trim();
    const stats = lines(await virsh('dommemstat', name)).map(line => line.split(' '));
    seen.push({
      name,
      uuid,
      stats: Object.fromEntries(stats.map(([key, value]) => [key ?? '', Number(value)])),
    });
  }
  return seen;
}

export async function withConnection<T>(
  uri: string,
  options: ConnectOptions,
  use: (hypervisor: Hypervisor) => Promise<T>,
): Promise<T> {
  const hypervisor = await connectHypervisor(uri, options);
  try {
    return await use(hypervisor);
  } finally {
    await hypervisor.close();
  }
}

/** The error of a connection that must fail, or of the first thing asked. */
export async function refusalOf(uri: string, options: ConnectOptions = {}): Promise<unknown> {
  const error: unknown = await seenByBallonet(uri, options).then(
    seen => {
      throw new Error(`${uri} shows ${JSON.stringify(seen)}`);
    },
    (reason: unknown) => reason,
  );
  return error;
}

function lines(text: string): string[] {
  return text.split('\n').filter(line => line.trim() !== '');
}
