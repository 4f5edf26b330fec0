/** A thread that does the jobs that it is given, one after another. */
import { parentPort } from 'node:worker_threads';
import { type ErrorCode, errorMessage, isBallonetError } from '../../model/errors.ts';
import { type Job, type JobResult, runJob } from './job.ts';

export interface Order {
  readonly index: number;
  readonly job: Job;
}

/** Errors lose their class on the way to another thread. */
export interface Failure {
  readonly code: ErrorCode | undefined;
  readonly message: string;
}

export type Answer =
  | { readonly index: number; readonly share: number }
  | { readonly index: number; readonly result: JobResult }
  | { readonly index: number; readonly failure: Failure };

function answer(message: Answer): void {
  parentPort?.postMessage(message);
}

parentPort?.on('message', ({ index, job }: Order) => {
  runJob(job, share => answer({ index, share })).then(
    result => answer({ index, result }),
    (error: unknown) => {
      const code = isBallonetError(error) ? error.code : undefined;
      answer({ index, failure: { code, message: errorMessage(error) } });
    },
  );
});
