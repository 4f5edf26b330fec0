/** What protects one guest from giving: its own distress, its policy's vetoes and relief, and what it says of earlier shrinks. */
import type { ReasonCode, SourceRef } from '../model/decision.ts';
import type { GuestSample } from '../model/snapshot.ts';
import { type Bytes, MiB, type Ratio, type Seconds } from '../model/units.ts';
import { graceLeft } from './boot.ts';
import type { Scope } from './expression/expression.ts';
import { decayedFloor } from './feedback.ts';
import { type GuestPolicy, resolveAmount } from './policy-set.ts';
import type { GuestMemory } from './state.ts';
import { isSwapping, SWAP_NOISE } from './swapping.ts';
import { record, type StageInputs, type Trail } from './trail.ts';

/**
 * Swapping out faster than this is distress: a guest that evicts pages raises its own MemAvailable by doing so, and looks
 * comfortable. Slower than this is what kswapd does to cold pages at any time.
 */
const DISTRESS_SWAP_OUT = MiB;

/** How a guest is off by itself, for expressions: `guest.distress` and `guest.level`. */
export interface Condition {
  readonly distress: boolean;
  /** Unknown while its available memory is. */
  readonly level: 'ample' | 'low' | 'distress' | undefined;
}

/** A guest that lacks nothing. */
export const AMPLE: Condition = { distress: false, level: 'ample' };
const LOW: Condition = { distress: false, level: 'low' };
const DISTRESS: Condition = { distress: true, level: 'distress' };
const UNKNOWN: Condition = { distress: false, level: undefined };

/** How much of its own a guest has in reserve, by its policy, and what it has taken since its last report. */
interface Standing {
  readonly sample: GuestSample;
  readonly reserve: Bytes;
  readonly unreported: Bytes;
}

export function conditionOf({ sample: { readings }, reserve, unreported }: Standing): Condition {
  const { available, swapOutRate } = readings.trusted;
  const swapping = swapOutRate > DISTRESS_SWAP_OUT;
  if (swapping || available - unreported < reserve / 2) return DISTRESS;
  if (Number.isNaN(available)) return UNKNOWN;
  return available - unreported < reserve ? LOW : AMPLE;
}

/** Why a guest is not shrunk, whoever asks for it. */
export interface Bar {
  readonly code: Extract<
    ReasonCode,
    'VETOED' | 'EXPRESSION_FAILED' | 'RELIEF' | 'ROLLED_BACK' | 'BOOT_GRACE' | 'SWAPPING'
  >;
  readonly inputs: StageInputs;
  readonly source: SourceRef;
  /** Only caution by now: the guest gives all the same when another one is in distress. */
  readonly yields?: true;
}

export interface Protection {
  readonly bar: Bar | undefined;
  /** Size that the relief gives; undefined when there is none. */
  readonly relief: Bytes | undefined;
  readonly vetoed: GuestMemory['vetoed'];
}

const NO_PROTECTION: Protection = { bar: undefined, relief: undefined, vetoed: undefined };

/**
 * Evaluates vetoes and relief. A condition that cannot be evaluated bars shrinks as if it held, and relieves nobody: unknown
 * never shrinks a guest.
 */
export function protect(
  policy: GuestPolicy,
  scope: Scope,
  { vetoed: before }: GuestMemory,
  now: Seconds,
): Protection {
  let bar: Bar | undefined;
  let vetoed: Record<string, Seconds> | undefined;
  for (const { name, when, holdSeconds } of policy.vetoes) {
    const holds = when.evaluate(scope);
    if (typeof holds !== 'boolean') {
      const inputs = { veto: name, problem: holds.problem };
      bar ??= { code: 'EXPRESSION_FAILED', inputs, source: when.source };
    }
    const last = holds === true ? now : before?.[name];
    if (last === undefined) continue;
    const left = holds === true ? holdSeconds : last + holdSeconds - now;
    if (holds !== true && left <= 0) continue;
    vetoed ??= {};
    vetoed[name] = last;
    bar ??= { code: 'VETOED', inputs: { veto: name, seconds: left }, source: when.source };
  }
  const hurts = policy.relief?.when.evaluate(scope) ?? false;
  if (policy.relief === undefined || hurts === false)
    return bar === undefined && vetoed === undefined ? NO_PROTECTION : { bar, relief: undefined, vetoed };
  const { when, to } = policy.relief;
  if (hurts === true) {
    const size = Math.floor(resolveAmount(to, scope.guest?.max ?? 0));
    return { bar: { code: 'RELIEF', inputs: { size }, source: when.source }, relief: size, vetoed };
  }
  const inputs = { relief: true, problem: hurts.problem };
  return {
    bar: bar ?? { code: 'EXPRESSION_FAILED', inputs, source: when.source },
    relief: undefined,
    vetoed,
  };
}

/** What a guest in distress is given above its need: its use cannot show what it would use, if it could. */
const RELIEF_FACTOR: Ratio = 1.25;

/** A guest that has shown no harm for so long has come to terms with its size, even if it did not get all of it back. */
const HURTING_SECONDS: Seconds = 10;

/** Growth that is expected before a move can help, and is more than what pages come and go. */
export const RISING: Bytes = 8 * MiB;

