import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface RunOptions {
  /** The command is killed after this time. 60 s unless told. */
  readonly deadlineSeconds?: number;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a command and gives its stdout. A failure carries the command line and what it said on stderr. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { deadlineSeconds = 60, cwd, env = process.env } = options;
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd, env, timeout: deadlineSeconds * 1000, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const why = error.killed ? `no end within ${deadlineSeconds} s` : stderr.trim() || error.message;
        reject(new Error(`${command} ${args.join(' ')}: ${why}`, { cause: error }));
      },
    );
  });
}

function sleep(seconds: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, seconds * 1000);
  });
}

/**
 * Polls until `probe` gives a value that is neither undefined nor false. Errors of the probe end the wait.
 *
 * @throws Error that names `what` when `deadlineSeconds` have passed.
 */
export async function until<T>(
  what: string,
  deadlineSeconds: number,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  everySeconds = 0.05,
): Promise<T> {
  const end = performance.now() + deadlineSeconds * 1000;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() >= end) throw new Error(`${what}: not within ${deadlineSeconds} s`);
    await sleep(everySeconds);
  }
}

/** The start time of a process in clock ticks since boot (field 22 of /proc/PID/stat), undefined when it is gone. */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command in parentheses may hold blanks and parentheses; the fields after it do not.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Children of a process, as /proc tells them. Empty when it is gone. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Every process of the process namespace that `member` lives in, with its number there and its command line. */
export function namespaceProcesses(member: number): { pid: number; pidInside: number; command: string }[] {
  const namespace = readlinkSync(`/proc/${member}/ns/pid`);
  const found = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (readlinkSync(`/proc/${entry}/ns/pid`) !== namespace) continue;
      const numbers =
        /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${entry}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      found.push({ pid: Number(entry), pidInside: Number(numbers.at(-1)), command });
    } catch {
      // The process ended while it was looked at.
    }
  }
  return found;
}
