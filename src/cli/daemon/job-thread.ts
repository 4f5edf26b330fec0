/** Work beside the loop, one job after the other, so that all of it takes one core at most. */
import { parentPort, Worker } from 'node:worker_threads';
import { BallonetError, type ErrorCode, isBallonetError } from '../../model/errors.ts';

/** Jobs that wait or are worked at; one more is refused. */
const WAITING_MAX = 4;

/** A policy that is hostile must not take the host's memory: it is the daemon's thread that ends then. */
const LIMITS = { maxOldGenerationSizeMb: 512 };

/** An error's code does not come through the end of a thread by itself. */
type Posted<Answer> =
  | { readonly answer: Answer }
  | { readonly refused: { readonly code: ErrorCode; readonly message: string } };

/** Does the job of a thread and posts what came of it. */
export async function answerWith(work: () => unknown): Promise<void> {
  try {
    parentPort?.postMessage({ answer: await work() });
  } catch (error) {
    if (!isBallonetError(error)) throw error;
    parentPort?.postMessage({ refused: { code: error.code, message: error.message } });
  }
}

export interface JobThreads {
  /**
   * Does a job in a thread of its own.
   *
   * @param worker a module that answers to `workerData` with `answerWith`
   * @returns undefined when it took longer than `milliseconds`, or the daemon ends
   * @throws BallonetError REQUEST_LIMITED when too many wait; what the job threw
   */
  run<Answer>(worker: URL, job: object, milliseconds: number): Promise<Answer | undefined>;
  close(): void;
}

export function createJobThreads(): JobThreads {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  const closing = new AbortController();
  return {
    async run<Answer>(worker: URL, job: object, milliseconds: number) {
      if (waiting >= WAITING_MAX)
        throw new BallonetError(
          'REQUEST_LIMITED',
          'other questions are being worked out: ask again in a moment',
        );
      waiting += 1;
      const turn = last.then(() => inThread<Answer>(worker, job, milliseconds, closing.signal));
      last = turn.catch(() => {});
      try {
        return await turn;
      } finally {
        waiting -= 1;
      }
    },
    close: () => closing.abort(),
  };
}

function inThread<Answer>(
  url: URL,
  job: object,
  milliseconds: number,
  closing: AbortSignal,
): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(url, { workerData: job, resourceLimits: LIMITS });
    const end = (): void => {
      clearTimeout(deadline);
      closing.removeEventListener('abort', end);
      resolve(undefined);
      worker.terminate().catch(reject);
    };
    const deadline = setTimeout(end, milliseconds);
    closing.addEventListener('abort', end);
    worker.once('message', (posted: Posted<Answer>) => {
      if ('answer' in posted) resolve(posted.answer);
      else reject(new BallonetError(posted.refused.code, posted.refused.message));
    });
    worker.once('error', reject);
    worker.once('exit', end);
  });
}
