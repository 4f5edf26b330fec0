/** What a simulation keeps must not grow with the time that it simulates: a week of two hundred guests is 24 million guest-ticks. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { MiB } from '../../model/units.ts';
import { loadPolicySet, requirePolicySet } from '../../policy/load.ts';
import { policyController } from '../../simulator/policy-controller.ts';
import { runSimulation } from '../../simulator/run.ts';
import { hostPolicyFiles } from '../policy-files.ts';
import { openSimulation } from './open.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** The second half of the run is 86 thousand guest-ticks: twelve bytes of each, less than any object takes, would be this much. */
const GROWTH_MAX = MiB;

it('keeps no more after twelve hours of simulated time than after six', { timeout: 120_000 }, async () => {
  const fleet = openSimulation('scenarios/diurnal-fleet.yaml');
  const scenario = { ...fleet.scenario, guests: fleet.scenario.guests.slice(0, 20) };
  const simulation = { ...fleet, scenario, seconds: 12 * 3600, settleSeconds: 0 };
  const set = requirePolicySet(loadPolicySet(['policies/standard.yaml'], hostPolicyFiles));
  const heaps: number[] = [];
  await runSimulation(simulation, bench => policyController(bench, set), {
    progress: share => {
      if (share < 0.5 + heaps.length * 0.24) return;
      collectGarbage();
      heaps.push(process.memoryUsage().heapUsed);
    },
  });
  const [half = Number.NaN, ...later] = heaps;

  expect(later).toHaveLength(2);
  // The least of those after: what the engine keeps for itself comes and goes.
  expect(Math.min(...later) - half).toBeLessThan(GROWTH_MAX);
});
