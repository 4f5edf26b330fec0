/** Restraint: how far, how often and how fast a guest may move this tick. Shrinks are held back; growth hardly is. */
import type { ReasonCode } from '../model/decision.ts';
import { type Bytes, MiB, type Seconds } from '../model/units.ts';
import type { Movable } from './assess.ts';
import { type Direction, resolveAmount } from './policy-set.ts';

export interface Restrained {
  readonly target: Bytes | undefined;
  readonly code: ReasonCode;
  readonly inputs?: Readonly<Record<string, number | string | boolean>>;
}

export interface Circumstances {
  readonly level: string;
  readonly now: Seconds;
  /** Another guest's growth waits for this one: the level's leave is not asked. */
  readonly donor: boolean;
  /** That other guest is in distress: cooldown, rate and step are not asked either. The floor is. */
  readonly urgent: boolean;
}

/** A shrink towards `goal`, or why there is none. */
export function restrainShrink(guest: Movable, goal: Bytes, circumstances: Circumstances): Restrained {
  const { level, now, donor, urgent } = circumstances;
  const { policy, memory, current, sample } = guest;
  const { shrink } = policy;
  if (!donor && !shrink.at.has(level)) return { target: undefined, code: 'LEVEL_FORBIDS' };
  if (guest.distressed) return { target: undefined, code: 'GUARD_FLOOR' };
  if (memory.move !== undefined)
    return { target: undefined, code: 'MOVE_IN_FLIGHT', inputs: { target: memory.move.to } };
  if (memory.backOffUntil !== undefined && now < memory.backOffUntil) {
    return { target: undefined, code: 'BACKING_OFF', inputs: { seconds: memory.backOffUntil - now } };
  }
  if (sample.reportsInEpoch <= memory.decidedOnReport) return { target: undefined, code: 'NO_FRESH_SAMPLE' };
  const hurried = donor && urgent;
  const lastMove = latest(memory.shrunkAt, memory.grownAt);
  if (!hurried && lastMove !== undefined && now - lastMove < shrink.cooldownSeconds) {
    return {
      target: undefined,
      code: 'COOLDOWN',
      inputs: { seconds: shrink.cooldownSeconds - (now - lastMove) },
    };
  }
  const floored = Math.max(goal, guest.floor);
  const limit = hurried ? { bytes: current, code: 'OK' as const } : strictest(guest, shrink, now);
  const target = roundUp(Math.max(floored, current - limit.bytes));
  const distance = current - target;
  if (distance <= tolerance(guest))
    return { target: undefined, code: floored > goal ? 'GUARD_FLOOR' : 'WITHIN_TOLERANCE', inputs: { goal } };
  if (distance < shrink.stepMin) return { target: undefined, code: 'STEP_TOO_SMALL', inputs: { distance } };
  if (target > roundUp(floored)) return { target, code: limit.code, inputs: { limit: limit.bytes } };
  return { target, code: floored > goal ? 'GUARD_FLOOR' : 'OK' };
}

/** A growth to `granted` out of `goal`, or why there is none. */
export function restrainGrow(
  guest: Movable,
  goal: Bytes,
  granted: Bytes,
  circumstances: Circumstances,
): Restrained {
  const { level, now } = circumstances;
  const { policy, memory, current } = guest;
  const { grow } = policy;
  const { distressed } = guest;
  if (!distressed && !grow.at.has(level)) return { target: undefined, code: 'LEVEL_FORBIDS' };
  if (!distressed && memory.grownAt !== undefined && now - memory.grownAt < grow.cooldownSeconds) {
    return {
      target: undefined,
      code: 'COOLDOWN',
      inputs: { seconds: grow.cooldownSeconds - (now - memory.grownAt) },
    };
  }
  const limit = distressed ? { bytes: guest.max, code: 'OK' as const } : strictest(guest, grow, now);
  const target = Math.min(roundDown(Math.min(granted, current + limit.bytes)), guest.max);
  const distance = target - current;
  const underWay = memory.move !== undefined && memory.move.to > memory.move.from ? memory.move.to : current;
  if (target <= underWay) {
    if (granted < goal && granted <= underWay)
      return { target: undefined, code: 'WAITING_FOR_DONORS', inputs: { goal } };
    return { target: undefined, code: memory.move === undefined ? 'WITHIN_TOLERANCE' : 'MOVE_IN_FLIGHT' };
  }
  if (!distressed && distance <= tolerance(guest))
    return { target: undefined, code: 'WITHIN_TOLERANCE', inputs: { goal } };
  if (!distressed && distance < grow.stepMin)
    return { target: undefined, code: 'STEP_TOO_SMALL', inputs: { distance } };
  if (granted < goal) return { target, code: 'WAITING_FOR_DONORS', inputs: { goal } };
  return { target, code: target < roundDown(goal) ? limit.code : 'OK', inputs: { goal } };
}

/** The tighter of step and rate, in bytes for this tick. */
function strictest(guest: Movable, direction: Direction, now: Seconds): { bytes: Bytes; code: ReasonCode } {
  const step = resolveAmount(direction.stepMax, guest.max);
  const last = direction === guest.policy.shrink ? guest.memory.shrunkAt : guest.memory.grownAt;
  if (direction.rate === undefined || last === undefined) return { bytes: step, code: 'STEP_LIMITED' };
  const allowed = direction.rate * (now - last);
  return allowed < step ? { bytes: allowed, code: 'RATE_LIMITED' } : { bytes: step, code: 'STEP_LIMITED' };
}

function tolerance(guest: Movable): Bytes {
  return Math.max(guest.policy.tolerance.ratio * guest.current, guest.policy.tolerance.bytes);
}

function latest(a: Seconds | undefined, b: Seconds | undefined): Seconds | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}

/** Whole MiB, so that targets read well; never past the limit that gave them. */
function roundUp(bytes: Bytes): Bytes {
  return Math.ceil(bytes / MiB) * MiB;
}

function roundDown(bytes: Bytes): Bytes {
  return Math.floor(bytes / MiB) * MiB;
}
