/**
 * How fast a scenario is worked out, where the time goes, and whether memory stays flat.
 *
 *   npm run bench -- simulate [--hours 12,48] [--controllers static,mom,oracle,standard]
 *
 * How to read it:
 * - The scenario is diurnal-fleet: 200 guests, a tick of 5 s. A guest-tick is one guest for one tick: its model, what it reports,
 *   and what its controller thinks of it. A baseline with a longer interval thinks less often; its guests still go tick by tick.
 * - `CPU` counts the whole process, garbage collection included, by hundredths of the run; it does not count what other processes
 *   took of the machine. `µs` is a guest-tick in the tenth of them that was disturbed least, `usual` in the middle one.
 * - `ratio` is that against the least that a controller can do for one guest (test/bench/decide-reference.ts), measured in the same
 *   process before and after: it holds from machine to machine, and on one that is busy.
 * - The last columns are shares of the samples of V8's profiler in a run of their own: the guests' model, the collectors, `decide()`,
 *   garbage collection, and all the rest.
 * - `heap` is what was in use at a tenth, at half and at the end of the run, each after a collection.
 *
 * No time is asserted.
 */
import { Session } from 'node:inspector/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { hostPolicyFiles } from '../../src/cli/policy-files.ts';
import { openSimulation } from '../../src/cli/simulate/open.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import type { ControllerFactory } from '../../src/simulator/controller.ts';
import { BASELINES, isBaseline } from '../../src/simulator/controllers.ts';
import { policyController } from '../../src/simulator/policy-controller.ts';
import { runSimulation } from '../../src/simulator/run.ts';
import type { Simulation } from '../../src/simulator/scenario/generate.ts';
import { createReference } from './decide-reference.ts';
import { createWorld } from './decide-world.ts';

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '12,48' },
    controllers: { type: 'string', default: 'static,mom,oracle,standard' },
  },
});

/** Hours of the run that is profiled. */
const PROFILED = 2;
const ROOMS = ['hypervisor', 'collectors', 'policy', 'collection'] as const;

type Room = (typeof ROOMS)[number];

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function factoryOf(name: string): ControllerFactory {
  if (isBaseline(name)) return BASELINES[name];
  const set = requirePolicySet(loadPolicySet([`policies/${name}.yaml`], hostPolicyFiles));
  return (bench, listen) => policyController(bench, set, listen);
}

function quantile(values: readonly number[], share: number): number {
  const ranked = values.toSorted((a, b) => a - b);
  return ranked[Math.floor(share * (ranked.length - 1))] ?? Number.NaN;
}

/** Microseconds that the least controller takes for a guest, in the tenth of its ticks that was disturbed least. */
function referenceCost(): number {
  const guests = fleet.scenario.guests.length;
  const world = createWorld(guests);
  const reference = createReference(guests);
  const costs: number[] = [];
  for (let tick = 0; tick < 2000; tick++) {
    const snapshot = world.next();
    const started = performance.now();
    reference.tick(snapshot, tick * 5);
    if (tick >= 1000) costs.push(((performance.now() - started) * 1000) / guests);
  }
  return quantile(costs, 0.1);
}

interface Measured {
  /** Microseconds a guest-tick, by parts of the run. */
  readonly costs: readonly number[];
  readonly heaps: readonly number[];
  readonly cpuSeconds: number;
}

async function measured(
  simulation: Simulation,
  factory: ControllerFactory,
  ticks: number,
): Promise<Measured> {
  const costs: number[] = [];
  const heaps: number[] = [];
  let cpuSeconds = 0;
  let last = 0;
  let before = process.cpuUsage();
  await runSimulation(simulation, factory, {
    progress: share => {
      const { user, system } = process.cpuUsage(before);
      costs.push((user + system) / ((share - last) * ticks));
      cpuSeconds += (user + system) / 1e6;
      if ([0.1, 0.5, 0.95].some(mark => last < mark && share >= mark)) {
        collectGarbage();
        heaps.push(process.memoryUsage().heapUsed / 1024 ** 2);
      }
      last = share;
      before = process.cpuUsage();
    },
  });
  return { costs, heaps, cpuSeconds };
}

function roomOf(functionName: string, url: string): Room | undefined {
  if (functionName === '(garbage collector)') return 'collection';
  return ROOMS.find(room => url.includes(`/src/${room}/`));
}

/** Shares of a run's time by room. */
async function profiled(simulation: Simulation, factory: ControllerFactory): Promise<readonly number[]> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await runSimulation(simulation, factory);
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  const shares = new Map<Room | undefined, number>();
  let all = 0;
  for (const { callFrame, hitCount = 0 } of profile.nodes) {
    const room = roomOf(callFrame.functionName, callFrame.url);
    shares.set(room, (shares.get(room) ?? 0) + hitCount);
    all += hitCount;
  }
  return [...ROOMS, undefined].map(room => (shares.get(room) ?? 0) / all);
}

const fleet = openSimulation('scenarios/diurnal-fleet.yaml');
console.log(
  'controller   hours  guest-ticks   CPU s      µs   usual  a second    ratio  heap MiB        model collect decide garbage rest',
);
for (const name of values.controllers.split(',')) {
  const factory = factoryOf(name);
  const shares = await profiled({ ...fleet, seconds: PROFILED * 3600, settleSeconds: 0 }, factory);
  for (const hours of values.hours.split(',').map(Number)) {
    const simulation = { ...fleet, seconds: hours * 3600, settleSeconds: 0 };
    const ticks = (fleet.scenario.guests.length * simulation.seconds) / fleet.intervalSeconds;
    const first = referenceCost();
    const { costs, heaps, cpuSeconds } = await measured(simulation, factory, ticks);
    const reference = Math.min(first, referenceCost());
    const cost = quantile(costs, 0.1);
    console.log(
      [
        name.padEnd(11),
        String(hours).padStart(6),
        ticks.toLocaleString('en').padStart(12),
        cpuSeconds.toFixed(1).padStart(7),
        cost.toFixed(2).padStart(7),
        quantile(costs, 0.5).toFixed(2).padStart(7),
        Math.round(1e6 / cost)
          .toLocaleString('en')
          .padStart(9),
        (cost / reference).toFixed(1).padStart(8),
        ' ',
        heaps
          .map(heap => heap.toFixed(0))
          .join(' ')
          .padEnd(14),
        ...shares.map(share => `${Math.round(100 * share)} %`.padStart(6)),
      ].join(' '),
    );
  }
}
