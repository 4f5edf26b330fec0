/**
 * The whole tick as one pure function. Daemon, simulator, policy tests, replay and explain run this and nothing else.
 */
import type { Instant } from '../model/clock.ts';
import type { Action, Decision } from '../model/decision.ts';
import type { GuestSample, Snapshot } from '../model/snapshot.ts';
import { type HostBudget, hostBudget, type Split } from './arbitrate.ts';
import { assessAll, type Surroundings } from './assess.ts';
import { beginTrial } from './efficacy.ts';
import type { HostNames } from './expression/expression.ts';
import { beginProbation } from './feedback.ts';
import { choicesOf, governing } from './governing.ts';
import { Memories } from './memories.ts';
import { missingAfter, promisedToMissing } from './missing.ts';
import { hostNames } from './names.ts';
import { lasting, pauseOf } from './pauses.ts';
import type { PolicySet } from './policy-set.ts';
import { assessPressure } from './pressure.ts';
import { settle } from './settle.ts';
import { isMovable, Sheet } from './sheet.ts';
import { stepped } from './squeeze.ts';
import { type BeforeMove, type GuestMemory, newGuestMemory, type PolicyState } from './state.ts';
import { record } from './trail.ts';

export interface Tick {
  readonly state: PolicyState;
  /**
   * One decision per guest of the snapshot, if anybody reads them all; those that grow come first. What they get is free already, so they need no shrink of
   * this tick, and must not wait behind a guest that does not answer.
   */
  readonly decisions: readonly Decision[];
  /** Undefined while the host's memory is not known. */
  readonly budget: (HostBudget & { readonly split: Split }) | undefined;
}

// Written on anew by every tick; see sheet.ts.
const sheets: Sheet[] = [];
// And what expressions see of the host: what sheets have already need not be put on them again.
const host: HostNames = { guests: 0, psi: { some: {}, full: {} } };

/**
 * Decides a target for every guest. Pure: the same arguments give the same result, and none of them is changed.
 *
 * @param state what earlier ticks left; `initialState()` at first
 * @param now the moment of the tick; its monotonic clock measures every interval
 * @param told false where nobody reads but what is to be done: there are then the decisions that move a guest, without stages, and
 *   all else is the same
 */
export function decide(
  state: PolicyState,
  snapshot: Snapshot,
  policies: PolicySet,
  now: Instant,
  told = true,
): Tick {
  Object.assign(host, hostNames(snapshot.host, snapshot.guests.length));
  const pressure = assessPressure(state.pressure, policies.host.pressure, host, now.monotonic);
  host.level = pressure.level;
  const surroundings = surroundingsOf(state, policies, host, now);
  const choices = choicesOf(policies);
  const left = state.guests instanceof Memories ? state.guests : undefined;
  let inPlace = 0;
  const seen = snapshot.guests.map((sample, i) => {
    const sheet = sheets[i] ?? newSheet(sample, host);
    sheets[i] = sheet;
    const known = left?.at(i, sample.uuid);
    if (known !== undefined) inPlace++;
    const before = known ?? memoryOf(state, sample.uuid);
    const { policy, layers } = governing(policies, sample, now, choices, i);
    const pause = state.pauses && pauseOf(state.pauses, sample.uuid, now.wall);
    sheet.begin(sample, before, policy, layers, pause, told);
    return sheet;
  });
  assessAll(seen, surroundings);
  const missing = areAllStillThere(state, seen) ? undefined : missingAfter(state, snapshot, now.monotonic);
  const budget = hostBudget(policies.host, snapshot, seen, promisedToMissing(missing, now.monotonic));
  const settled =
    budget &&
    settle(budget, seen, {
      level: pressure.level,
      now: now.monotonic,
      host: policies.host,
      reclaim: state.reclaim,
    });

  if (settled === undefined)
    for (const sheet of seen)
      if (isMovable(sheet)) record(sheet.trail, 'budget', 'HOST_UNKNOWN', sheet.current);

  const reclaim = settled === undefined ? state.reclaim : settled.reclaim;
  const pauses = lasting(state.pauses, now.wall);
  const enforcing = policies.host.mode === 'enforce';
  const row: GuestMemory[] = [];
  const decisions: Decision[] = [];
  for (const sheet of seen) {
    correct(sheet);
    sheet.memory = remember(sheet, enforcing, now);
    row.push(sheet.memory);
    if (told || sheet.outcome.action !== 'hold') decisions.push(toDecision(sheet, pressure.level));
  }
  const areSame = left?.size === seen.length && inPlace === seen.length;
  const guests = areSame
    ? left.with(row)
    : Memories.of(seen.map(({ sample, memory }) => [sample.uuid, memory]));
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
): Sheet {
  const surroundings = surroundingsOf(state, policies, host, now);
  const sheet = newSheet(sample, host);
  const { policy, layers } = governing(policies, sample, now);
  const pause = pauseOf(state.pauses, sample.uuid, now.wall);
  sheet.begin(sample, memoryOf(state, sample.uuid), policy, layers, pause);
  assessAll([sheet], surroundings);
  return sheet;
}

