/** The first half of a guest's decision: what it is, what it needs, what its policy asks for. Nothing here knows the other guests. */

import type { Instant } from '../model/clock.ts';
import type { ReasonCode } from '../model/decision.ts';
import { absoluteReserve } from '../model/floor.ts';
import { type GuestSample, trusted } from '../model/snapshot.ts';
import type { Bytes, Ratio, Seconds } from '../model/units.ts';
import { askPolicy, type ScopeWithVariables } from './ask-policy.ts';
import { isOwed } from './boot.ts';
import { hindranceOf, reportInputs } from './eligibility.ts';
import {
  type Correction,
  followUp,
  giveBackOf,
  isYielding,
  lastKnownSize,
  promisedBytes,
  rescueOf,
  withdrawalOf,
} from './follow-up.ts';
import { guestNames } from './names.ts';
import { learnNeeds, sizesOf } from './needs.ts';
import type { Pause } from './pauses.ts';
import { type GuestPolicy, type HostNames, type Layer, resolveAmount } from './policy-set.ts';
import { type Bar, type Care, care, conditionOf, protect } from './protect.ts';
import { highest, recommend } from './stabilize.ts';
import type { GuestMemory } from './state.ts';
import { newTrail, record, type Trail } from './trail.ts';
import { localTime } from './zone-time.ts';

/** Share of its reserve that a guest keeps in any case: enough that no shrink puts it near distress, which begins at a half. */
const KEPT_RESERVE: Ratio = 0.75;

/** What is known of every guest. */
interface Known {
  readonly sample: GuestSample;
  readonly memory: GuestMemory;
  readonly trail: Trail;
  /** What the guest may take up: its size, or the target of a growth that it has been offered. */
  readonly promised: Bytes;
  readonly correction: Correction | undefined;
}

/** A guest that this tick may move, with the limits of its own policy applied. */
export interface Movable extends Known {
  readonly kind: 'movable';
  readonly policy: GuestPolicy;
  readonly current: Bytes;
  readonly max: Bytes;
  readonly min: Bytes;
  /** Guaranteed maximum. */
  readonly ceiling: Bytes;
  /** Size under which the guest would lose memory it uses; at least `min`. */
  readonly floor: Bytes;
  /** Target of the policy within the guarantees, and not under what the guest has of its floor. */
  readonly desired: Bytes;
  readonly wanted: Bytes;
  readonly demand: Bytes;
  /** The policy's target as high as it has been within the stabilization window; at least `desired`. */
  readonly stable: Bytes;
  /** It has too little available, swaps out, or was harmed by a shrink: growth is urgent, and it never donates. */
  readonly distressed: boolean;
  /** What a growth of it is for. */
  readonly growth: Care['growth'];
  /** Why it is not shrunk, whoever asks for it. */
  readonly bar: Bar | undefined;
  /** Share of its size that the guest uses. */
  readonly active: Ratio;
}

/** A guest that stays as it is this tick, whatever the host needs. */
interface Held extends Known {
  readonly kind: 'held';
  readonly policy: GuestPolicy | undefined;
  readonly code: ReasonCode;
  /** Size that a guest which boots is to be given at once, as far as the host has it (H9, R8). */
  readonly restore: Bytes | undefined;
}

export type Assessment = Movable | Held;

export interface AssessInput {
  readonly sample: GuestSample;
  /** With its layers laid over it. */
  readonly policy: GuestPolicy | undefined;
  /** The layers that are in force. */
  readonly layers?: readonly Layer[];
  readonly memory: GuestMemory | undefined;
  readonly host: HostNames;
  /** How long a guest is left alone whose balloon somebody else has moved; undefined: nobody looks. */
  readonly yieldFor?: Seconds | undefined;
  /** The guest is new, and was not there at the first tick. */
  readonly appeared?: boolean;
  /** The operator's word that it be left alone, while that is in force. */
  readonly pause?: Pause | undefined;
  readonly now: Instant;
}

