/** The thread that explains: started for one job, ends with its answer. */
import { workerData } from 'node:worker_threads';
import { type ExplainJob, runExplainJob } from './explain-job.ts';
import { answerWith } from './job-thread.ts';

const job: ExplainJob = workerData;
await answerWith(() => runExplainJob(job));
