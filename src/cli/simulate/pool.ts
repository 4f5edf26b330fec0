/** Runs jobs over the machine's processors. */
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { BallonetError } from '../../model/errors.ts';
import { type Job, type JobResult, runJob } from './job.ts';
import type { Answer, Order } from './worker.ts';

/** Told how far a job is, 0 to 1. */
export type JobProgress = (index: number, share: number) => void;

/**
 * Does jobs and gives their results in their order, whichever is done first. The first failure ends all.
 *
 * @throws BallonetError of `runJob`
 */
export type JobRunner = (jobs: readonly Job[], progress?: JobProgress) => Promise<JobResult[]>;

/** @param threads for the jobs that `use` has run; 1: they are run in this one */
export async function withThreads<T>(threads: number, use: (run: JobRunner) => Promise<T>): Promise<T> {
  if (threads <= 1) return use(inThisThread);
  const filename = new URL('./worker.js', import.meta.url).href;
  const pool = new Piscina<Order, Answer>({ filename, name: 'work', minThreads: 1, maxThreads: threads });
  try {
    return await use((jobs, progress) => Promise.all(jobs.map((job, i) => inThread(pool, job, i, progress))));
  } finally {
    await pool.destroy();
  }
}

async function inThisThread(jobs: readonly Job[], progress: JobProgress = () => {}): Promise<JobResult[]> {
  const results: JobResult[] = [];
  for (const [index, job] of jobs.entries()) {
    results.push(await runJob(job, share => progress(index, share)));
    progress(index, 1);
  }
  return results;
}

async function inThread(
  pool: Piscina<Order, Answer>,
  job: Job,
  index: number,
  progress: JobProgress = () => {},
): Promise<JobResult> {
  const { port1, port2 } = new MessageChannel();
  port1.on('message', (share: number) => progress(index, share));
  try {
    const answer = await pool.run({ job, port: port2 }, { transferList: [port2] });
    if ('result' in answer) {
      progress(index, 1);
      return answer.result;
    }
    const { code, message } = answer.failure;
    throw code === undefined ? new Error(message) : new BallonetError(code, message);
  } finally {
    port1.close();
  }
}
