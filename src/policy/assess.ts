/** The first half of a guest's decision: what it is, what it needs, what its policy asks for. Nothing here knows the other guests. */

import type { Instant } from '../model/clock.ts';
import type { ReasonCode } from '../model/decision.ts';
import { absoluteReserve } from '../model/floor.ts';
import { type GuestSample, trusted } from '../model/snapshot.ts';
import type { Bytes, Ratio, Seconds } from '../model/units.ts';
import { askPolicy } from './ask-policy.ts';
import { isOwed } from './boot.ts';
import { holdSqueezed } from './cold.ts';
import { hindranceOf, reportInputs } from './eligibility.ts';
import type { HostNames, Scope } from './expression/expression.ts';
import { followUp, giveBackOf, isYielding, promisedTo, rescueOf, withdrawalOf } from './follow-up.ts';
import { learnNeeds, readSizes } from './needs.ts';
import type { Pause } from './pauses.ts';
import { type GuestPolicy, type Layer, resolveAmount } from './policy-set.ts';
import { AMPLE, conditionOf, type Protection, protect, takeCare } from './protect.ts';
import { isMovable, type Movable, Sheet } from './sheet.ts';
import { isSqueezed } from './squeeze.ts';
import { highest, recommend } from './stabilize.ts';
import { type GuestMemory, newGuestMemory } from './state.ts';
import { record } from './trail.ts';
import { type LocalTime, localTime } from './zone-time.ts';

/** Share of its reserve that a guest keeps in any case: enough that no shrink puts it near distress, which begins at a half. */
const KEPT_RESERVE: Ratio = 0.75;

/** What is the same for all guests of a tick. */
export interface Surroundings {
  readonly host: HostNames;
  /** How long a guest is left alone whose balloon somebody else has moved; undefined: nobody looks. */
  readonly yieldFor?: Seconds | undefined;
  /** There was a tick before: a guest that is new has just appeared. */
  readonly appeared?: boolean;
  readonly now: Instant;
}

/** One guest, as what governs it and what is remembered of it stand. */
export interface AssessInput extends Surroundings {
  readonly sample: GuestSample;
  /** With its layers laid over it. */
  readonly policy: GuestPolicy | undefined;
  /** The layers that are in force. */
  readonly layers?: readonly Layer[];
  readonly memory: GuestMemory | undefined;
  /** The operator's word that it be left alone, while that is in force. */
  readonly pause?: Pause | undefined;
}

/** Assesses one guest by itself. */
export function assess(input: AssessInput): Sheet {
  const { sample, policy, layers = [], memory, pause, host } = input;
  const sheet = new Sheet(sample, memory ?? newGuestMemory(sample.epoch), host);
  sheet.begin(sample, memory, policy, layers, pause);
  assessAll([sheet], input);
  return sheet;
}

/**
 * Assesses the guests of sheets that have begun, step by step for all of them: together the steps are more code than a processor has near at hand,
 * and guest by guest it would be fetched anew for each.
 */
export function assessAll(sheets: readonly Sheet[], surroundings: Surroundings): void {
  for (const sheet of sheets) meet(sheet, surroundings);
  for (const sheet of sheets) if (isMovable(sheet)) learn(sheet);
  for (const sheet of sheets) if (isMovable(sheet)) ask(sheet, surroundings);
  for (const sheet of sheets) if (isMovable(sheet)) guard(sheet);
}

