import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../src/model/units.ts';
import { decide } from '../../src/policy/decide.ts';
import type { PolicyState } from '../../src/policy/state.ts';
import { decodeState, encodeState } from '../../src/policy/state-json.ts';
import { expression, guestPolicy, hostPolicy, levelBelow, policySet } from '../../src/policy/testing.ts';
import { type Plant, runPlant, type Step } from './plant.ts';

const SECONDS = 120;

/** Everything that the state remembers instants of is in force: levels, cooldowns, rates, windows, vetoes, limits. */
const POLICIES = policySet(
  [
    guestPolicy({
      estimate: { windowSeconds: 30, quantile: 0.9, growthSeconds: 2 },
      stabilizationSeconds: 10,
      tolerance: { ratio: 0.02, bytes: 16 * MiB },
      shrink: { stepMax: { ratio: 0.2 }, stepMin: 32 * MiB, rate: 64 * MiB, cooldownSeconds: 5 },
      grow: { cooldownSeconds: 2 },
      vetoes: [
        {
          name: 'busy',
          when: expression<boolean>(({ guest }) => (guest?.used ?? 0) > 1.5 * GiB),
          holdSeconds: 7,
        },
      ],
    }),
  ],
  hostPolicy({
    pressure: [levelBelow('hard', 0.1, 3, 10), levelBelow('soft', 0.4, 2, 20)],
    limits: { reclaimRate: 32 * MiB, concurrentMoves: 2, guestsPerTick: undefined },
    yieldForSeconds: 30,
  }),
);

const PLANT: Plant = {
  total: 6 * GiB,
  others: GiB,
  guests: [0, 1, 2].map(i => ({
    uuid: `guest-${i}`,
    max: 4 * GiB,
    start: 2 * GiB,
    kernel: 64 * MiB,
    speed: (i === 2 ? 8 : 512) * MiB,
    period: 1 + i,
    use: at => (0.5 + 0.45 * Math.sin((at + 20 * i) / 9)) * 2 * GiB,
  })),
};

describe('a state that was written and read', () => {
  const steps: Step[] = [];
  runPlant(PLANT, POLICIES, SECONDS, step => steps.push(step));

  it.each([0, 64, -4096])(
    'on a monotonic clock that stands %s s off leads to the same decisions',
    shift => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: SECONDS - 2 }), from => {
          let state = reread(steps[from]?.before, shift);
          for (const { at, snapshot, tick } of steps.slice(from)) {
            const now = { monotonic: at + shift, wall: 1e9 + at };
            const again = decide(state, snapshot, POLICIES, now);
            expect(JSON.stringify(again.decisions)).toBe(JSON.stringify(tick.decisions));
            state = again.state;
          }
        }),
        { numRuns: 30 },
      );
      expect(steps.some(({ tick }) => tick.decisions.some(({ action }) => action === 'shrink'))).toBe(true);
    },
    30_000,
  );
});

function reread(state: PolicyState | undefined, shift: number): PolicyState {
  if (state === undefined) throw new Error('there is no such step');
  const read = decodeState(JSON.parse(JSON.stringify(encodeState(state))), shift);
  if ('problem' in read) throw new Error(read.problem);
  return read;
}
