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
import { Sheet } from './sheet.ts';
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
  sheet.begin(sample, policy, layers, pause);
  return assessOn(sheet, memory, input);
}

/**
 * Assesses the guest of a sheet.
 *
 * @param before what is remembered of it
 */
export function assessOn(sheet: Sheet, before: GuestMemory | undefined, surroundings: Surroundings): Sheet {
  const { sample, policy, trail, pause } = sheet;
  const { host, now } = surroundings;
  sheet.at = now.monotonic;
  sheet.before = before;
  const verdict = followUp(sheet, before, surroundings);
  const { memory } = sheet;
  sheet.promised = promisedTo(sheet);
  sheet.correction = withdrawalOf(sample, verdict);
  if (policy === undefined) {
    record(trail, 'eligibility', 'UNMANAGED', trail.value);
    return held(sheet, 'UNMANAGED');
  }
  if (pause !== undefined) {
    const { reason, by, until } = pause;
    const left = until === undefined ? {} : { seconds: until - now.wall };
    record(trail, 'eligibility', 'PAUSED', trail.value, { reason, by, ...left });
    return held(sheet, 'PAUSED');
  }
  for (const { kind, name, source, reason } of sheet.layers) {
    const inputs = { [kind]: name, ...(reason === undefined ? {} : { reason }) };
    record(trail, 'policy', kind === 'schedule' ? 'SCHEDULED' : 'EXCEPTED', trail.value, inputs, source);
  }
  if (isYielding(memory, now.monotonic)) {
    const seconds = (memory.yieldUntil ?? 0) - now.monotonic;
    record(trail, 'eligibility', 'FOREIGN_CHANGE', trail.value, { seconds });
    return held(sheet, 'FOREIGN_CHANGE');
  }
  const hindrance = hindranceOf(sample, memory);
  if (hindrance !== undefined || !readSizes(sheet)) {
    const { stage, code } = hindrance ?? UNSETTLED;
    record(trail, stage, code, trail.value, reportInputs(sample));
    const enforced = policy.mode === 'enforce';
    if (stage === 'quality' && enforced) restoreUnseen(sheet, policy, code);
    if (code === 'INEFFECTIVE' && enforced) sheet.correction = giveBackOf(sample, sheet.promised);
    return held(sheet, code);
  }
  sheet.reserve = policy.guarantees.reserve;
  learnNeeds(sheet, policy);
  recordDemand(sheet);
  findBounds(sheet, policy);
  sheet.condition = isSqueezed(sheet.memory.cold, sheet.at) ? AMPLE : conditionOf(sheet);

  const scope = scopeOf(sheet, host, localTime(now, policy.timezone));
  const wanted = askPolicy(policy, scope, trail);
  if (wanted === undefined) return held(sheet, 'EXPRESSION_FAILED');
  sheet.wanted = wanted;
  keepGuarantees(sheet, wanted);
  const protection = protect(policy, scope, sheet.memory, now.monotonic);
  takeCare(sheet, policy, protection);
  stabilize(sheet, policy, protection);
  if (policy.cold !== undefined) holdSqueezed(sheet, policy.cold);

  if (policy.mode === 'observe') {
    const { current, desired } = sheet;
    record(trail, 'restraint', 'OBSERVE_ONLY', current, { desired }, policy.source);
    sheet.correction = undefined;
    return held(sheet, 'OBSERVE_ONLY');
  }
  const { move } = sheet.memory;
  if (move !== undefined) sheet.correction ??= rescueOf(move, sheet);
  sheet.active = Math.min(1, sheet.inUse / sheet.current);
  sheet.kind = 'movable';
  // Until the host's budget is settled.
  sheet.conclude('hold', 'HOST_UNKNOWN');
  return sheet;
}

const UNSETTLED = { stage: 'quality', code: 'STATS_SETTLING' } as const;

function held(sheet: Sheet, code: ReasonCode): Sheet {
  sheet.kind = 'held';
  sheet.code = code;
  sheet.conclude('hold', code);
  return sheet;
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
  scope.host = host;
  scope.now = now;
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
