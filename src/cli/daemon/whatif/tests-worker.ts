/** The thread that runs policy tests: started for one job, ends with its answer. */
import { workerData } from 'node:worker_threads';
import { answerWith } from '../job-thread.ts';
import { type CheckJob, runTestsJob } from './check-job.ts';

const job: CheckJob = workerData;
await answerWith(() => runTestsJob(job.texts));
