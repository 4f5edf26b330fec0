/** `ballonet run` as a process of its own, and the lines it logs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Bytes, KiB, type Seconds } from '../../src/model/units.ts';
import { until } from './process.ts';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
const PROBE = new URL('../soak/probe.mjs', import.meta.url).href;
/** A collection of all garbage takes a while on a busy machine. */
const PROBE_SECONDS = 60;

type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** What its memory is after a collection of all garbage. */
export interface Footprint {
  readonly heapBytes: Bytes;
  readonly residentBytes: Bytes;
}

export interface Daemon extends AsyncDisposable {
  readonly pid: number;
  /** False when it has ended, whoever ended it. */
  readonly runs: boolean;
  /** Of one that was started `probed`; sets its wall clock first where seconds are given. */
  footprint(stepSeconds?: Seconds): Promise<Footprint>;
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
  /** With test/soak/probe.mjs in it. */
  readonly probed?: boolean;
}

let count = 0;

/** Starts it, and waits until it runs. @throws Error with what it said instead. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { uri, policy, folder, args = [], probed = false } = options;
  count += 1;
  const file = join(folder, `policy-${count}.yaml`);
  await writeFile(file, policy);
  // A folder of its own: tests of what outlives a daemon say so by giving one.
  const state = args.includes('--state') ? [] : ['--state', join(folder, `state-${count}`)];
  const socket = args.includes('--socket') ? [] : ['--socket', join(folder, `api-${count}.sock`)];
  const preload = probed ? ['--expose-gc', '--import', PROBE] : [];
  const command = [BALLONET, '-c', uri, 'run', '--policy', file, ...state, ...socket, ...args];
  const child = spawn(process.execPath, [...preload, ...command], {
    stdio: ['ignore', 'ignore', 'pipe', ...(probed ? (['ipc'] as const) : [])],
  });
  if (child.stderr === null || child.pid === undefined) throw new Error('the daemon did not start');
  const lines: LogLine[] = [];
  createInterface({ input: child.stderr }).on('line', line => lines.push(parse(line)));
  const ended = new Promise<number | null>(resolve => child.once('close', code => resolve(code)));

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (running(child)) child.kill(signal);
    return ended;
  }

  let asked = 0;
  async function footprint(stepSeconds?: Seconds): Promise<Footprint> {
    asked += 1;
    const id = asked;
    child.send({ id, stepSeconds });
    const signal = AbortSignal.timeout(PROBE_SECONDS * 1000);
    for (;;) {
      const [answer] = await once(child, 'message', { signal });
      if (answer.id === id)
        return { heapBytes: answer.heapBytes, residentBytes: await residentOf(child.pid) };
    }
  }

  const daemon: Daemon = {
    pid: child.pid,
    get runs() {
      return running(child);
    },
    footprint,
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
  await daemon.hears('ballonet runs', 90);
  return daemon;
}

async function residentOf(pid: number | undefined): Promise<Bytes> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * KiB;
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