/** True where the snapshot has the guests of the one before, and no others: then nobody is missing. */
function areAllStillThere({ guests, missing }: PolicyState, seen: readonly Sheet[]): boolean {
  return (
    missing === undefined && guests.size === seen.length && seen.every(({ before }) => before !== undefined)
  );
}

function surroundingsOf(
  { begun }: PolicyState,
  policies: PolicySet,
  host: HostNames,
  now: Instant,
): Surroundings {
  return { appeared: begun === true, host, yieldFor: policies.host.yieldForSeconds, now };
}

function newSheet(sample: GuestSample, host: HostNames): Sheet {
  return new Sheet(sample, newGuestMemory(sample.epoch), host);
}

function memoryOf(state: PolicyState, uuid: string): GuestMemory | undefined {
  return state.guests.get(uuid) ?? state.missing?.get(uuid)?.memory;
}

const ORDER: Readonly<Record<Action, number>> = { grow: 0, shrink: 1, hold: 2 };

/** A correction goes before everything but growth beyond it. */
function correct(sheet: Sheet): void {
  const { correction, sample, trail, outcome } = sheet;
  if (correction === undefined) return;
  const { target, code, inputs } = correction;
  if (outcome.action === 'grow' && outcome.target !== undefined && outcome.target >= target) return;
  record(trail, 'restraint', code, target, inputs);
  const current = sample.readings.current.value;
  sheet.conclude(current !== undefined && target < current ? 'shrink' : 'grow', code, target);
}

/** What the next ticks must know of this one. Where nothing is enforced no move is under way, but cooldowns run as if it were. */
function remember(sheet: Sheet, enforcing: boolean, now: Instant): GuestMemory {
  const { memory, before, sample, promised } = sheet;
  const { action, reason, target } = sheet.outcome;
  const shared = reason === 'SHORTAGE_SHARED' || reason === 'COLD_TAKEN';
  const current = sample.readings.current.value;
  if (target === undefined || current === undefined) return memory;
  const at = now.monotonic;
  const { probation, efficacy } = memory;
  const { draft } = sheet;
  if (enforcing) {
    draft.beforeMove = standing(before?.epoch === memory.epoch ? before : memory);
    // That this one hurts is known: it has nothing to teach.
    if (action === 'shrink' && !shared) {
      draft.probation = beginProbation(probation, current, sample.reportsInEpoch, at);
      draft.efficacy = beginTrial(efficacy, sample, memory);
    }
    draft.move = shared ? { from: current, to: target, at, shared } : { from: current, to: target, at };
    if (reason === 'COLD_TAKEN' && memory.cold !== undefined) draft.cold = stepped(memory.cold, current, at);
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

function toDecision(sheet: Sheet, level: string): Decision {
  const { sample, trail, outcome } = sheet;
  const { uuid, name } = sample;
  const { action, reason } = outcome;
  const currentBytes = sample.readings.current.value;
  const targetBytes = outcome.target ?? currentBytes;
  const { stages } = trail;
  if (!isMovable(sheet)) {
    const governed = sheet.governedBy && { policy: sheet.governedBy };
    const wantedBytes = undefined;
    return { uuid, name, ...governed, level, action, reason, currentBytes, targetBytes, wantedBytes, stages };
  }
  const { wanted, governedBy, guarantees } = sheet;
  // Of most guests, and so without spread parts, which cost more than all the rest of it.
  return {
    uuid,
    name,
    policy: governedBy,
    level,
    action,
    reason,
    currentBytes,
    targetBytes,
    wantedBytes: wanted,
    guarantees,
    stages,
  };
}
