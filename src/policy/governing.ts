/** Which policy is for which guest. */
import type { Instant } from '../model/clock.ts';
import { Roster } from '../model/roster.ts';
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
  /** The policy as it is in force whatever the time; undefined where layers may be laid over it. */
  readonly always: Governing | undefined;
}

/** A policy with the layers over it, or none. */
export type Governing = Layered | typeof UNMANAGED;

/** What was chosen under one policy set, by uuid: a set may have hundreds of policies, and what they match by hardly ever changes. */
type Choices = Roster<Chosen>;

const choices = new WeakMap<PolicySet, Choices>();

/** Guests that have gone are forgotten with all others when there are so many. */
const CHOICES_MAX = 20_000;

/** What has been chosen under a policy set: asked for once a tick, not once a guest. */
export function choicesOf(policies: PolicySet): Choices {
  const known = choices.get(policies);
  if (known !== undefined && known.size <= CHOICES_MAX) return known;
  const none: Choices = new Roster();
  choices.set(policies, none);
  return none;
}

/** The policy of highest precedence that matches, as it is written; undefined for an unmanaged guest. */
export function governingPolicy(policies: PolicySet, sample: GuestSample): GuestPolicy | undefined {
  return chosenFor(policies, sample, choicesOf(policies)).policy;
}

function chosenFor(policies: PolicySet, sample: GuestSample, chosen: Choices, place = 0): Chosen {
  const before = chosen.at(sample.uuid, place);
  if (before !== undefined && isStill(before, sample)) return before;
  const choice = choose(policies, sample);
  chosen.set(sample.uuid, choice);
  return choice;
}

function choose({ guests }: PolicySet, sample: GuestSample): Chosen {
  const policy = guests.find(candidate => candidate.mismatch(sample) === undefined);
  const { name, title, tags, os, readings } = sample;
  return { name, title, tags, os, max: readings.max.value, policy, always: alwaysOf(policy) };
}

function alwaysOf(policy: GuestPolicy | undefined): Governing | undefined {
  if (policy === undefined) return UNMANAGED;
  return policy.layers.length === 0 ? { policy, layers: policy.layers } : undefined;
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
 * @param chosen - where the set's choices are kept
 * @param place - of the guest in its snapshot
 */
export function governing(
  policies: PolicySet,
  sample: GuestSample,
  now: Pick<Instant, 'wall'>,
  chosen = choicesOf(policies),
  place = 0,
): Governing {
  const { policy, always } = chosenFor(policies, sample, chosen, place);
  if (always !== undefined) return always;
  return policy === undefined ? UNMANAGED : layeredPolicy(policy, sample, now);
}

const UNMANAGED = { policy: undefined, layers: [] } as const;
