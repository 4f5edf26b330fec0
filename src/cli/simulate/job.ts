/** One run as data, so that it can be handed to another thread. */
import type { Bytes } from '../../model/units.ts';
import { compileReading, readPolicyFiles, requirePolicySet } from '../../policy/load.ts';
import type { PolicySet } from '../../policy/policy-set.ts';
import type { ControllerFactory } from '../../simulator/controller.ts';
import { BASELINES, type BaselineName } from '../../simulator/controllers.ts';
import { type HostSearch, smallestHost } from '../../simulator/density.ts';
import { policyController } from '../../simulator/policy-controller.ts';
import { type Progress, type Run, runSimulation } from '../../simulator/run.ts';
import { type Setting, withSettings } from '../../simulator/tuning/settings.ts';
import { hostPolicyFiles } from '../policy-files.ts';
import { openSimulation } from './open.ts';

/** A policy set, by its files and folders, with some of its fields under other values. */
interface PolicySpec {
  readonly kind: 'policy';
  readonly paths: readonly string[];
  readonly settings?: readonly Setting[];
}

export type ControllerSpec = { readonly kind: 'baseline'; readonly name: BaselineName } | PolicySpec;

export interface Job {
  readonly scenarioFile: string;
  /** Instead of the scenario's own. */
  readonly seed?: number | undefined;
  readonly controller: ControllerSpec;
  /** How to look for the smallest host; missing: not at all. */
  readonly search?: HostSearch | undefined;
  /** Keep what a report needs. */
  readonly record?: boolean;
}

export interface JobResult {
  readonly run: Run;
  /** Missing where it was not asked for or there is none. */
  readonly minHostBytes?: Bytes;
}

/** @throws BallonetError SCENARIO_INVALID, TRACE_INVALID, USAGE, POLICY_INVALID, POLICY_UNREADABLE, SIMULATION_BROKEN */
export async function runJob(
  { scenarioFile, seed, controller, search, record = false }: Job,
  progress: Progress = () => {},
): Promise<JobResult> {
  const simulation = openSimulation(scenarioFile, seed);
  const factory = factoryOf(controller);
  // The search is about ten runs.
  const part = search ? 0.1 : 1;
  const run = await runSimulation(simulation, factory, {
    record,
    progress: share => progress(part * share),
  });
  if (search === undefined) return { run };
  const minHostBytes = await smallestHost(simulation, factory, search, run.tally, share =>
    progress(part + (1 - part) * share),
  );
  return minHostBytes === undefined ? { run } : { run, minHostBytes };
}

function factoryOf(controller: ControllerSpec): ControllerFactory {
  if (controller.kind === 'baseline') return BASELINES[controller.name];
  const set = policySetOf(controller);
  return (bench, listen) => policyController(bench, set, listen);
}

/** @throws BallonetError USAGE, POLICY_INVALID, POLICY_UNREADABLE */
export function policySetOf({ paths, settings = [] }: Omit<PolicySpec, 'kind'>): PolicySet {
  return requirePolicySet(compileReading(withSettings(readPolicyFiles(paths, hostPolicyFiles), settings)));
}