export function assess(input: AssessInput): Assessment {
  const { sample, policy, layers = [], host, now } = input;
  const trail = newTrail(sample.readings.current.value);
  const { memory, verdict } = followUp(sample, input.memory, now.monotonic, input);
  const promised = promisedBytes(lastKnownSize(sample, memory), memory, sample.readings.max.value);
  const withdrawal = withdrawalOf(sample, verdict);
  const known: Known = { sample, memory, trail, promised, correction: withdrawal };
  if (policy === undefined) {
    record(trail, 'eligibility', 'UNMANAGED', trail.value);
    return held(known, policy, 'UNMANAGED', memory);
  }
  if (input.pause !== undefined) {
    const { reason, by, until } = input.pause;
    const left = until === undefined ? {} : { seconds: until - now.wall };
    record(trail, 'eligibility', 'PAUSED', trail.value, { reason, by, ...left });
    return held(known, policy, 'PAUSED', memory);
  }
  for (const { kind, name, source, reason } of layers) {
    const inputs = { [kind]: name, ...(reason === undefined ? {} : { reason }) };
    record(trail, 'policy', kind === 'schedule' ? 'SCHEDULED' : 'EXCEPTED', trail.value, inputs, source);
  }
  if (isYielding(memory, now.monotonic)) {
    const seconds = (memory.yieldUntil ?? 0) - now.monotonic;
    record(trail, 'eligibility', 'FOREIGN_CHANGE', trail.value, { seconds });
    return held(known, policy, 'FOREIGN_CHANGE', memory);
  }
  const hindrance = hindranceOf(sample, memory);
  const sizes = hindrance === undefined ? sizesOf(sample, memory) : undefined;
  if (sizes === undefined) {
    const { stage, code } = hindrance ?? { stage: 'quality', code: 'STATS_SETTLING' };
    record(trail, stage, code, trail.value, reportInputs(sample));
    const enforced = policy.mode === 'enforce';
    const restore = stage === 'quality' && enforced ? restoreOf(sample, memory, policy) : undefined;
    const correction = code === 'INEFFECTIVE' && enforced ? giveBackOf(sample, promised) : withdrawal;
    return { ...held(known, policy, code, memory), correction, restore };
  }
  const { current, max, kernelBytes } = sizes;
  const { guarantees } = policy;
  const needs = learnNeeds(sample, memory, sizes, policy, now.monotonic);
  const { memory: learned, demand, usedRate, unreported } = needs;
  const seen = { used: sizes.used, kernelBytes, usedRate };
  record(trail, 'demand', 'DEMAND', demand, unreported > 0 ? { ...seen, unreported } : seen);

  const { min, ceiling } = boundsOf(policy, max);
  const condition = conditionOf(sample, guarantees.reserve, unreported);
  const scope: ScopeWithVariables = {
    host,
    guest: guestNames(sample, {
      need: sizes.used + kernelBytes,
      demand,
      usedRate,
      target: learned.target,
      condition,
    }),
    guarantees: { min, max: ceiling, reserve: guarantees.reserve },
    now: localTime(now.wall, policy.timezone),
    vars: {},
  };
  const wanted = askPolicy(policy, scope, trail);
  if (wanted === undefined) return held(known, policy, 'EXPRESSION_FAILED', learned);
  const bounded = Math.min(ceiling, Math.max(min, Math.ceil(wanted)));
  // H1, H3, H7 (R1): bursts are absolute, so what a guest keeps above its use is not a share of it.
  const spare = Math.max(absoluteReserve(max), KEPT_RESERVE * guarantees.reserve);
  const floor = Math.min(max, Math.max(min, Math.ceil(sizes.used + unreported + kernelBytes + spare)));
  // A guaranteed maximum keeps a guest from growing; what it uses already is not taken from it.
  const kept = Math.max(bounded, Math.min(floor, Math.max(ceiling, current)));
  const bound = kept > bounded ? 'GUARD_FLOOR' : boundOf(wanted, bounded);
  record(trail, 'guarantees', bound, kept, { min, max: ceiling, floor });

  const protection = protect(policy, scope, learned, now.monotonic);
  const situation = { sample, memory: learned, policy, current, max, ceiling, need: needs.need, condition };
  const { bar, desired, distressed, growth } = care(trail, protection, situation, kept, now.monotonic);
  const recommendations =
    policy.stabilizationSeconds > 0
      ? recommend(learned.recommendations, desired, current, policy.stabilizationSeconds, now.monotonic)
      : undefined;

  if (policy.mode === 'observe') {
    record(trail, 'restraint', 'OBSERVE_ONLY', current, { desired }, policy.source);
    const next = remembered(learned, protection.vetoed, recommendations);
    return { ...held(known, policy, 'OBSERVE_ONLY', next), correction: undefined };
  }
  return {
    kind: 'movable',
    sample,
    policy,
    memory: remembered(learned, protection.vetoed, recommendations),
    trail,
    promised,
    correction:
      withdrawal ??
      (learned.move &&
        rescueOf(learned.move, { current, max, floor, distressed, bar: bar?.yields ? undefined : bar })),
    current,
    max,
    min,
    ceiling,
    floor,
    desired,
    wanted,
    demand,
    stable: recommendations === undefined ? desired : Math.max(desired, highest(recommendations)),
    distressed,
    growth,
    bar,
    active: Math.min(1, (sizes.used + kernelBytes) / current),
  };
}

/** True for a guest that does not give, even to one in distress if that is `urgent`. */
export function isBarred({ bar }: Pick<Movable, 'bar'>, urgent: boolean): boolean {
  return bar !== undefined && !(urgent && bar.yields === true);
}

function held(
  { sample, trail, promised, correction }: Known,
  policy: GuestPolicy | undefined,
  code: ReasonCode,
  memory: GuestMemory,
): Held {
  return { kind: 'held', sample, policy, memory, trail, promised, code, correction, restore: undefined };
}

/** The guarantees in bytes. H8 (R7): a guest keeps its minimum, however idle it looks. */
function boundsOf({ guarantees }: GuestPolicy, max: Bytes): { readonly min: Bytes; readonly ceiling: Bytes } {
  const min = Math.min(max, Math.ceil(resolveAmount(guarantees.min, max)));
  return { min, ceiling: Math.min(max, Math.max(min, Math.floor(resolveAmount(guarantees.max, max)))) };
}

/** What a guest that boots is owed. Its size may be the old, inflated one that QEMU still gives. */
function restoreOf({ readings }: GuestSample, memory: GuestMemory, policy: GuestPolicy): Bytes | undefined {
  const max = trusted(readings.max);
  const size = readings.current.value;
  if (max === undefined || size === undefined) return undefined;
  const { ceiling } = boundsOf(policy, max);
  return isOwed(memory, size, ceiling) ? ceiling : undefined;
}

function boundOf(wanted: Bytes, bounded: Bytes): ReasonCode {
  if (bounded < wanted) return 'GUARANTEE_MAX';
  return bounded - wanted < 1 ? 'OK' : 'GUARANTEE_MIN';
}

/** The memory with what protects the guest, which most policies do not ask for. */
function remembered(
  memory: GuestMemory,
  vetoed: GuestMemory['vetoed'],
  recommendations: GuestMemory['recommendations'],
): GuestMemory {
  if (memory.vetoed === vetoed && memory.recommendations === recommendations) return memory;
  return { ...memory, vetoed, recommendations };
}
