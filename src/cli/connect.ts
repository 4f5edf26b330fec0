import { connectWith, REAL_DRIVERS } from '../hypervisor/connect.ts';
import type { ConnectOptions, Hypervisor } from '../hypervisor/driver.ts';
import { createSimulatedDriver, type FindScenario } from '../hypervisor/simulated/hypervisor.ts';
import { scenarioFile } from './simulate/find.ts';
import { openSimulation } from './simulate/open.ts';

/** Scenarios by their names and files, for `sim:` URIs. */
export const findScenario: FindScenario = (name, seed) => openSimulation(scenarioFile(name), seed);

/** The driver table; the first driver that accepts a URI is the one for it. */
const DRIVERS = [createSimulatedDriver(findScenario), ...REAL_DRIVERS];

/**
 * Opens a connection to the hypervisor that `uri` names.
 *
 * @throws BallonetError URI_INVALID, SCENARIO_INVALID, TRACE_INVALID, HYPERVISOR_UNREACHABLE, HYPERVISOR_DENIED,
 *   HYPERVISOR_TIMEOUT
 */
export async function connect(uri: string, options: ConnectOptions = {}): Promise<Hypervisor> {
  return connectWith(DRIVERS, uri, options);
}