/** What became of the guest since the last tick, and whether it can be moved at all: then it counts as movable. */
function meet(sheet: Sheet, surroundings: Surroundings): void {
  const { sample, before, policy, trail, pause } = sheet;
  const { now } = surroundings;
  sheet.at = now.monotonic;
  const verdict = followUp(sheet, before, surroundings);
  const { memory } = sheet;
  sheet.promised = promisedTo(sheet);
  sheet.correction = withdrawalOf(sample, verdict);
  if (policy === undefined) {
    record(trail, 'eligibility', 'UNMANAGED', trail.value);
    held(sheet, 'UNMANAGED');
    return;
  }
  if (pause !== undefined) {
    const { reason, by, until } = pause;
    const left = until === undefined ? {} : { seconds: until - now.wall };
    record(trail, 'eligibility', 'PAUSED', trail.value, { reason, by, ...left });
    held(sheet, 'PAUSED');
    return;
  }
  for (const { kind, name, source, reason } of sheet.layers) {
    const inputs = { [kind]: name, ...(reason === undefined ? {} : { reason }) };
    record(trail, 'policy', kind === 'schedule' ? 'SCHEDULED' : 'EXCEPTED', trail.value, inputs, source);
  }
  if (isYielding(memory, now.monotonic)) {
    const seconds = (memory.yieldUntil ?? 0) - now.monotonic;
    record(trail, 'eligibility', 'FOREIGN_CHANGE', trail.value, { seconds });
    held(sheet, 'FOREIGN_CHANGE');
    return;
  }
  const hindrance = hindranceOf(sample, memory);
  if (hindrance !== undefined || !readSizes(sheet)) {
    const { stage, code } = hindrance ?? UNSETTLED;
    record(trail, stage, code, trail.value, reportInputs(sample));
    const enforced = policy.mode === 'enforce';
    if (stage === 'quality' && enforced) restoreUnseen(sheet, policy, code);
    if (code === 'INEFFECTIVE' && enforced) sheet.correction = giveBackOf(sample, sheet.promised);
    held(sheet, code);
    return;
  }
  sheet.kind = 'movable';
}

/** What it needs, and how it is off. */
function learn(sheet: Movable): void {
  const { policy } = sheet;
  sheet.reserve = policy.guarantees.reserve;
  learnNeeds(sheet, policy);
  recordDemand(sheet);
  findBounds(sheet, policy);
  sheet.condition = isSqueezed(sheet.memory.cold, sheet.at) ? AMPLE : conditionOf(sheet);
}

/** What its policy wants it to have, within the guarantees. */
function ask(sheet: Movable, { host, now }: Surroundings): void {
  const { policy, trail } = sheet;
  const wanted = askPolicy(
    policy,
    scopeOf(sheet, host, localTime(now, policy.timezone)),
    trail,
    sheet.untold,
  );
  if (wanted === undefined) {
    held(sheet, 'EXPRESSION_FAILED');
    return;
  }
  sheet.wanted = wanted;
  keepGuarantees(sheet, wanted);
}

/** What keeps it from being shrunk, and what it gets beyond its policy's target. */
function guard(sheet: Movable): void {
  const { policy, trail, scope } = sheet;
  const protection = protect(policy, scope, sheet.memory, sheet.at);
  takeCare(sheet, policy, protection);
  stabilize(sheet, policy, protection);
  if (policy.cold !== undefined) holdSqueezed(sheet, policy.cold);

  if (policy.mode === 'observe') {
    const { current, desired } = sheet;
    record(trail, 'restraint', 'OBSERVE_ONLY', current, { desired }, policy.source);
    sheet.correction = undefined;
    held(sheet, 'OBSERVE_ONLY');
    return;
  }
  const { move } = sheet.memory;
  if (move !== undefined) sheet.correction ??= rescueOf(move, sheet);
  sheet.active = Math.min(1, sheet.inUse / sheet.current);
  // Until the host's budget is settled.
  sheet.conclude('hold', 'HOST_UNKNOWN');
}

const UNSETTLED = { stage: 'quality', code: 'STATS_SETTLING' } as const;

function held(sheet: Sheet, code: ReasonCode): void {
  sheet.kind = 'held';
  sheet.code = code;
  sheet.conclude('hold', code);
}

function recordDemand({ trail, demand, used, kernelBytes, usedRate, unreported }: Sheet): void {
  const more = unreported > 0 && { unreported };
  record(
    trail,
    'demand',
    'DEMAND',
    demand,
    trail.told ? { used, kernelBytes, usedRate, ...more } : undefined,
  );
}

/** What the policy's expressions see. */
function scopeOf(sheet: Sheet, host: HostNames, now: LocalTime): Scope {
  const { scope, min, ceiling, reserve } = sheet;
  // Both mostly are what they were, and V8 notes each reference from what is old to what may be new.
  if (scope.host !== host) scope.host = host;
  if (scope.now !== now) scope.now = now;
  scope.guarantees.min = min;
  scope.guarantees.max = ceiling;
  scope.guarantees.reserve = reserve;
  return scope;
}

