/** Explanations beside the loop: what would move a guest takes hundreds of decisions, and seconds where there are many guests. */
import { Worker } from 'node:worker_threads';
import { BallonetError } from '../../model/errors.ts';
import { type Explained, type ExplainJob, runExplainJob } from './explain-job.ts';

/** Longer than anybody waits; then the explanation comes without what would move the guest. */
const DEADLINE_MS = 10_000;
/** They are done one after the other, so that they take one core at most. */
const WAITING_MAX = 4;

export interface Explainer {
  /** @throws BallonetError REQUEST_LIMITED when too many wait */
  explain(job: Omit<ExplainJob, 'search'>): Promise<Explained>;
  close(): void;
}

export function createExplainer(): Explainer {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();
  const closing = new AbortController();
  return {
    async explain(job) {
      if (waiting >= WAITING_MAX)
        throw new BallonetError(
          'REQUEST_LIMITED',
          'other explanations are being worked out: ask again in a moment',
        );
      waiting += 1;
      const turn = last.then(() => inThread({ ...job, search: true }, closing.signal));
      last = turn.catch(() => {});
      try {
        return (await turn) ?? runExplainJob({ ...job, search: false });
      } finally {
        waiting -= 1;
      }
    },
    close: () => closing.abort(),
  };
}

/** Undefined when it took too long. */
function inThread(job: ExplainJob, closing: AbortSignal): Promise<Explained | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./explain-worker.js', import.meta.url), { workerData: job });
    const end = (): void => {
      clearTimeout(deadline);
      closing.removeEventListener('abort', end);
      resolve(undefined);
      worker.terminate().catch(reject);
    };
    const deadline = setTimeout(end, DEADLINE_MS);
    closing.addEventListener('abort', end);
    worker.once('message', (explained: Explained) => resolve(explained));
    worker.once('error', reject);
    worker.once('exit', end);
  });
}
