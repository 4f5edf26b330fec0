import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { childrenOf, run, until } from './process.ts';
import type { Room } from './room.ts';

const DAEMON = '/usr/sbin/libvirtd';
const EMULATOR = '/usr/bin/qemu-system-x86_64';
const QEMU_DRIVER = '/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so';

const DAEMON_CONFIG = `auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_group = "root"
unix_sock_ro_perms = "0777"
unix_sock_rw_perms = "0770"
`;

// The room is the isolation: what libvirt would add (cgroups, devices, users, labels) needs a whole host for itself.
const QEMU_CONFIG = `user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
`;

/** The lab's libvirtd. Guests live on while it is dead, and it finds them when it is back. */
export interface Libvirtd {
  /** The host's process number, undefined while it does not run. */
  pid(): number | undefined;
  /** Starts it and waits until it answers. */
  start(): Promise<void>;
  /** Sends it a signal and waits for its end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Stops it for a while without an end: it holds its sockets and answers nobody. */
  freeze(): void;
  thaw(): void;
}

/** Lays out the folders that the room binds over libvirt's own. `abilities` is a cached probe of QEMU. */
export async function layOut(folder: string, abilities: string): Promise<void> {
  for (const name of ['etc', 'run', 'lib', 'log', 'cache/qemu', 'drivers', 'agent', 'guests']) {
    await mkdir(join(folder, name), { recursive: true });
  }
  await writeFile(join(folder, 'etc/libvirtd.conf'), DAEMON_CONFIG);
  await writeFile(join(folder, 'etc/qemu.conf'), QEMU_CONFIG);
  // Only the QEMU driver: the others would look after the host's networks, storage and devices.
  await symlink(QEMU_DRIVER, join(folder, 'drivers/libvirt_driver_qemu.so'));
  await cp(abilities, join(folder, 'cache/qemu/capabilities'), { recursive: true }).catch(() => undefined);
}

/** Where the abilities of this QEMU, as seen by this libvirt through this wrapper, are kept. */
export async function abilitiesFolder(cache: string, qemuWrapper: string): Promise<string> {
  const hash = createHash('sha256');
  for (const path of [DAEMON, EMULATOR, qemuWrapper]) {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    hash.update(`${path} ${ino} ${size} ${mtimeMs} ${ctimeMs}\n`);
  }
  return join(cache, `abilities-${hash.digest('hex').slice(0, 16)}`);
}

/** Keeps the probe of a finished start for the next lab, which saves it 1.5 s. */
export async function keepAbilities(folder: string, abilities: string): Promise<void> {
  const probed = join(folder, 'cache/qemu/capabilities');
  if (
    await stat(abilities).then(
      () => true,
      () => false,
    )
  )
    return;
  if ((await readdir(probed).catch(() => [])).length === 0) return;
  const copy = `${abilities}.${process.pid}`;
  await cp(probed, copy, { recursive: true });
  await rename(copy, abilities).catch(() => undefined);
}

/** Puts the wrapper into the cache, where its file keeps the times that libvirt's probe is bound to. */
export async function installWrapper(cache: string): Promise<string> {
  const script = await readFile(new URL('qemu-wrapper.sh', import.meta.url));
  const path = join(cache, `qemu-${createHash('sha256').update(script).digest('hex').slice(0, 16)}`);
  if (
    await stat(path).then(
      () => true,
      () => false,
    )
  )
    return path;
  await mkdir(cache, { recursive: true });
  const copy = `${path}.${process.pid}`;
  await writeFile(copy, script, { mode: 0o755 });
  chmodSync(copy, 0o755);
  await rename(copy, path);
  return path;
}

export function createLibvirtd(room: Room, folder: string, uri: string): Libvirtd {
  const log = join(folder, 'log/libvirtd.log');
  let entered: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();

  function pid(): number | undefined {
    return entered?.pid === undefined ? undefined : childrenOf(entered.pid)[0];
  }

  function signal(name: NodeJS.Signals): void {
    const target = pid();
    if (target === undefined) throw new Error("The lab's libvirtd does not run.");
    process.kill(target, name);
  }

  return {
    pid,
    async start() {
      if (entered) throw new Error("The lab's libvirtd runs already.");
      const child = room.enter([DAEMON], log, { LIBVIRT_DRIVER_DIR: join(folder, 'drivers') });
      entered = child;
      ended = new Promise(resolve => {
        child.once('exit', () => {
          entered = undefined;
          resolve();
        });
      });
      await until('libvirtd answers', 30, async () => {
        if (!entered) throw new Error(`libvirtd ended: ${await readFile(log, 'utf8')}`);
        return run('virsh', ['-c', uri, 'uri'], { deadlineSeconds: 30 }).catch(() => undefined);
      });
    },
    async kill(name = 'SIGTERM') {
      signal(name);
      await ended;
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => {
      signal('SIGCONT');
      // nsenter stops with the program that it started, and then does not see its end.
      entered?.kill('SIGCONT');
    },
  };
}