/** The target within the guarantees, and not so low that the guest would lose what it uses. */
function keepGuarantees(sheet: Sheet, wanted: Bytes): void {
  const { min, ceiling, max, reserve, current, used, unreported, kernelBytes, trail } = sheet;
  const bounded = Math.min(ceiling, Math.max(min, Math.ceil(wanted)));
  // H1, H3, H7 (R1): bursts are absolute, so what a guest keeps above its use is not a share of it.
  const spare = Math.max(absoluteReserve(max), KEPT_RESERVE * reserve);
  const floor = Math.min(max, Math.max(min, Math.ceil(used + unreported + kernelBytes + spare)));
  // A guaranteed maximum keeps a guest from growing; what it uses already is not taken from it.
  const kept = Math.max(bounded, Math.min(floor, Math.max(ceiling, current)));
  const bound = kept > bounded ? 'GUARD_FLOOR' : boundOf(wanted, bounded);
  record(trail, 'guarantees', bound, kept, trail.told ? { min, max: ceiling, floor } : undefined);
  sheet.floor = floor;
  sheet.desired = kept;
}

/** What most policies do not ask for: vetoes that last, and the highest target of a while. */
function stabilize(sheet: Sheet, { stabilizationSeconds }: GuestPolicy, { vetoed }: Protection): void {
  const { memory, desired, current, at } = sheet;
  const recommendations =
    stabilizationSeconds > 0
      ? recommend(memory.recommendations, desired, current, stabilizationSeconds, at)
      : undefined;
  sheet.stable = recommendations === undefined ? desired : Math.max(desired, highest(recommendations));
  if (memory.vetoed === vetoed && memory.recommendations === recommendations) return;
  const { draft } = sheet;
  draft.vetoed = vetoed;
  draft.recommendations = recommendations;
}

/** The guarantees in bytes. H8 (R7): a guest keeps its minimum, however idle it looks. */
function findBounds(sheet: Sheet, { guarantees }: GuestPolicy): void {
  const { max } = sheet;
  const min = Math.min(max, Math.ceil(resolveAmount(guarantees.min, max)));
  sheet.min = min;
  sheet.ceiling = Math.min(max, Math.max(min, Math.floor(resolveAmount(guarantees.max, max))));
}

/** Reports may be late on a busy host; a guest that is silent for so long will not soon say that it needs more. */
const SILENCE: Seconds = 60;

/** A guest of which nothing is known gets what it boots with, what it had before it was squeezed, or, silent for long, what it may have. */
function restoreUnseen(sheet: Sheet, policy: GuestPolicy, code: ReasonCode): void {
  const { cold, demand, target } = sheet.memory;
  const current = sheet.sample.readings.current.value;
  sheet.restore = restoreOf(sheet, policy);
  if (sheet.restore !== undefined || current === undefined) return;
  const silent = code === 'STATS_STALE' && demand !== undefined && sheet.at - demand.lastAt > SILENCE;
  if (silent && target !== undefined && target < sheet.ceiling) {
    sheet.restore = sheet.ceiling;
    sheet.restoring = 'SILENCE_RELIEVED';
  } else if (cold !== undefined && isSqueezed(cold, sheet.at) && current < cold.from) {
    sheet.restore = cold.from;
    sheet.restoring = 'COLD_RETURNED';
  }
}

/** What a guest that boots is owed. Its size may be the old, inflated one that QEMU still gives. */
function restoreOf(sheet: Sheet, policy: GuestPolicy): Bytes | undefined {
  const { readings } = sheet.sample;
  const max = trusted(readings.max);
  const size = readings.current.value;
  if (max === undefined || size === undefined) return undefined;
  sheet.max = max;
  findBounds(sheet, policy);
  return isOwed(sheet.memory, size, sheet.ceiling) ? sheet.ceiling : undefined;
}

function boundOf(wanted: Bytes, bounded: Bytes): ReasonCode {
  if (bounded < wanted) return 'GUARANTEE_MAX';
  return bounded - wanted < 1 ? 'OK' : 'GUARANTEE_MIN';
}
