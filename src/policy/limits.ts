/** The host's limits of all shrinks together. Growth is never held back by them. */
import type { ReasonCode } from '../model/decision.ts';
import { type Bytes, MiB, type Seconds } from '../model/units.ts';
import { isUnderWay } from './convergence.ts';
import type { HostLimits } from './policy-set.ts';
import { isMovable, type Movable, type Sheet } from './sheet.ts';
import type { ReclaimAllowance } from './state.ts';
import { record, type StageInputs } from './trail.ts';

const BURST_SECONDS = 60;

/** A shrink that this tick wants. */
interface Wish {
  readonly guest: Movable;
  readonly target: Bytes;
  /** A guest in distress waits for it: the rate is not asked, but pays for it. */
  readonly urgent: boolean;
}

/**
 * Holds back what the limits do not allow. Those whose policies give first keep their place, urgent ones before all; of equals the
 * larger shrink does more good.
 *
 * @param urgent guests that a guest in distress waits for
 * @returns what is left of the rate; undefined where there is none
 */
export function limitShrinks(
  limits: HostLimits,
  before: ReclaimAllowance | undefined,
  sheets: readonly Sheet[],
  urgent: ReadonlySet<Movable>,
  now: Seconds,
): ReclaimAllowance | undefined {
  const { reclaimRate, concurrentMoves, guestsPerTick } = limits;
  if (reclaimRate === undefined && concurrentMoves === undefined && guestsPerTick === undefined)
    return undefined;
  const most = reclaimRate === undefined ? Number.POSITIVE_INFINITY : reclaimRate * BURST_SECONDS;
  let allowance = most;
  if (reclaimRate !== undefined && before !== undefined)
    allowance = Math.min(most, before.bytes + reclaimRate * Math.max(0, now - before.at));
  let places = (concurrentMoves ?? Number.POSITIVE_INFINITY) - movesUnderWay(sheets, now);
  let turns = turnsOf(guestsPerTick, sheets.length);

  for (const wish of wishes(sheets, urgent)) {
    const { guest, target } = wish;
    const distance = guest.current - target;
    if (!wish.urgent && (places < 1 || turns < 1)) {
      const code = turns < 1 ? 'TICK_LIMITED' : 'MOVES_LIMITED';
      revise(guest, undefined, code, {});
      continue;
    }
    const bytes = wish.urgent ? distance : taken(guest, distance, allowance, most);
    if (bytes < distance) revise(guest, bytes, 'RECLAIM_LIMITED', { allowance: Math.max(0, allowance) });
    if (bytes <= 0) continue;
    allowance -= bytes;
    places -= 1;
    turns -= 1;
  }
  return reclaimRate === undefined ? undefined : { bytes: allowance, at: now };
}

/** How much of a shrink the allowance pays for. A full allowance always pays for the smallest step, or nothing would ever move. */
function taken({ policy, current }: Movable, distance: Bytes, allowance: Bytes, most: Bytes): Bytes {
  if (distance <= allowance) return distance;
  const target = Math.ceil((current - allowance) / MiB) * MiB;
  const affordable = current - target;
  const least = Math.max(MiB, policy.shrink.stepMin);
  if (affordable >= least) return affordable;
  return allowance >= most ? Math.min(distance, least) : 0;
}

function movesUnderWay(sheets: readonly Sheet[], now: Seconds): number {
  let count = 0;
  for (const { outcome, memory } of sheets) {
    if (outcome.action === 'grow' || isUnderWay(memory.move, now)) count++;
  }
  return count;
}

function turnsOf(limit: HostLimits['guestsPerTick'], guests: number): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY;
  return 'count' in limit ? limit.count : Math.max(1, Math.ceil(limit.ratio * guests));
}

function wishes(sheets: readonly Sheet[], urgent: ReadonlySet<Movable>): Wish[] {
  const result: Wish[] = [];
  for (const guest of sheets) {
    const { action, target } = guest.outcome;
    // A target that is to be corrected is not this shrink.
    if (action !== 'shrink' || target === undefined || guest.correction !== undefined) continue;
    if (isMovable(guest)) result.push({ guest, target, urgent: urgent.has(guest) });
  }
  return result.sort(
    (a, b) =>
      Number(b.urgent) - Number(a.urgent) ||
      b.guest.policy.priority - a.guest.policy.priority ||
      b.guest.current - b.target - (a.guest.current - a.target) ||
      (a.guest.sample.uuid < b.guest.sample.uuid ? -1 : 1),
  );
}

function revise(guest: Movable, bytes: Bytes | undefined, code: ReasonCode, inputs: StageInputs): void {
  const { current, trail } = guest;
  const target = bytes === undefined || bytes <= 0 ? undefined : current - bytes;
  record(trail, 'restraint', code, target ?? current, inputs);
  guest.conclude(target === undefined ? 'hold' : 'shrink', code, target);
}
