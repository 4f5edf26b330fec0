/** Restraint: how far, how often and how fast a guest may move this tick. Shrinks are held back; growth hardly is. */
import type { ReasonCode, SourceRef } from '../model/decision.ts';
import { type Bytes, MiB, type Seconds } from '../model/units.ts';
import { isBackingOff, isUnderWay } from './convergence.ts';
import { isAwaited } from './efficacy.ts';
import type { Restrained } from './outcome.ts';
import { type Direction, type HostPolicy, resolveAmount } from './policy-set.ts';
import { isBarred, type Movable } from './sheet.ts';
import type { Move, ReclaimAllowance } from './state.ts';
import type { StageInputs } from './trail.ts';

export interface Circumstances {
  readonly level: string;
  readonly now: Seconds;
  /** What the host policy says of all guests together; left out, it says nothing. */
  readonly host?: Pick<HostPolicy, 'surplus' | 'shortage' | 'shortageSource' | 'limits'>;
  /** What earlier ticks left of the limit on reclaim. */
  readonly reclaim?: ReclaimAllowance | undefined;
}

/** Growth of other guests that waits for this one. */
export interface Call {
  /** How much it is to give, whatever the pressure level. */
  readonly bytes: Bytes;
  /** One of the others is in distress: cooldown, rate, step and dead band are not asked. The floor is. */
  readonly urgent: boolean;
}

/** A shrink towards `goal`, or why there is none. */
export function restrainShrink(
  guest: Movable,
  goal: Bytes,
  { level, now }: Circumstances,
  call?: Call,
): Restrained {
  const { policy, memory, current, sample } = guest;
  const { shrink } = policy;
  const hurried = call?.urgent === true;
  const inputs = inputsOf(guest, goal);
  const settled = call === undefined && goal >= guest.desired ? Math.min(guest.stable, current) : goal;
  if (
    settled > goal &&
    current - settled <= tolerance(guest) &&
    current - goal > tolerance(guest) &&
    shrink.at.has(level)
  )
    return hold(guest, 'STABILIZING', { goal, highest: guest.stable });
  if (!hurried && current - goal <= tolerance(guest)) return hold(guest, 'WITHIN_TOLERANCE', inputs);
  const permitted = shrink.at.has(level);
  if (!permitted && call === undefined) return hold(guest, 'LEVEL_FORBIDS');
  const bottom = Math.max(goal, settled, guest.floor);
  if (guest.bar !== undefined && isBarred(guest, hurried))
    return hold(guest, guest.bar.code, guest.bar.inputs, 0, guest.bar.source);
  if (current <= bottom) return hold(guest, 'GUARD_FLOOR', { floor: guest.floor });
  // H24 (R19): one shrink a report, and none while the one before is under way.
  const before = awaited(guest, hurried, now);
  if (before !== undefined) return hold(guest, 'MOVE_IN_FLIGHT', { target: before.to });
  if (isBackingOff(memory, now))
    return hold(guest, 'BACKING_OFF', { seconds: (memory.backOffUntil ?? now) - now });
  if (sample.reportsInEpoch <= memory.decidedOnReport) return hold(guest, 'NO_FRESH_SAMPLE');
  if (isAwaited(memory, sample)) return hold(guest, 'EFFECT_AWAITED');
  const lastMove = latest(memory.shrunkAt, memory.grownAt);
  const rested = lastMove === undefined ? Number.POSITIVE_INFINITY : now - lastMove;
  if (!hurried && rested < shrink.cooldownSeconds)
    return hold(guest, 'COOLDOWN', { seconds: shrink.cooldownSeconds - rested });

  const asked = permitted ? bottom : Math.max(bottom, current - (call?.bytes ?? 0));
  const limit = hurried
    ? UNLIMITED
    : tighter(halfSlack(guest, current - asked), strictest(guest, shrink, memory.shrunkAt, now));
  const target = roundUp(Math.max(asked, current - limit.bytes));
  const distance = current - target;
  // H39 (R28): every move splits huge pages of the host and of the guest, so a small one costs more than it frees.
  if (distance <= 0 || distance < shrink.stepMin) {
    const code = limit.bytes < shrink.stepMin ? limit.code : 'STEP_TOO_SMALL';
    return hold(guest, code, { distance: Math.max(0, distance), smallest: shrink.stepMin });
  }
  if (target > roundUp(asked)) return move(guest, target, limit.code, { goal, limit: limit.bytes });
  if (call !== undefined && (hurried || !permitted))
    return move(guest, target, 'BUDGET_DONOR', { asked: call.bytes });
  if (settled >= bottom && settled > goal)
    return move(guest, target, 'STABILIZING', { goal, highest: settled });
  return move(guest, target, bottom > goal ? 'GUARD_FLOOR' : 'OK', inputs);
}

