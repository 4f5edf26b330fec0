/**
 * The whole tick as one pure function. Daemon, simulator, policy tests, replay and explain run this and nothing else.
 */
import type { Instant } from '../model/clock.ts';
import type { Action, Decision } from '../model/decision.ts';
import type { GuestSample, Snapshot } from '../model/snapshot.ts';
import { type HostBudget, hostBudget, type Split } from './arbitrate.ts';
import { assess } from './assess.ts';
import { beginTrial } from './efficacy.ts';
import { beginProbation } from './feedback.ts';
import { governing } from './governing.ts';
import { missingAfter, promisedToMissing } from './missing.ts';
import { hostNames } from './names.ts';
import type { Outcome } from './outcome.ts';
import { lasting, pauseOf } from './pauses.ts';
import type { HostNames, PolicySet } from './policy-set.ts';
import { assessPressure } from './pressure.ts';
import { type Settlement, settle } from './settle.ts';
import { type Assessment, isMovable, type Sheet } from './sheet.ts';
import type { BeforeMove, GuestMemory, PolicyState } from './state.ts';
import { record } from './trail.ts';

export interface Tick {
  readonly state: PolicyState;
  /**
   * One decision per guest of the snapshot; those that grow come first. What they get is free already, so they need no shrink of
   * this tick, and must not wait behind a guest that does not answer.
   */
  readonly decisions: readonly Decision[];
  /** Undefined while the host's memory is not known. */
  readonly budget: (HostBudget & { readonly split: Split }) | undefined;
}

// Written on anew by every tick; see sheet.ts.
const sheets: Sheet[] = [];

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
  const assessments = snapshot.guests.map((sample, i) => {
    const sheet = assessGuest(state, sample, policies, host, now, sheets[i]);
    sheets[i] = sheet;
    return sheet;
  });
  const missing = missingAfter(state, snapshot, now.monotonic);
  const budget = hostBudget(policies.host, snapshot, assessments, promisedToMissing(missing, now.monotonic));
  const settled =
    budget &&
    settle(budget, assessments, {
      level: pressure.level,
      now: now.monotonic,
      host: policies.host,
      reclaim: state.reclaim,
    });

  const reclaim = settled === undefined ? state.reclaim : settled.reclaim;
  const pauses = lasting(state.pauses, now.wall);
  const enforcing = policies.host.mode === 'enforce';
  const guests = new Map<string, GuestMemory>();
  const decisions: Decision[] = [];
  for (const assessment of assessments) {
    const { uuid } = assessment.sample;
    const outcome = outcomeOf(assessment, settled);
    guests.set(uuid, remember(assessment, outcome, memoryOf(state, uuid), enforcing, now));
    decisions.push(toDecision(assessment, outcome, pressure.level));
  }
  decisions.sort((a, b) => ORDER[a.action] - ORDER[b.action]);
  return {
    state: {
      pressure,
      guests,
      begun: true,
      ...(missing && { missing }),
      ...(reclaim && { reclaim }),
      ...(pauses && { pauses }),
    },
    decisions,
    budget: budget && settled && { ...budget, split: settled.split },
  };
}

/** What one guest is and asks for, by itself. */
export function assessGuest(
  state: PolicyState,
  sample: GuestSample,
  policies: PolicySet,
  host: HostNames,
  now: Instant,
  sheet?: Sheet,
): Sheet {
  const { policy, layers } = governing(policies, sample, now.wall);
  const input = {
    sample,
    policy,
    layers,
    memory: memoryOf(state, sample.uuid),
    appeared: state.begun === true,
    host,
    yieldFor: policies.host.yieldForSeconds,
    pause: pauseOf(state.pauses, sample.uuid, now.wall),
    now,
  };
  return assess(input, sheet);
}

function memoryOf(state: PolicyState, uuid: string): GuestMemory | undefined {
  return state.guests.get(uuid) ?? state.missing?.get(uuid)?.memory;
}

const ORDER: Readonly<Record<Action, number>> = { grow: 0, shrink: 1, hold: 2 };

/** A correction goes before everything but growth beyond it. */
function outcomeOf(assessment: Assessment, settled: Settlement | undefined): Outcome {
  const { correction, sample, trail } = assessment;
  const outcome = ownOutcome(assessment, settled);
  if (correction === undefined) return outcome;
  const { target, code, inputs } = correction;
  if (outcome.action === 'grow' && outcome.target !== undefined && outcome.target >= target) return outcome;
  record(trail, 'restraint', code, target, inputs);
  const current = sample.readings.current.value;
  return { action: current !== undefined && target < current ? 'shrink' : 'grow', reason: code, target };
}

function ownOutcome(assessment: Assessment, settled: Settlement | undefined): Outcome {
  const outcome = settled?.outcomes.get(assessment);
  if (outcome !== undefined) return outcome;
  if (!isMovable(assessment)) return { action: 'hold', reason: assessment.code, target: undefined };
  record(assessment.trail, 'budget', 'HOST_UNKNOWN', assessment.current);
  return { action: 'hold', reason: 'HOST_UNKNOWN', target: undefined };
}

/** What the next ticks must know of this one. Where nothing is enforced no move is under way, but cooldowns run as if it were. */
function remember(
  sheet: Sheet,
  { action, target }: Outcome,
  before: GuestMemory | undefined,
  enforcing: boolean,
  now: Instant,
): GuestMemory {
  const { memory, sample, promised } = sheet;
  const current = sample.readings.current.value;
  if (target === undefined || current === undefined) return memory;
  const at = now.monotonic;
  const { probation, efficacy } = memory;
  const { draft } = sheet;
  if (enforcing) {
    draft.beforeMove = standing(before?.epoch === memory.epoch ? before : memory);
    if (action === 'shrink') {
      draft.probation = beginProbation(probation, current, sample.reportsInEpoch, at);
      draft.efficacy = beginTrial(efficacy, sample, memory);
    }
    draft.move = { from: current, to: target, at };
    draft.target = target;
    draft.granted += Math.max(0, target - promised);
  }
  draft.decidedOnReport = sample.reportsInEpoch;
  if (action === 'shrink') draft.shrunkAt = at;
  else draft.grownAt = at;
  return draft;
}

function standing({ move, target, granted, unfollowed, backOffUntil }: GuestMemory): BeforeMove {
  return { move, target, granted, unfollowed, backOffUntil };
}

function toDecision(assessment: Assessment, outcome: Outcome, level: string): Decision {
  const { sample, policy, trail } = assessment;
  const { uuid, name } = sample;
  const { action, reason } = outcome;
  const currentBytes = sample.readings.current.value;
  const targetBytes = outcome.target ?? currentBytes;
  const { stages } = trail;
  if (!isMovable(assessment)) {
    const governed = policy && { policy: { name: policy.name, source: policy.source } };
    const wantedBytes = undefined;
    return { uuid, name, ...governed, level, action, reason, currentBytes, targetBytes, wantedBytes, stages };
  }
  const { wanted, min, ceiling } = assessment;
  // Of most guests, and so without spread parts, which cost more than all the rest of it.
  return {
    uuid,
    name,
    policy: { name: assessment.policy.name, source: assessment.policy.source },
    level,
    action,
    reason,
    currentBytes,
    targetBytes,
    wantedBytes: wanted,
    guarantees: { minBytes: min, maxBytes: ceiling },
    stages,
  };
}
