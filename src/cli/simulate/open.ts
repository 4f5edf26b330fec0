import type { Simulation } from '../../simulator/scenario/generate.ts';
import { loadScenario, requireScenario, simulationOf } from '../../simulator/scenario/load.ts';
import { hostScenarioFiles } from './files.ts';

/** The simulation of a scenario file. @throws BallonetError SCENARIO_INVALID, TRACE_INVALID */
export function openSimulation(file: string, seed?: number): Simulation {
  const source = requireScenario(loadScenario(file, hostScenarioFiles));
  return simulationOf(source, hostScenarioFiles, seed);
}
