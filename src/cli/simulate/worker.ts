/** What a thread of the pool does with one job. */
import type { MessagePort } from 'node:worker_threads';
import { type ErrorCode, errorMessage, isBallonetError } from '../../model/errors.ts';
import { type Job, type JobResult, runJob } from './job.ts';

export interface Order {
  readonly job: Job;
  /** Is told how far the job is, 0 to 1. */
  readonly port: MessagePort;
}

/** Errors lose their class on the way to another thread. */
export type Answer =
  | { readonly result: JobResult }
  | { readonly failure: { readonly code: ErrorCode | undefined; readonly message: string } };

export async function work({ job, port }: Order): Promise<Answer> {
  try {
    return { result: await runJob(job, share => port.postMessage(share)) };
  } catch (error) {
    const code = isBallonetError(error) ? error.code : undefined;
    return { failure: { code, message: errorMessage(error) } };
  } finally {
    port.close();
  }
}
