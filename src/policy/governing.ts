/** Which policy is for which guest. */
import type { GuestSample } from '../model/snapshot.ts';
import type { Seconds } from '../model/units.ts';
import { type Layered, layeredPolicy } from './layers.ts';
import type { GuestPolicy, PolicySet } from './policy-set.ts';

/** The policy of highest precedence that matches, as it is written; undefined for an unmanaged guest. */
export function governingPolicy(policies: PolicySet, sample: GuestSample): GuestPolicy | undefined {
  return policies.guests.find(candidate => candidate.mismatch(sample) === undefined);
}

/**
 * The governing policy with what is laid over it now.
 *
 * @param wall - Unix time
 */
export function governing(
  policies: PolicySet,
  sample: GuestSample,
  wall: Seconds,
): Layered | { readonly policy: undefined } {
  const policy = governingPolicy(policies, sample);
  return policy === undefined ? { policy } : layeredPolicy(policy, sample, wall);
}
