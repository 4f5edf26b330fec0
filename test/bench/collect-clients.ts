/** The clients as processes: what they need, and a line for each job out and each answer back. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const answer = z.object({
  domains: z.number(),
  figures: z.number(),
  sum: z.number(),
  /** Of all collections together. */
  cpu: z.number(),
  /** Of each collection. */
  wall: z.array(z.number()),
});
const block = z.object({ longest: z.number(), longestOwn: z.number() });

/** What the collections of one job came to; times in milliseconds. */
export type Answer = z.infer<typeof answer>;

/** Milliseconds for which the event loop did not serve a timer, and the longest such time without the part in which others had the processor. */
export type Block = z.infer<typeof block>;

export interface Client {
  readonly name: string;
  /** Has it collect so many times. @throws Error when it ends without an answer */
  ask(mode: string, repetitions: number): Promise<Answer>;
  /** Has our client collect while it watches its event loop. @throws Error as `ask` */
  watch(repetitions: number): Promise<Block>;
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
export function requirePackages(has: (path: string) => boolean = existsSync): void {
  const missing = Object.entries(FILES).filter(([path]) => !has(path));
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
  const send = async (mode: string, repetitions: number): Promise<unknown> => {
    child.stdin.write(`${mode} ${repetitions}\n`);
    const line = await lines.next();
    if (line.done) throw new Error(`the client ${name} ended without an answer to '${mode}'`);
    return JSON.parse(line.value);
  };
  return {
    name,
    ask: async (mode, repetitions) => answer.parse(await send(mode, repetitions)),
    watch: async repetitions => block.parse(await send('block', repetitions)),
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
