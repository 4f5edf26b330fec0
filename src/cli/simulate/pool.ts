/** Runs jobs over the machine's processors. */
import { Worker } from 'node:worker_threads';
import { BallonetError } from '../../model/errors.ts';
import { type Job, type JobResult, runJob } from './job.ts';
import type { Answer, Failure, Order } from './worker.ts';

/** Told how far a job is, 0 to 1. */
export type JobProgress = (index: number, share: number) => void;

/**
 * Does all jobs and gives their results in their order, whichever is done first. The first failure ends all.
 *
 * @param threads 1: in this thread
 * @throws BallonetError of `runJob`
 */
export async function runJobs(
  jobs: readonly Job[],
  threads: number,
  progress: JobProgress = () => {},
): Promise<JobResult[]> {
  if (threads > 1 && jobs.length > 1) return inThreads(jobs, Math.min(threads, jobs.length), progress);
  const results: JobResult[] = [];
  for (const [index, job] of jobs.entries()) {
    results.push(await runJob(job, share => progress(index, share)));
    progress(index, 1);
  }
  return results;
}

async function inThreads(jobs: readonly Job[], threads: number, progress: JobProgress): Promise<JobResult[]> {
  const workers = Array.from({ length: threads }, () => new Worker(new URL('./worker.js', import.meta.url)));
  try {
    return await spread(jobs, workers, progress);
  } finally {
    await Promise.all(workers.map(worker => worker.terminate()));
  }
}

function spread(
  jobs: readonly Job[],
  workers: readonly Worker[],
  progress: JobProgress,
): Promise<JobResult[]> {
  const results = new Map<number, JobResult>();
  let next = 0;
  return new Promise((resolve, reject) => {
    const give = (worker: Worker): void => {
      const index = next++;
      const job = jobs[index];
      if (job !== undefined) worker.postMessage({ index, job } satisfies Order);
    };
    for (const worker of workers) {
      worker.on('message', (answer: Answer) => {
        if ('share' in answer) return progress(answer.index, answer.share);
        if ('failure' in answer) return reject(errorOf(answer.failure));
        results.set(answer.index, answer.result);
        progress(answer.index, 1);
        if (results.size < jobs.length) return give(worker);
        resolve(jobs.flatMap((_, index) => results.get(index) ?? []));
      });
      worker.on('error', reject);
      give(worker);
    }
  });
}

function errorOf({ code, message }: Failure): Error {
  return code === undefined ? new Error(message) : new BallonetError(code, message);
}
