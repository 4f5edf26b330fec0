/** How small a host can be under a controller before something goes wrong on it. */
import { QEMU_OVERHEAD } from '../hypervisor/simulated/scenario.ts';
import { type Bytes, MiB, type Ratio } from '../model/units.ts';
import type { ControllerFactory } from './controller.ts';
import { type Progress, runSimulation } from './run.ts';
import type { Simulation } from './scenario/generate.ts';
import type { Tally } from './tally.ts';

/** Room beyond the sum of all maxima, so that a controller's own reserve does not count as the host being short. */
const AMPLE: Ratio = 1.5;

export interface HostSearch {
  /** The search ends when it knows the smallest host to this share of it. */
  readonly precision: Ratio;
  /** Share of their time that guests may lose. */
  readonly stallLimit: Ratio;
  /** A host on which nobody could do without harm, where one is known: the search begins there. */
  readonly above?: Bytes;
}

/** What `density` means wherever nothing else is said. */
export const DENSITY_SEARCH: HostSearch = { precision: 0.01, stallLimit: 0.001 };

/** True when nothing went wrong: no overrun, no OOM kill, and hardly any of the guests' time lost. */
function isHarmless(
  { hostOverrunSeconds, oomKills, stallSeconds, guestSeconds }: Tally,
  { stallLimit }: HostSearch,
): boolean {
  return hostOverrunSeconds === 0 && oomKills === 0 && stallSeconds <= stallLimit * guestSeconds;
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
 * The smallest host on which the controller does no harm, by bisection of its logarithm; undefined when even an ample host does
 * not help.
 *
 * @param own what came of it on the scenario's own host
 */
export async function smallestHost(
  simulation: Simulation,
  create: ControllerFactory,
  search: HostSearch,
  own: Tally,
  progress: Progress = () => {},
): Promise<Bytes | undefined> {
  const { guests, host } = simulation.scenario;
  const { overhead } = host;
  // More time than this is never lost harmlessly, however long the rest goes well.
  const bearable = search.stallLimit * guests.length * (simulation.seconds - simulation.settleSeconds);
  const harmless = async (memory: Bytes) => {
    const { tally } = await runSimulation(onHost(simulation, memory), create, {
      abandon: ({ hostOverrunSeconds, oomKills, stallSeconds }) =>
        hostOverrunSeconds > 0 || oomKills > 0 || stallSeconds > bearable,
    });
    return isHarmless(tally, search);
  };
  const processes = guests.reduce((sum, guest) => sum + (guest.overhead ?? QEMU_OVERHEAD), 0);
  const ample = AMPLE * (sumOfMaxima(simulation) + overhead + processes);
  const fits = isHarmless(own, search);
  let good = fits ? host.memory : ample;
  let bad = search.above ?? overhead + processes;
  const span = Math.log(good / bad);
  if (!fits && !(await harmless(good))) return undefined;
  while (good / bad > 1 + search.precision) {
    progress(1 - Math.log(good / bad) / span);
    const middle = Math.round(Math.sqrt(good * bad) / MiB) * MiB;
    if (await harmless(middle)) good = middle;
    else bad = middle;
  }
  return good;
}
