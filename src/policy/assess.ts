/** The first half of a guest's decision: what it is, what it needs, what its policy asks for. Nothing here knows the other guests. */

import type { Instant } from '../model/clock.ts';
import type { ReasonCode, StageName } from '../model/decision.ts';
import { needFloor } from '../model/floor.ts';
import { type GuestSample, type Obstacle, type Reading, trusted } from '../model/snapshot.ts';
import type { Bytes, Ratio, Seconds } from '../model/units.ts';
import { estimateUse, observeUse } from './demand.ts';
import {
  type Correction,
  followUp,
  isYielding,
  lastKnownSize,
  promisedBytes,
  rescueOf,
  withdrawalOf,
} from './follow-up.ts';
import { guestNames } from './names.ts';
import type { Pause } from './pauses.ts';
import { type GuestPolicy, type HostNames, type Layer, resolveAmount, type Scope } from './policy-set.ts';
import { type Bar, conditionOf, protect, recordProtection } from './protect.ts';
import { highest, recommend } from './stabilize.ts';
import type { GuestMemory } from './state.ts';
import { newTrail, record, type StageInputs, type Trail } from './trail.ts';
import { localTime } from './zone-time.ts';

/** Reports that a new epoch must bring before its figures count: the first buffer may be uninitialised (virtio 1.2, 5.5.6.3). */
const SETTLED_REPORTS = 2;

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
  /** Available memory is under half of the guest's reserve, or its policy relieves it: growth is urgent, and it never donates. */
  readonly distressed: boolean;
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
  /** The operator's word that it be left alone, while that is in force. */
  readonly pause?: Pause | undefined;
  readonly now: Instant;
}

export function assess(input: AssessInput): Assessment {
  const { sample, policy, layers = [], host, now } = input;
  const trail = newTrail(sample.readings.current.value);
  const { memory, verdict } = followUp(sample, input.memory, now.monotonic, input.yieldFor);
  const promised = promisedBytes(lastKnownSize(sample, memory), memory);
  const withdrawal = withdrawalOf(sample, verdict);
  const held = (code: ReasonCode, next: GuestMemory): Held => ({
    kind: 'held',
    sample,
    policy,
    memory: next,
    trail,
    promised,
    code,
    correction: withdrawal,
  });
  if (policy === undefined) {
    record(trail, 'eligibility', 'UNMANAGED', trail.value);
    return held('UNMANAGED', memory);
  }
  if (input.pause !== undefined) {
    const { reason, by, until } = input.pause;
    const left = until === undefined ? {} : { seconds: until - now.wall };
    record(trail, 'eligibility', 'PAUSED', trail.value, { reason, by, ...left });
    return held('PAUSED', memory);
  }
  for (const { kind, name, source, reason } of layers) {
    const inputs = { [kind]: name, ...(reason === undefined ? {} : { reason }) };
    record(trail, 'policy', kind === 'schedule' ? 'SCHEDULED' : 'EXCEPTED', trail.value, inputs, source);
  }
  if (isYielding(memory, now.monotonic)) {
    const seconds = (memory.yieldUntil ?? 0) - now.monotonic;
    record(trail, 'eligibility', 'FOREIGN_CHANGE', trail.value, { seconds });
    return held('FOREIGN_CHANGE', memory);
  }
  const obstacle = obstacleOf(sample);
  if (obstacle !== undefined) {
    record(trail, obstacle.stage, obstacle.code, trail.value, reportInputs(sample));
    return held(obstacle.code, memory);
  }
  const sizes = sizesOf(sample, memory);
  if (sizes === undefined) {
    record(trail, 'quality', 'STATS_SETTLING', trail.value, reportInputs(sample));
    return held('STATS_SETTLING', memory);
  }
  const { used, current, max, kernelBytes } = sizes;
  const { estimate, guarantees } = policy;
  const window = observeUse(
    memory.demand,
    { used, report: sample.reportsInEpoch, at: now.monotonic },
    estimate.windowSeconds,
  );
  const learned: GuestMemory = window === memory.demand ? memory : { ...memory, demand: window };
  const demand = estimateUse(window, estimate.quantile, estimate.growthSeconds) + kernelBytes;
  record(trail, 'demand', 'DEMAND', demand, { used, kernelBytes, usedRate: window.slope });

  const min = Math.min(max, Math.ceil(resolveAmount(guarantees.min, max)));
  const ceiling = Math.min(max, Math.max(min, Math.floor(resolveAmount(guarantees.max, max))));
  const condition = conditionOf(sample, guarantees.reserve);
  const names = guestNames(sample, {
    need: used + kernelBytes,
    demand,
    usedRate: window.slope,
    target: learned.target,
    condition,
  });
  const scope: Scope = {
    host,
    guest: names,
    guarantees: { min, max: ceiling, reserve: guarantees.reserve },
    now: localTime(now.wall, policy.timezone),
  };
  const asked = askPolicy(policy, scope, trail);
  if (asked === undefined) return held('EXPRESSION_FAILED', learned);
  const { wanted } = asked;
  const bounded = Math.min(ceiling, Math.max(min, Math.ceil(wanted)));
  const floor = Math.min(max, Math.max(min, Math.ceil(needFloor(sample, kernelBytes) ?? max)));
  // A guaranteed maximum keeps a guest from growing; what it uses already is not taken from it.
  const kept = Math.max(bounded, Math.min(floor, Math.max(ceiling, current)));
  const bound = kept > bounded ? 'GUARD_FLOOR' : boundOf(wanted, bounded);
  record(trail, 'guarantees', bound, kept, { min, max: ceiling, floor });

  const protection = protect(policy, asked.scope, learned, now.monotonic);
  const { bar, relief } = protection;
  const desired = relief === undefined ? kept : Math.max(kept, Math.min(ceiling, relief));
  recordProtection(trail, protection, desired);
  const recommendations =
    policy.stabilizationSeconds > 0
      ? recommend(learned.recommendations, desired, current, policy.stabilizationSeconds, now.monotonic)
      : undefined;

  if (policy.mode === 'observe') {
    record(trail, 'restraint', 'OBSERVE_ONLY', current, { desired }, policy.source);
    const next = remembered(learned, protection.vetoed, recommendations);
    return { ...held('OBSERVE_ONLY', next), correction: undefined };
  }

  const available = trusted(sample.readings.available) ?? 0;
  const distressed = relief !== undefined || (available < guarantees.reserve / 2 && current < ceiling);
  return {
    kind: 'movable',
    sample,
    policy,
    memory: remembered(learned, protection.vetoed, recommendations),
    trail,
    promised,
    correction: withdrawal ?? rescueOf(learned.move, { current, max, floor, distressed, bar }),
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
    bar,
    active: Math.min(1, (used + kernelBytes) / current),
  };
}

