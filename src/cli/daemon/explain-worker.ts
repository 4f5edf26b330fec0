/** The thread that explains: started for one job, ends with its answer. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ExplainJob, runExplainJob } from './explain-job.ts';

const job: ExplainJob = workerData;
parentPort?.postMessage(runExplainJob(job));
