/** Which policy is for which guest. */
import type { Instant } from '../model/clock.ts';
import type { GuestSample } from '../model/snapshot.ts';
import { type Layered, layeredPolicy } from './layers.ts';
import type { GuestMatch, GuestPolicy, PolicySet } from './policy-set.ts';

/** What a policy was chosen for: all that one can match by. */
interface Chosen {
  readonly name: string;
  readonly title: string | undefined;
  readonly tags: GuestMatch['tags'] | undefined;
  readonly os: string | undefined;
  readonly max: number | undefined;
  readonly policy: GuestPolicy | undefined;
}

// A set may have hundreds of policies, and what they match by hardly ever changes. By uuid.
const choices = new WeakMap<PolicySet, Map<string, Chosen>>();

/** Guests that have gone are forgotten with all others when there are so many. */
const CHOICES_MAX = 20_000;

/** The policy of highest precedence that matches, as it is written; undefined for an unmanaged guest. */
export function governingPolicy(policies: PolicySet, sample: GuestSample): GuestPolicy | undefined {
  let chosen = choices.get(policies);
  if (chosen === undefined || chosen.size > CHOICES_MAX) {
    chosen = new Map();
    choices.set(policies, chosen);
  }
  const before = chosen.get(sample.uuid);
  if (before !== undefined && isStill(before, sample)) return before.policy;
  const choice = choose(policies, sample);
  chosen.set(sample.uuid, choice);
  return choice.policy;
}

function choose({ guests }: PolicySet, sample: GuestSample): Chosen {
  const policy = guests.find(candidate => candidate.mismatch(sample) === undefined);
  const { name, title, tags, os, readings } = sample;
  return { name, title, tags, os, max: readings.max.value, policy };
}

function isStill(chosen: Chosen, { name, title, tags, os, readings }: GuestSample): boolean {
  return (
    chosen.name === name &&
    chosen.tags === tags &&
    chosen.max === readings.max.value &&
    chosen.title === title &&
    chosen.os === os
  );
}

/**
 * The governing policy with what is laid over it now.
 *
 * @param now - whose wall clock schedules and exceptions go by
 */
export function governing(
  policies: PolicySet,
  sample: GuestSample,
  now: Pick<Instant, 'wall'>,
): Layered | typeof UNMANAGED {
  const policy = governingPolicy(policies, sample);
  return policy === undefined ? UNMANAGED : layeredPolicy(policy, sample, now);
}

const UNMANAGED = { policy: undefined, layers: [] } as const;