const QUALITY_CODES = {
  stale: 'STATS_STALE',
  absent: 'STATS_ABSENT',
  implausible: 'STATS_IMPLAUSIBLE',
} as const;

/** H21 (R16), H31 (R24): what the domain's XML or a job of it forbids. */
const OBSTACLE_CODES = {
  'no-balloon': 'NO_BALLOON',
  passthrough: 'PASSTHROUGH',
  hugepages: 'HUGEPAGES',
  locked: 'LOCKED_MEMORY',
  'launch-security': 'LAUNCH_SECURITY',
  'virtio-mem': 'VIRTIO_MEM',
  job: 'JOB_RUNNING',
} as const satisfies Record<Obstacle, ReasonCode>;

/** Why this guest must not be moved now, by what is known of it alone. */
function obstacleOf(sample: GuestSample): { stage: StageName; code: ReasonCode } | undefined {
  // H42: a guest that is paused, asleep, crashed or on its way out does not follow its balloon.
  if (sample.state !== 'running') return { stage: 'eligibility', code: 'NOT_RUNNING' };
  if (sample.balloon?.device === 'none') return { stage: 'eligibility', code: 'NO_BALLOON' };
  const obstacle = sample.obstacles?.[0];
  if (obstacle !== undefined) return { stage: 'eligibility', code: OBSTACLE_CODES[obstacle] };
  const { max, current, total, used, available } = sample.readings;
  for (const { quality } of [max, current, total, used, available]) {
    if (quality !== 'ok') return { stage: 'quality', code: QUALITY_CODES[quality] };
  }
  if (!isPositive(max) || !isPositive(current)) return { stage: 'quality', code: 'STATS_IMPLAUSIBLE' };
  // Whether the driver leaves ballooned pages in MemTotal is not known before the XML has been read.
  const settled = sample.balloon !== undefined && sample.reportsInEpoch >= SETTLED_REPORTS;
  return settled ? undefined : { stage: 'quality', code: 'STATS_SETTLING' };
}

function isPositive({ value }: Reading): boolean {
  return value !== undefined && value > 0;
}

function reportInputs({ statsAgeSeconds, epoch, reportsInEpoch }: GuestSample): StageInputs {
  return { ...(statsAgeSeconds === undefined ? {} : { statsAgeSeconds }), epoch, reports: reportsInEpoch };
}

function sizesOf(sample: GuestSample, memory: GuestMemory) {
  const used = trusted(sample.readings.used);
  const current = trusted(sample.readings.current);
  const max = trusted(sample.readings.max);
  const kernelBytes = memory.kernelBytes;
  if (used === undefined || current === undefined || max === undefined || kernelBytes === undefined)
    return undefined;
  return { used, current, max, kernelBytes };
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

interface Answer {
  readonly wanted: Bytes;
  /** With the variables that were found on the way. */
  readonly scope: Scope;
}

/** Evaluates variables and target; undefined, with the failing stage recorded, when one of them fails. */
function askPolicy(policy: GuestPolicy, scope: Scope, trail: Trail): Answer | undefined {
  const size = trail.stages[0]?.in;
  const vars: Record<string, number> = {};
  const withVars: Scope = { ...scope, vars };
  for (const { name, expression } of policy.variables) {
    const value = expression.evaluate(withVars);
    if (typeof value !== 'number') {
      const inputs = { variable: name, problem: value.problem };
      record(trail, 'target', 'EXPRESSION_FAILED', size, inputs, expression.source);
      return undefined;
    }
    vars[name] = value;
  }
  const value = policy.target.evaluate(withVars);
  if (typeof value !== 'number') {
    record(trail, 'target', 'EXPRESSION_FAILED', size, { problem: value.problem }, policy.target.source);
    return undefined;
  }
  record(trail, 'target', 'TARGET', value, vars, policy.target.source);
  return { wanted: value, scope: withVars };
}
