import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childrenOf, namespaceProcesses, until } from './process.ts';

/** A mount, network and process namespace in which libvirtd and its guests live, and with which they die. */
export interface Room {
  /** Starts a program in the room; it is the grandchild, not the child, of this process (see `childrenOf`). */
  enter(command: readonly string[], logFile: string, env: Readonly<Record<string, string>>): ChildProcess;
  /** The host's number of the process that is number `pidInside` within the room. */
  hostPid(pidInside: number): number | undefined;
  /** Kills all that is in the room and removes the lab's folder. Also happens by itself when this process dies. */
  close(): Promise<void>;
}

/** `shared` leaves the room in the machine's network, so that servers in it can be reached on loopback. */
type Network = 'own' | 'shared';

/**
 * Opens the room over the lab's folder.
 *
 * @throws Error with what `unshare` or the room's first process says, if the namespaces are not to be had.
 */
export async function openRoom(folder: string, qemuWrapper: string, network: Network = 'own'): Promise<Room> {
  const logFile = join(folder, 'log', 'room.log');
  const log = openSync(logFile, 'a');
  const script = fileURLToPath(new URL('room.sh', import.meta.url));
  const net = network === 'own' ? ['--net'] : [];
  const namespaces = ['--mount', ...net, '--pid', '--fork', '--mount-proc', '--propagation', 'private'];
  const child = spawn('/usr/bin/unshare', [...namespaces, '--', '/bin/bash', script, folder, qemuWrapper], {
    // Its own session: a signal to the test's process group must not take the room before it has tidied up.
    detached: true,
    stdio: ['pipe', 'pipe', log],
  });
  closeSync(log);
  const ended = new Promise<void>(resolve => {
    child.once('exit', () => resolve());
  });
  await answer(child, logFile);
  const init = childrenOf(child.pid ?? 0)[0];
  if (init === undefined) throw new Error("The lab's room ended as soon as it was open.");
  unref(child);
  const inside = new Set<ChildProcess>();

  return {
    enter(command, file, env) {
      const output = openSync(file, 'a');
      const target = ['--target', String(init), '--mount', ...net, '--pid'];
      const entered = spawn('/usr/bin/nsenter', [...target, '--', ...command], {
        detached: true,
        env: { ...process.env, ...env },
        stdio: ['ignore', output, output],
      });
      closeSync(output);
      entered.unref();
      inside.add(entered);
      entered.once('exit', () => inside.delete(entered));
      return entered;
    },
    hostPid: pidInside => namespaceProcesses(init).find(process => process.pidInside === pidInside)?.pid,
    async close() {
      // One whose program a test has stopped has stopped too, and would leave a dead program that the room waits for.
      for (const entered of inside) entered.kill('SIGCONT');
      child.stdin?.end();
      child.ref();
      const gone = await Promise.race([ended.then(() => true), timeout(20)]);
      if (gone) return;
      // The kernel kills a process namespace with its first process.
      process.kill(init, 'SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answer(child: ChildProcess, logFile: string): Promise<void> {
  let said = '';
  let failure: Error | undefined;
  let over = false;
  child.stdout?.on('data', chunk => {
    said += String(chunk);
  });
  child.once('error', error => {
    failure = error;
  });
  child.once('close', () => {
    over = true;
  });
  await until("The lab's room", 15, () => said.includes('ready\n') || failure !== undefined || over, 0.01);
  if (said.includes('ready\n')) return;
  const errors = await readFile(logFile, 'utf8').catch(() => '');
  throw new Error(`The lab cannot have its own namespaces: ${said} ${errors}`.trim(), { cause: failure });
}

/** Lets a forgetful script end: its end closes the pipe, and that ends the room. */
function unref(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout]) {
    if (stream && 'unref' in stream && typeof stream.unref === 'function') stream.unref();
  }
}

function timeout(seconds: number): Promise<false> {
  return new Promise(resolve => {
    setTimeout(() => resolve(false), seconds * 1000).unref();
  });
}
