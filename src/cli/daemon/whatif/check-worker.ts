/** The thread that checks policies: started for one job, ends with its answer. */
import { workerData } from 'node:worker_threads';
import { answerWith } from '../job-thread.ts';
import { type CheckJob, runCheckJob } from './check-job.ts';

const job: CheckJob = workerData;
await answerWith(() => runCheckJob(job));
