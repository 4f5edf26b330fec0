/** One run as data, so that it can be handed to another thread. */
import type { Bytes } from '../../model/units.ts';
import { loadPolicySet, requirePolicySet } from '../../policy/load.ts';
import type { ControllerFactory } from '../../simulator/controller.ts';
import { BASELINES, type BaselineName } from '../../simulator/controllers.ts';
import { smallestHost } from '../../simulator/density.ts';
import { policyController } from '../../simulator/policy-controller.ts';
import { type Progress, type Run, runSimulation } from '../../simulator/run.ts';
import { hostPolicyFiles } from '../policy-files.ts';
import { openSimulation } from './open.ts';

export type ControllerSpec =
  | { readonly kind: 'baseline'; readonly name: BaselineName }
  /** A policy set, by its files and folders. */
  | { readonly kind: 'policy'; readonly paths: readonly string[] };

export interface Job {
  readonly scenarioFile: string;
  /** Instead of the scenario's own. */
  readonly seed?: number | undefined;
  readonly controller: ControllerSpec;
  /** Look for the smallest host too. */
  readonly density: boolean;
  /** Keep what a report needs. */
  readonly record: boolean;
}

export interface JobResult {
  readonly run: Run;
  /** Missing where it was not asked for or there is none. */
  readonly minHostBytes?: Bytes;
}

/** @throws BallonetError SCENARIO_INVALID, TRACE_INVALID, POLICY_INVALID, POLICY_UNREADABLE, SIMULATION_BROKEN */
export async function runJob(job: Job, progress: Progress = () => {}): Promise<JobResult> {
  const simulation = openSimulation(job.scenarioFile, job.seed);
  const factory = factoryOf(job.controller);
  // The search is about ten runs.
  const part = job.density ? 0.1 : 1;
  const run = await runSimulation(simulation, factory, {
    record: job.record,
    progress: share => progress(part * share),
  });
  if (!job.density) return { run };
  const minHostBytes = await smallestHost(simulation, factory, share => progress(part + (1 - part) * share));
  return minHostBytes === undefined ? { run } : { run, minHostBytes };
}

function factoryOf(controller: ControllerSpec): ControllerFactory {
  if (controller.kind === 'baseline') return BASELINES[controller.name];
  const set = requirePolicySet(loadPolicySet(controller.paths, hostPolicyFiles));
  return (bench, listen) => policyController(bench, set, listen);
}
