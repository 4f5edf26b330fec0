import type { PolicyReading } from '../../policy/load.ts';
import type { PolicySet } from '../../policy/policy-set.ts';

/** A set to be tried, and where it was read from. */
export interface ShadowSet {
  readonly path: string;
  readonly set: PolicySet;
  /** What it was made from. */
  readonly reading: PolicyReading;
}
