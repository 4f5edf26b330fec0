/** How small a host can be under a controller before something goes wrong on it. */
import { QEMU_OVERHEAD } from '../hypervisor/simulated/scenario.ts';
import { type Bytes, MiB, type Ratio } from '../model/units.ts';
import type { ControllerFactory } from './controller.ts';
import { type Progress, runSimulation } from './run.ts';
import type { Simulation } from './scenario/generate.ts';
import type { Tally } from './tally.ts';

/** The search ends when it knows the smallest host to this share of it. */
const PRECISION: Ratio = 0.01;
/** Guests may lose this share of their time. */
const STALL_LIMIT: Ratio = 0.001;
/** Room beyond the sum of all maxima, so that a controller's own reserve does not count as the host being short. */
const AMPLE: Ratio = 1.5;

/** True when nothing went wrong: no overrun, no OOM kill, at most a thousandth of the guests' time lost. */
function isHarmless({ hostOverrunSeconds, oomKills, stallSeconds, guestSeconds }: Tally): boolean {
  return hostOverrunSeconds === 0 && oomKills === 0 && stallSeconds <= STALL_LIMIT * guestSeconds;
}

/** The simulation on a host of another size. */
function onHost(simulation: Simulation, memory: Bytes): Simulation {
  const { scenario } = simulation;
  return { ...simulation, scenario: { ...scenario, host: { ...scenario.host, memory } } };
}

/** Memory that the guests could use together. */
export function sumOfMaxima({ scenario }: Simulation): Bytes {
  return scenario.guests.reduce((sum, { maximum }) => sum + maximum, 0);
}

/**
 * The smallest host on which the controller does no harm, to 1 %, by bisection of its logarithm; undefined when even an ample
 * host does not help.
 */
export async function smallestHost(
  simulation: Simulation,
  create: ControllerFactory,
  progress: Progress = () => {},
): Promise<Bytes | undefined> {
  const { overhead } = simulation.scenario.host;
  const { length } = simulation.scenario.guests;
  const harmless = async (memory: Bytes) =>
    isHarmless((await runSimulation(onHost(simulation, memory), create)).tally);
  let good = AMPLE * (sumOfMaxima(simulation) + overhead + length * QEMU_OVERHEAD);
  let bad = overhead + length * QEMU_OVERHEAD;
  const span = Math.log(good / bad);
  if (!(await harmless(good))) return undefined;
  while (good / bad > 1 + PRECISION) {
    progress(1 - Math.log(good / bad) / span);
    const middle = Math.round(Math.sqrt(good * bad) / MiB) * MiB;
    if (await harmless(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
