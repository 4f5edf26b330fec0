/** Explanations beside the loop: what would move a guest takes hundreds of decisions, and seconds where there are many guests. */
import { type Explained, type ExplainJob, runExplainJob } from './explain-job.ts';
import type { JobThreads } from './job-thread.ts';

/** Longer than anybody waits; then the explanation comes without what would move the guest. */
const DEADLINE_MS = 10_000;

const WORKER = new URL('./explain-worker.js', import.meta.url);

/** @throws BallonetError REQUEST_LIMITED when too many jobs wait */
export async function explainInThread(
  threads: JobThreads,
  job: Omit<ExplainJob, 'search'>,
): Promise<Explained> {
  const explained = await threads.run<Explained>(WORKER, { ...job, search: true }, DEADLINE_MS);
  return explained ?? runExplainJob({ ...job, search: false });
}