/**
 * A growth towards `goal`, or why there is none. Its limits are its own, and those of a shrink do not hold it back (H25).
 *
 * @param room bytes that nobody has been promised
 */
export function restrainGrow(
  guest: Movable,
  goal: Bytes,
  room: Bytes,
  { level, now }: Circumstances,
): Restrained {
  const { policy, memory, current, distressed, promised } = guest;
  const { grow } = policy;
  const inputs = inputsOf(guest, goal);
  if (!distressed) {
    const near = current + tolerance(guest);
    if (!grow.at.has(level) && guest.desired > near) return hold(guest, 'LEVEL_FORBIDS');
    if (goal <= near) return hold(guest, guest.desired > near ? 'OK' : 'WITHIN_TOLERANCE', inputs);
    const rested = memory.grownAt === undefined ? Number.POSITIVE_INFINITY : now - memory.grownAt;
    if (rested < grow.cooldownSeconds)
      return hold(guest, 'COOLDOWN', { seconds: grow.cooldownSeconds - rested });
  }
  const limit = distressed ? UNLIMITED : strictest(guest, grow, memory.grownAt, now);
  const whole = wholeTarget(goal, guest.max);
  const wish = Math.min(whole, wholeTarget(current + limit.bytes, guest.max));
  const offered = isUnderWay(memory.move, now) ? Math.max(current, memory.move.to) : current;
  if (wish <= offered) {
    if (offered > current) return hold(guest, 'MOVE_IN_FLIGHT', { target: offered });
    if (wish < whole) return hold(guest, limit.code, inputs);
    return hold(guest, guest.desired > current + tolerance(guest) ? 'OK' : 'WITHIN_TOLERANCE', inputs);
  }
  const target = Math.min(wish, Math.max(promised, wholeTarget(promised + room, guest.max)));
  const short = wish - target;
  if (target <= offered) return hold(guest, 'WAITING_FOR_DONORS', inputs, short);
  const distance = target - current;
  if (!distressed && distance < grow.stepMin) {
    if (short > 0) return hold(guest, 'WAITING_FOR_DONORS', inputs, short);
    return hold(guest, wish < whole ? limit.code : 'STEP_TOO_SMALL', { distance, smallest: grow.stepMin });
  }
  const code = short > 0 ? 'WAITING_FOR_DONORS' : wish < whole ? limit.code : 'OK';
  return move(guest, target, code, inputs, short);
}

/** The move under way that a shrink waits for. What a growth has brought too much of goes to one in distress at once. */
function awaited({ memory: { move } }: Movable, urgent: boolean, now: Seconds): Move | undefined {
  return isUnderWay(move, now) && !(urgent && move.to > move.from) ? move : undefined;
}

/** Most that a guest could give now, or 0 if less than is worth a move. Neither pressure level nor pace is looked at. */
export function givable(guest: Movable, goal: Bytes, urgent: boolean, now: Seconds): Bytes {
  const { memory, current, policy, sample } = guest;
  if (isBarred(guest, urgent) || isAwaited(memory, sample)) return 0;
  if (awaited(guest, urgent, now) !== undefined || isBackingOff(memory, now)) return 0;
  if (!urgent && current - goal <= tolerance(guest)) return 0;
  const bytes = current - roundUp(Math.max(goal, guest.floor));
  return bytes > 0 && bytes >= policy.shrink.stepMin ? bytes : 0;
}

