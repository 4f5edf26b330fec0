/** A compiled policy set for tests of what runs it. */
import { GiB, MiB } from '../../src/model/units.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import { expression, guestPolicy, hostPolicy, policySet } from '../../src/policy/testing.ts';

/** One host policy that enforces, and one guest policy for all: shrinks to 1 GiB in steps of a quarter whenever it may. */
export const POLICIES: PolicySet = policySet(
  [
    guestPolicy({
      name: 'all',
      guarantees: { min: { bytes: 256 * MiB }, max: { ratio: 1 }, reserve: 64 * MiB },
      target: expression(() => GiB),
      shrink: { at: new Set(['soft']), stepMax: { ratio: 0.25 } },
      grow: { at: new Set(['none', 'soft']) },
    }),
  ],
  hostPolicy({
    name: 'test',
    reserve: { bytes: GiB, ratio: 0, select: 'max' },
    pressure: [{ name: 'soft', when: expression(() => true), forSeconds: 0, keepForSeconds: 0 }],
  }),
);
