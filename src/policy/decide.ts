/**
 * The whole tick as one pure function. Daemon, simulator, policy tests, replay and explain run this and nothing else.
 */
import type { Instant } from '../model/clock.ts';
import type { Action, Decision, ReasonCode } from '../model/decision.ts';
import type { GuestSample, Snapshot } from '../model/snapshot.ts';
import type { Bytes } from '../model/units.ts';
import {
  arbitrate,
  callDonors,
  grantGrowth,
  type HostBudget,
  hostBudget,
  promisedBytes,
  type Split,
} from './arbitrate.ts';
import { type Assessment, assess, type Movable } from './assess.ts';
import { WITHDRAWAL_MARGIN } from './convergence.ts';
import { hostNames } from './names.ts';
import type { GuestPolicy, PolicySet } from './policy-set.ts';
import { assessPressure } from './pressure.ts';
import { type Restrained, restrainGrow, restrainShrink } from './restrain.ts';
import type { GuestMemory, PolicyState } from './state.ts';
import { record } from './trail.ts';

export interface Tick {
  readonly state: PolicyState;
  /** One decision per guest of the snapshot; those that shrink come first, so that memory is there before it is given. */
  readonly decisions: readonly Decision[];
  /** Undefined while the host's memory is not known. */
  readonly budget: (HostBudget & { readonly split: Split }) | undefined;
}

/** What becomes of one guest this tick. */
interface Outcome {
  readonly action: Action;
  readonly reason: ReasonCode;
  readonly target: Bytes | undefined;
}

/**
 * Decides a target for every guest. Pure: the same arguments give the same result, and none of them is changed.
 *
 * @param state what earlier ticks left; `initialState()` at first
 * @param now the moment of the tick; its monotonic clock measures every interval
 */
export function decide(state: PolicyState, snapshot: Snapshot, policies: PolicySet, now: Instant): Tick {
  const host = hostNames(snapshot.host, snapshot.guests.length);
  const pressure = assessPressure(state.pressure, policies.host.pressure, host, now.monotonic);
  host.level = pressure.level;
  const assessments = snapshot.guests.map(sample =>
    assess({
      sample,
      policy: governingPolicy(policies, sample),
      memory: state.guests.get(sample.uuid),
      host,
      now,
    }),
  );
  const budget = hostBudget(policies.host, snapshot, assessments);
  const settled = budget && settle(budget, assessments, pressure.level, now);

  const enforcing = policies.host.mode === 'enforce';
  const guests = new Map<string, GuestMemory>();
  const decisions: Decision[] = [];
  for (const assessment of assessments) {
    const outcome = outcomeOf(assessment, settled?.outcomes);
    guests.set(assessment.sample.uuid, remember(assessment, outcome, enforcing, now));
    decisions.push(toDecision(assessment, outcome, pressure.level));
  }
  const order: Record<Action, number> = { shrink: 0, grow: 1, hold: 2 };
  decisions.sort((a, b) => order[a.action] - order[b.action]);
  return {
    state: { pressure, guests },
    decisions,
    budget: budget && settled && { ...budget, split: settled.split },
  };
}

/** The policy of highest precedence that matches. */
function governingPolicy(policies: PolicySet, sample: GuestSample): GuestPolicy | undefined {
  return policies.guests.find(policy => policy.mismatch(sample) === undefined);
}

const SPLIT_CODES = { fits: 'BUDGET_FITS', cut: 'BUDGET_CUT', insufficient: 'HOST_INSUFFICIENT' } as const;

/** Budget and restraint for all guests that may move. */
function settle(
  budget: HostBudget,
  assessments: readonly Assessment[],
  level: string,
  now: Instant,
): { split: Split; outcomes: Map<Movable, Outcome> } {
  const { split, entitled } = arbitrate(budget, assessments);
  const granted = grantGrowth(budget.free, entitled);
  const { donors, urgent } = callDonors(entitled, granted);
  const outcomes = new Map<Movable, Outcome>();
  for (const [guest, size] of entitled) {
    const code = size < guest.desired ? SPLIT_CODES[split] : 'BUDGET_FITS';
    record(guest.trail, 'budget', code, size, {
      budget: budget.total,
      committed: budget.committed,
      free: budget.free,
    });
    outcomes.set(
      guest,
      restrain(guest, size, granted.get(guest), { level, now, donor: donors.has(guest), urgent }),
    );
  }
  return { split, outcomes };
}