/** What a tick knows of the guest. */
interface Situation {
  readonly sample: GuestSample;
  readonly memory: GuestMemory;
  readonly trail: Trail;
  readonly current: Bytes;
  readonly max: Bytes;
  readonly ceiling: Bytes;
  readonly need: Bytes;
  /** That and what its growth adds before a move can help. */
  readonly soon: Bytes;
  readonly condition: Condition;
  readonly at: Seconds;
}

/** What a guest gets beyond its policy's target, and why it is not shrunk. */
export interface Care {
  bar: Bar | undefined;
  /** The policy's target at first. */
  desired: Bytes;
  /** Growth is urgent, and the guest never donates (H5, R5). */
  distressed: boolean;
  /** What a growth of it is for. */
  growth: Extract<ReasonCode, 'RELIEF' | 'ROLLED_BACK' | 'DISTRESS' | 'COLD_RETURNED' | 'GROW'>;
}

/**
 * Puts the policy's protection and the guest's own together, and records what they change. Sizes here come from what the guest
 * needs or had, never from the size that it is on its way from (H4, R4).
 */
export function takeCare(
  guest: Situation & Care,
  policy: GuestPolicy,
  { bar: policyBar, relief }: Protection,
): void {
  const { trail, sample, memory, current, max, ceiling, need, condition, at: now } = guest;
  const { learned, probation } = memory;
  const { source } = policy;
  let { desired } = guest;
  // H29 (R22): not under the size that did harm, until that is forgotten.
  const floor = learned === undefined ? 0 : Math.min(ceiling, Math.ceil(decayedFloor(learned, max, now)));
  if (floor > desired) {
    desired = floor;
    record(trail, 'feedback', 'LEARNED_FLOOR', desired, { floor }, source);
  }
  const harm = probation?.harm;
  let harmed: Bar | undefined;
  const heard = probation?.harm === undefined || sample.reportsInEpoch > probation.report;
  const well = heard && isOffWell(sample, condition, current - need, policy.guarantees.reserve);
  const hurting =
    probation !== undefined && harm !== undefined && now - probation.since < HURTING_SECONDS && !well;
  const rollingBack = hurting && current < probation.from;
  if (probation !== undefined && harm !== undefined) {
    const inputs = { sign: harm, from: probation.from };
    harmed = { code: 'ROLLED_BACK', inputs, source, ...(!hurting && { yields: true }) };
    if (rollingBack) desired = Math.max(desired, Math.min(ceiling, probation.from));
    record(trail, 'feedback', harmed.code, desired, harmed.inputs, source);
  }
  const hurts = condition.distress && current < ceiling;
  if (hurts && policy.relief === undefined) {
    const size = Math.ceil(RELIEF_FACTOR * need + policy.guarantees.reserve);
    desired = Math.max(desired, Math.min(ceiling, size));
    record(trail, 'relief', 'DISTRESS', desired, { need, reserve: policy.guarantees.reserve }, source);
  }
  if (relief !== undefined) desired = Math.max(desired, Math.min(ceiling, relief));
  const own = policyBar ?? (harmed === undefined ? ownBar(sample, memory, source, now, well) : undefined);
  if (own !== undefined) {
    const stage = relief === undefined ? 'vetoes' : 'relief';
    record(trail, stage, own.code, desired, own.inputs, own.source);
  }
  guest.bar = own ?? harmed;
  guest.desired = desired;
  guest.distressed =
    relief !== undefined || rollingBack || hurts || isThreatened(guest, policy.guarantees.reserve);
  guest.growth = relief !== undefined ? 'RELIEF' : rollingBack ? 'ROLLED_BACK' : hurts ? 'DISTRESS' : 'GROW';
}

/**
 * A guest whose growth takes it into distress before a move can help. Donors that were called only then would come too late: programs
 * take hundreds of MiB a second, and a donor at its own pace gives tens.
 */
function isThreatened({ current, ceiling, need, soon }: Situation, reserve: Bytes): boolean {
  return current < ceiling && soon - need > RISING && current - soon < reserve / 2;
}

/**
 * A guest that has much more than it needs, what it has evicted counted in, and does not swap out, has freed what it was harmed
 * for. Where another has to swap for want of what lies idle in it, that is the greater harm.
 */
function isOffWell(
  { readings }: GuestSample,
  { distress }: Condition,
  spare: Bytes,
  reserve: Bytes,
): boolean {
  return !distress && !(readings.trusted.swapOutRate > SWAP_NOISE) && spare > 2 * reserve;
}

/** Bars that need no policy. */
function ownBar(
  { reportsInEpoch }: GuestSample,
  { boot, swapping }: Pick<GuestMemory, 'boot' | 'swapping'>,
  source: SourceRef,
  now: Seconds,
  well: boolean,
): Bar | undefined {
  const seconds = graceLeft(boot, reportsInEpoch, now);
  if (seconds !== undefined) return { code: 'BOOT_GRACE', inputs: { seconds }, source };
  // H13 (R12): a guest that swaps out looks better with every page.
  if (swapping === undefined || !isSwapping(swapping, now)) return undefined;
  const inputs = { evicted: swapping.evicted };
  return { code: 'SWAPPING', inputs, source, ...(well && { yields: true as const }) };
}
