/** A compiled policy set for tests of what runs it. */

import { GiB, MiB } from '../../src/model/units.ts';
import type { Expression, PolicySet } from '../../src/policy/policy-set.ts';

const SOURCE = { file: 'test.yaml', line: 1, column: 1 };

export function expression<T>(evaluate: Expression<T>['evaluate']): Expression<T> {
  return { text: 'test', source: SOURCE, evaluate };
}

/** One host policy that enforces, and one guest policy for all: shrinks to 1 GiB in steps of a quarter whenever it may. */
export const POLICIES: PolicySet = {
  host: {
    name: 'test',
    description: undefined,
    source: SOURCE,
    mode: 'enforce',
    intervalSeconds: 1,
    memory: { kind: 'auto' },
    reserve: { bytes: GiB, ratio: 0, select: 'max' },
    staleAfterSeconds: 10,
    pressure: [{ name: 'soft', when: expression(() => true), forSeconds: 0, keepForSeconds: 0 }],
    onExit: 'hold',
    surplus: 'keep',
    limits: { reclaimRate: undefined, concurrentMoves: undefined, guestsPerTick: undefined },
    yieldForSeconds: undefined,
  },
  guests: [
    {
      name: 'all',
      description: undefined,
      source: SOURCE,
      mode: 'enforce',
      timezone: 'UTC',
      precedence: 100,
      mismatch: () => undefined,
      guarantees: { min: { bytes: 256 * MiB }, max: { ratio: 1 }, reserve: 64 * MiB },
      estimate: { windowSeconds: 60, quantile: 0.95, growthSeconds: 0 },
      variables: [],
      target: expression(() => GiB),
      priority: 100,
      shares: 100,
      idleTax: 0.75,
      tolerance: { ratio: 0, bytes: 0 },
      stabilizationSeconds: 0,
      vetoes: [],
      relief: undefined,
      layers: [],
      shrink: {
        at: new Set(['soft']),
        stepMax: { ratio: 0.25 },
        stepMin: 0,
        rate: undefined,
        cooldownSeconds: 0,
      },
      grow: {
        at: new Set(['none', 'soft']),
        stepMax: { ratio: 1 },
        stepMin: 0,
        rate: undefined,
        cooldownSeconds: 0,
      },
    },
  ],
};
