import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childrenOf, run, startTime, until } from './process.ts';
import { requireLab } from './requirements.ts';

/** A copy of this machine with a systemd of its own, for what changes a whole system. It is gone with `close()`. */
export interface Machine {
  /** Runs a shell script in it as root and gives what it writes. @throws Error with what it said, when it fails */
  sh(script: string): Promise<string>;
  /** As `sh`, for scripts that may fail. */
  try(script: string): Promise<{ readonly code: number; readonly text: string }>;
  close(): Promise<void>;
}

/**
 * Boots it. Its files are this machine's, which stay as they are: what is written goes to memory.
 *
 * @param packages files that lie in its /mnt/deb, by their name there
 * @throws Error that says what is missing, or with the console when it does not boot
 */
export async function startMachine(packages: Readonly<Record<string, string>>): Promise<Machine> {
  requireLab();
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-lab-'));
  await writeFile(join(folder, 'owner'), `${process.pid} ${startTime(process.pid)}`);
  for (const name of ['disk', 'deb']) await mkdir(join(folder, name));
  for (const [name, file] of Object.entries(packages)) await copyFile(file, join(folder, 'deb', name));
  const script = fileURLToPath(new URL('machine.sh', import.meta.url));
  const namespaces = ['--mount', '--pid', '--fork', '--mount-proc', '--propagation', 'private'];
  const child = spawn('/usr/bin/unshare', [...namespaces, '--', '/bin/bash', script, folder], {
    detached: true,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let said = '';
  child.stdout.on('data', chunk => {
    said += String(chunk);
  });

  async function close(): Promise<void> {
    child.stdin.end();
    await ended;
    await rm(folder, { recursive: true, force: true });
  }

  const enter = async (script: string) => {
    const target = ['--target', String(await systemdUnder(child.pid ?? 0)), '--all'];
    const command = [
      '/usr/bin/env',
      '-i',
      `PATH=${PATH}`,
      'DEBIAN_FRONTEND=noninteractive',
      'LC_ALL=C.UTF-8',
    ];
    const wrapped = `cd / && { ${script}\n} 2>&1`;
    return run('/usr/bin/nsenter', [...target, '--', ...command, '/bin/sh', '-ec', wrapped]);
  };

  const machine: Machine = {
    sh: enter,
    async try(script) {
      const text = await enter(`code=0; ( set -e; ${script}\n) || code=$?; echo "code $code"`);
      const [, code] = /code (\d+)\n$/.exec(text) ?? [];
      return { code: Number(code), text: text.slice(0, text.lastIndexOf('code ')) };
    },
    close,
  };
  try {
    await until("The lab's machine", 60, async () => {
      if (child.exitCode !== null) throw new Error(`The lab's machine ended: ${said}`);
      if ((await systemdUnder(child.pid ?? 0)) === undefined) return false;
      return (await enter('systemctl is-active basic.target || true')).trim() === 'active';
    });
    return machine;
  } catch (cause) {
    const console = await readFile(join(folder, 'console'), 'utf8').catch(() => '');
    await close();
    throw new Error(`The lab's machine does not boot: ${said}${console}`, { cause });
  }
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The first process of the container: unshare, its script, systemd-nspawn, systemd. */
async function systemdUnder(pid: number): Promise<number | undefined> {
  for (const child of childrenOf(pid)) {
    const program = await readlink(`/proc/${child}/exe`).catch(() => '');
    if (program.endsWith('/systemd')) return child;
    const deeper = await systemdUnder(child);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}
