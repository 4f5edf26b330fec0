/**
 * How fast a scenario is worked out, and whether its memory stays flat.
 *
 *   npm run bench -- simulate [--hours 12,48] [--controllers static,mom,oracle,standard]
 *
 * How to read it:
 * - The scenario is diurnal-fleet: 200 guests, a tick of 5 s. A guest-tick is one guest for one tick: its model, what it reports,
 *   and what its controller thinks of it. A baseline with a longer interval thinks less often; its guests still go tick by tick.
 * - `CPU` counts the whole process, garbage collection included; it does not count what other processes took of the machine.
 * - `heap` is what is still in use at the end, after a collection where node was started with --expose-gc.
 *
 * No time is asserted.
 */
import { parseArgs } from 'node:util';
import { hostPolicyFiles } from '../../src/cli/policy-files.ts';
import { openSimulation } from '../../src/cli/simulate/open.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import type { ControllerFactory } from '../../src/simulator/controller.ts';
import { BASELINES, isBaseline } from '../../src/simulator/controllers.ts';
import { policyController } from '../../src/simulator/policy-controller.ts';
import { runSimulation } from '../../src/simulator/run.ts';

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '12,48' },
    controllers: { type: 'string', default: 'static,mom,oracle,standard' },
  },
});

function factoryOf(name: string): ControllerFactory {
  if (isBaseline(name)) return BASELINES[name];
  const set = requirePolicySet(loadPolicySet([`policies/${name}.yaml`], hostPolicyFiles));
  return bench => policyController(bench, set);
}

const fleet = openSimulation('scenarios/diurnal-fleet.yaml');
console.log('controller   hours  guest-ticks   wall s    CPU s   guest-ticks per CPU s   heap MiB');
for (const name of values.controllers.split(',')) {
  for (const hours of values.hours.split(',').map(Number)) {
    const simulation = { ...fleet, seconds: hours * 3600, settleSeconds: 0 };
    const ticks = (fleet.scenario.guests.length * simulation.seconds) / fleet.intervalSeconds;
    const [started, before] = [performance.now(), process.cpuUsage()];
    await runSimulation(simulation, factoryOf(name));
    const { user, system } = process.cpuUsage(before);
    const cpu = (user + system) / 1e6;
    globalThis.gc?.();
    console.log(
      [
        name.padEnd(11),
        String(hours).padStart(6),
        ticks.toLocaleString('en').padStart(12),
        ((performance.now() - started) / 1000).toFixed(1).padStart(8),
        cpu.toFixed(1).padStart(8),
        Math.round(ticks / cpu)
          .toLocaleString('en')
          .padStart(23),
        (process.memoryUsage().heapUsed / 1024 ** 2).toFixed(0).padStart(10),
      ].join(' '),
    );
  }
}
