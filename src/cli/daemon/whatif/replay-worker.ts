/** The thread that replays: started for one job, ends with its answer. */
import { workerData } from 'node:worker_threads';
import { answerWith } from '../job-thread.ts';
import { type ReplayJob, runReplayJob } from './replay-job.ts';

const job: ReplayJob = workerData;
await answerWith(() => runReplayJob(job, () => performance.now()));
