/** A program whose standard input and output are the connection. */
import type { ChildProcessByStdio } from 'node:child_process';
import { spawn } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { BallonetError, errorMessage, systemCode } from '../../model/errors.ts';
import { KiB } from '../../model/units.ts';

/** What the end of a program is known by. */
interface ProcessEnd {
  readonly command: string;
  /** Its exit status, or the signal that it died of. */
  readonly how: string;
  readonly status: number | null;
  /** The last that it said on stderr, made one line of printable characters. */
  readonly said: string;
  /** Something had come from it, so the far end had been reached. */
  readonly answered: boolean;
}

/** Tells what an end means; undefined for the usual: it could not be reached, or the connection ended. */
export type ExplainEnd = (end: ProcessEnd) => BallonetError | undefined;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const STDERR_KEPT_BYTES = 4 * KiB;
/** Between the exit and the end of the pipes; a background process that the program leaves can hold them open. */
const PIPES_TIMEOUT_MS = 250;
/** Between SIGTERM and SIGKILL. */
const KILL_TIMEOUT_MS = 1000;

/**
 * Starts a program, without a shell. It ends with the stream.
 *
 * @throws BallonetError HYPERVISOR_UNREACHABLE when it cannot be started
 */
export function connectProcess(
  command: string,
  args: readonly string[],
  explain: ExplainEnd,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      const why = systemCode(error) === 'ENOENT' ? 'there is no such program' : errorMessage(error);
      reject(
        new BallonetError('HYPERVISOR_UNREACHABLE', `cannot run '${command}': ${why}`, { cause: error }),
      );
    };
    let child: Child;
    try {
      child = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    } catch (error) {
      fail(error);
      return;
    }
    // It has no pipes before this event, if the process has no file descriptors left.
    child.once('spawn', () => resolve(new ProcessStream(child, command, explain)));
    // Also told when a signal cannot be sent; only the first error finds somebody who waits.
    child.on('error', fail);
  });
}

class ProcessStream extends Duplex {
  readonly #child: Child;
  readonly #command: string;
  readonly #explain: ExplainEnd;
  #stderr = Buffer.alloc(0);
  #answered = false;
  #over = false;

  constructor(child: Child, command: string, explain: ExplainEnd) {
    super();
    this.#child = child;
    this.#command = command;
    this.#explain = explain;
    child.stdout.on('data', (chunk: Buffer) => {
      this.#answered = true;
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = Buffer.concat([this.#stderr, chunk]).subarray(-STDERR_KEPT_BYTES);
    });
    // A broken pipe says less than the exit status and stderr, which come right after it.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on('error', () => {});
    child.once('exit', (status, signal) => {
      this.#over = true;
      const finish = (): void => {
        clearTimeout(timer);
        this.destroy(this.#failure(status, signal));
      };
      const timer = setTimeout(finish, PIPES_TIMEOUT_MS);
      child.once('close', finish);
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const child = this.#child;
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
    if (!this.#over) {
      child.kill();
      const timer = setTimeout(() => child.kill('SIGKILL'), KILL_TIMEOUT_MS);
      timer.unref();
      child.once('exit', () => clearTimeout(timer));
    }
    done(error);
  }

  #failure(status: number | null, signal: NodeJS.Signals | null): BallonetError {
    const how = signal === null ? `exit status ${status}` : `signal ${signal}`;
    const said = oneLine(this.#stderr);
    const command = this.#command;
    const answered = this.#answered;
    return (
      this.#explain({ command, how, status, said, answered }) ??
      new BallonetError(
        answered ? 'HYPERVISOR_CLOSED' : 'HYPERVISOR_UNREACHABLE',
        `'${command}' ended with ${how}${said === '' ? '' : `: ${said}`}`,
      )
    );
  }
}

/** The far end writes to stderr too, and must not get its control characters to a terminal by way of an error. */
function oneLine(bytes: Buffer): string {
  return bytes
    .toString('utf8')
    .replace(/[\p{C}\p{Z}\uFFFD]+/gu, ' ')
    .trim();
}
