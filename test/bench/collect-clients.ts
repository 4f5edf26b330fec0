/** The clients as processes: what they need, and a line for each job out and each answer back. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** What the collections of one job came to; times in milliseconds. */
export interface Answer {
  readonly domains: number;
  readonly figures: number;
  readonly sum: number;
  /** Of all collections together. */
  readonly cpu: number;
  /** Of each collection. */
  readonly wall: readonly number[];
}

/** Milliseconds for which the event loop did not serve a timer, and the most CPU time used in one such gap. */
export interface Block {
  readonly longest: number;
  readonly longestCpu: number;
}

export interface Client {
  readonly name: string;
  /** Gives it a job and waits for the answer: an `Answer`, or a `Block` for the job `block`. */
  ask(mode: string, repetitions: number): Promise<unknown>;
  close(): Promise<void>;
}

/** What the benchmark runs, and the Debian package that brings it. */
const FILES: Readonly<Record<string, string>> = {
  '/usr/bin/gcc': 'gcc',
  '/usr/include/stdio.h': 'libc6-dev',
  '/usr/include/libvirt/libvirt.h': 'libvirt-dev',
  '/usr/sbin/libvirtd': 'libvirt-daemon',
  '/usr/lib/python3/dist-packages/libvirt.py': 'python3-libvirt',
  '/usr/bin/setpriv': 'util-linux',
};

/** @throws Error that names the Debian packages that are missing */
export function requirePackages(): void {
  const missing = Object.entries(FILES).filter(([path]) => !existsSync(path));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))].join(' ');
  const paths = missing.map(([path]) => path).join(', ');
  throw new Error(
    `The benchmark misses ${paths}: as root, apt-get install --no-install-recommends ${packages}`,
  );
}

export function startClient(name: string, command: string, args: readonly string[]): Client {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<void>(resolve => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  // A client that is gone is told of by the missing answer.
  child.stdin.on('error', () => {});
  return {
    name,
    async ask(mode, repetitions) {
      child.stdin.write(`${mode} ${repetitions}\n`);
      const line = await lines.next();
      if (line.done) throw new Error(`the client ${name} ended without an answer to '${mode}'`);
      const answer: unknown = JSON.parse(line.value);
      return answer;
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