/** What to ask of a guest that can give `most` when `wanted` is missing: not less than is worth a move. */
export function askable(guest: Movable, wanted: Bytes, most: Bytes): Bytes {
  // Targets are rounded up to whole MiB, so that much may be lost.
  return Math.min(most, Math.max(wanted, guest.policy.shrink.stepMin) + MiB);
}

interface Limit {
  readonly bytes: Bytes;
  readonly code: ReasonCode;
}

const UNLIMITED: Limit = { bytes: Number.POSITIVE_INFINITY, code: 'OK' };

/** The tighter of step and rate, in bytes for this tick. `last` is when the guest last moved this way. */
function strictest(guest: Movable, direction: Direction, last: Seconds | undefined, now: Seconds): Limit {
  const step = resolveAmount(direction.stepMax, guest.max);
  if (direction.rate === undefined || last === undefined) return { bytes: step, code: 'STEP_LIMITED' };
  const allowed = direction.rate * (now - last);
  return allowed < step ? { bytes: allowed, code: 'RATE_LIMITED' } : { bytes: step, code: 'STEP_LIMITED' };
}

/**
 * H3 (R3): while earlier shrinks are on probation, half of what the guest could still give, so that a formula that is wrong about
 * it is found out while there is some left. A step that leaves less than is worth another one goes all the way.
 */
function halfSlack(guest: Movable, distance: Bytes): Limit {
  const { current, floor, policy, memory } = guest;
  if (memory.probation === undefined) return UNLIMITED;
  const half = (current - floor) / 2;
  const rest = distance - half;
  return rest <= Math.max(tolerance(guest), policy.shrink.stepMin, MiB)
    ? UNLIMITED
    : { bytes: half, code: 'SLACK_LIMITED' };
}

function tighter(a: Limit, b: Limit): Limit {
  return a.bytes < b.bytes ? a : b;
}

const NO_INPUTS: StageInputs = Object.freeze({});

/** None where nobody reads them. */
function inputsOf({ trail }: Movable, goal: Bytes): StageInputs {
  return trail.told ? { goal } : NO_INPUTS;
}

function hold(
  guest: Movable,
  code: ReasonCode,
  inputs = NO_INPUTS,
  short: Bytes = 0,
  source?: SourceRef,
): Restrained {
  return written(guest.restrained, undefined, code, inputs, short, source);
}

function move(
  guest: Movable,
  target: Bytes,
  code: ReasonCode,
  inputs: StageInputs,
  short: Bytes = 0,
): Restrained {
  return written(guest.restrained, target, code, inputs, short, undefined);
}

function written(
  result: Restrained,
  target: Bytes | undefined,
  code: ReasonCode,
  inputs: StageInputs,
  short: Bytes,
  source: SourceRef | undefined,
): Restrained {
  result.target = target;
  result.code = code;
  result.inputs = inputs;
  result.short = short;
  result.source = source;
  return result;
}

/** The dead band: what is closer than this to its goal stays as it is (H22, R17). */
export function tolerance(guest: Movable): Bytes {
  return Math.max(guest.policy.tolerance.ratio * guest.current, guest.policy.tolerance.bytes);
}

function latest(a: Seconds | undefined, b: Seconds | undefined): Seconds | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}

/** Whole MiB, so that targets read well; never past the limit that gave them. */
function roundUp(bytes: Bytes): Bytes {
  return Math.ceil(bytes / MiB) * MiB;
}

/** Whole MiB downwards, or the whole guest: its balloon is then empty. */
function wholeTarget(bytes: Bytes, max: Bytes): Bytes {
  return bytes >= max ? max : Math.floor(bytes / MiB) * MiB;
}