interface Surroundings {
  readonly level: string;
  readonly now: Instant;
  readonly donor: boolean;
  readonly urgent: boolean;
}

function restrain(guest: Movable, size: Bytes, granted: Bytes | undefined, around: Surroundings): Outcome {
  const { policy, trail, current } = guest;
  const circumstances = { ...around, now: around.now.monotonic };
  const shrinking = size < current;
  const restrained: Restrained = shrinking
    ? restrainShrink(guest, size, circumstances)
    : restrainGrow(guest, size, granted ?? size, circumstances);
  const code = shrinking && around.donor && restrained.code === 'OK' ? 'BUDGET_DONOR' : restrained.code;
  record(trail, 'restraint', code, restrained.target ?? current, restrained.inputs, policy.source);
  if (restrained.target === undefined) return { action: 'hold', reason: code, target: undefined };
  const plain = shrinking ? 'SHRINK' : 'GROW';
  return {
    action: shrinking ? 'shrink' : 'grow',
    reason: code === 'OK' ? plain : code,
    target: restrained.target,
  };
}

function outcomeOf(assessment: Assessment, outcomes: Map<Movable, Outcome> | undefined): Outcome {
  const { withdrawTo, sample, trail } = assessment;
  if (withdrawTo !== undefined) {
    const target = Math.min(sample.readings.max.value ?? withdrawTo, withdrawTo + WITHDRAWAL_MARGIN);
    record(trail, 'restraint', 'WITHDRAWN', target, { reached: withdrawTo });
    return { action: 'grow', reason: 'WITHDRAWN', target };
  }
  if (assessment.kind === 'held') return { action: 'hold', reason: assessment.code, target: undefined };
  const outcome = outcomes?.get(assessment);
  if (outcome) return outcome;
  record(assessment.trail, 'budget', 'HOST_UNKNOWN', assessment.current);
  return { action: 'hold', reason: 'HOST_UNKNOWN', target: undefined };
}

/** What the next ticks must know of this one. Where nothing is enforced no move is under way, but cooldowns run as if it were. */
function remember(
  { memory, sample }: Assessment,
  outcome: Outcome,
  enforcing: boolean,
  now: Instant,
): GuestMemory {
  const current = sample.readings.current.value;
  if (outcome.target === undefined || current === undefined) return memory;
  const at = now.monotonic;
  const move = { from: current, to: outcome.target, at };
  const moved: GuestMemory = enforcing ? { ...memory, move, target: outcome.target } : memory;
  if (outcome.action === 'shrink') return { ...moved, shrunkAt: at, decidedOnReport: sample.reportsInEpoch };
  const given = Math.max(0, outcome.target - promisedBytes(current, memory));
  return { ...moved, grownAt: at, granted: enforcing ? memory.granted + given : memory.granted };
}

function toDecision(assessment: Assessment, outcome: Outcome, level: string): Decision {
  const { sample, policy, trail } = assessment;
  const currentBytes = sample.readings.current.value;
  return {
    uuid: sample.uuid,
    name: sample.name,
    ...(policy === undefined ? {} : { policy: { name: policy.name, source: policy.source } }),
    level,
    action: outcome.action,
    reason: outcome.reason,
    currentBytes,
    targetBytes: outcome.target ?? currentBytes,
    wantedBytes: assessment.kind === 'movable' ? assessment.wanted : undefined,
    ...(assessment.kind === 'movable' ? { guarantees: { minBytes: assessment.min, maxBytes: assessment.ceiling } } : {}),
    stages: trail.stages,
  };
}
