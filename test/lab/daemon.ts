/** `ballonet run` as a process of its own, and the lines it logs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from './process.ts';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));

type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

export interface Daemon extends AsyncDisposable {
  readonly lines: readonly LogLine[];
  /** Lines with this `msg`, in their order. */
  said(msg: string): LogLine[];
  /** Waits until a line with this `msg`, for which `test` holds, has been logged after the first `after` lines. */
  hears(
    msg: string,
    deadlineSeconds: number,
    test?: (line: LogLine) => boolean,
    after?: number,
  ): Promise<LogLine>;
  /** Replaces its policy file; it does not know until it is told. */
  rewrite(policy: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Sends SIGTERM unless told otherwise and gives the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface DaemonOptions {
  readonly uri: string;
  /** YAML of the policy set. */
  readonly policy: string;
  /** Where the policy file goes; the lab's own folder. */
  readonly folder: string;
  readonly args?: readonly string[];
}

let count = 0;

/** Starts it, and waits until it runs. @throws Error with what it said instead. */
export async function startDaemon({ uri, policy, folder, args = [] }: DaemonOptions): Promise<Daemon> {
  count += 1;
  const file = join(folder, `policy-${count}.yaml`);
  await writeFile(file, policy);
  // A folder of its own: tests of what outlives a daemon say so by giving one.
  const state = args.includes('--state') ? [] : ['--state', join(folder, `state-${count}`)];
  const socket = args.includes('--socket') ? [] : ['--socket', join(folder, `api-${count}.sock`)];
  const child = spawn(BALLONET, ['-c', uri, 'run', '--policy', file, ...state, ...socket, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: LogLine[] = [];
  createInterface({ input: child.stderr }).on('line', line => lines.push(parse(line)));
  const ended = new Promise<number | null>(resolve => child.once('close', code => resolve(code)));

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (running(child)) child.kill(signal);
    return ended;
  }

  const daemon: Daemon = {
    lines,
    said: msg => lines.filter(line => line.msg === msg),
    hears: async (msg, deadlineSeconds, test = () => true, after = 0) => {
      const tail = () =>
        lines
          .slice(-8)
          .map(line => JSON.stringify(line))
          .join('\n');
      try {
        return await until(`the daemon says '${msg}'`, deadlineSeconds, () => {
          const line = lines.slice(after).find(candidate => candidate.msg === msg && test(candidate));
          if (!line && !running(child)) throw new Error('the daemon has ended');
          return line;
        });
      } catch (cause) {
        throw new Error(`${String(cause)}. What it said last:\n${tail()}`, { cause });
      }
    },
    rewrite: text => writeFile(file, text),
    signal: signal => void child.kill(signal),
    stop,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL');
    },
  };
  await daemon.hears('ballonet runs', 30);
  return daemon;
}

function running(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** What is not JSON is a crash: it is kept, so that a test that fails shows it. */
function parse(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
}
