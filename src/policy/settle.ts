/** Who moves how far this tick: growth from what is free, donors for what is missing, restraint for everybody. */
import type { ReasonCode } from '../model/decision.ts';
import type { Bytes } from '../model/units.ts';
import { type Arbitration, arbitrate, type Entitlement, type HostBudget, type Split } from './arbitrate.ts';
import type { Assessment, Movable } from './assess.ts';
import { limitShrinks } from './limits.ts';
import type { Outcome } from './outcome.ts';
import {
  askable,
  type Call,
  type Circumstances,
  givable,
  type Restrained,
  restrainGrow,
  restrainShrink,
} from './restrain.ts';
import type { ReclaimAllowance } from './state.ts';
import { record } from './trail.ts';

export interface Settlement {
  readonly split: Split;
  readonly outcomes: ReadonlyMap<Movable, Outcome>;
  readonly reclaim: ReclaimAllowance | undefined;
}

/** Budget and restraint for all guests that may move. */
export function settle(
  budget: HostBudget,
  assessments: readonly Assessment[],
  circumstances: Circumstances,
): Settlement {
  const { level, now, host } = circumstances;
  const arbitration = arbitrate(budget, assessments, level, now, host?.surplus);
  const growth = grantGrowth(budget.free, arbitration.entitled, circumstances);
  const calls = callDonors(arbitration.entitled, growth, circumstances);
  const inputs = { budget: budget.total, committed: budget.committed, free: budget.free };
  const outcomes = new Map<Movable, Outcome>();
  for (const { guest, size, returned } of arbitration.entitled) {
    const fits = returned ? 'SURPLUS_RETURNED' : 'BUDGET_FITS';
    const code = size < guest.desired ? SPLIT_CODES[arbitration.split] : fits;
    record(guest.trail, 'budget', code, size, inputs);
    const grown = growth.moves.get(guest);
    const goal = returned ? size : Math.min(size, guest.desired);
    const restrained = grown ?? restrainShrink(guest, goal, circumstances, calls.get(guest));
    outcomes.set(guest, conclude(guest, restrained, grown ? 'grow' : 'shrink', code));
  }
  if (host === undefined) return { split: arbitration.split, outcomes, reclaim: undefined };
  const urgent = new Set([...calls].flatMap(([guest, call]) => (call.urgent ? [guest] : [])));
  const limited = limitShrinks(host.limits, circumstances.reclaim, outcomes, assessments, urgent, now);
  return { split: arbitration.split, ...limited };
}

const SPLIT_CODES = { fits: 'BUDGET_FITS', cut: 'BUDGET_CUT', insufficient: 'HOST_INSUFFICIENT' } as const;

/** The last stage. Where restraint had nothing to add, the budget decided if it cut, and else the target did. */
function conclude(
  { trail, current, policy, bar }: Movable,
  { target, code, inputs, source }: Restrained,
  direction: 'shrink' | 'grow',
  budget: ReasonCode,
): Outcome {
  const cut = budget !== 'BUDGET_FITS' && budget !== 'SURPLUS_RETURNED';
  const growth = budget === 'SURPLUS_RETURNED' ? budget : 'GROW';
  const given = bar?.code === 'RELIEF' ? 'RELIEF' : growth;
  const plain = target === undefined ? 'WITHIN_TOLERANCE' : direction === 'shrink' ? 'SHRINK' : given;
  const own = code === 'OK' && !cut ? plain : code;
  record(trail, 'restraint', own, target ?? current, inputs, source ?? policy.source);
  const reason = own === 'OK' ? budget : own;
  return target === undefined ? { action: 'hold', reason, target } : { action: direction, reason, target };
}

interface Growth {
  /** One entry for every guest that is not to shrink. */
  readonly moves: ReadonlyMap<Movable, Restrained>;
  /** What growth found no room for. */
  readonly missing: Bytes;
  readonly urgent: boolean;
}

/**
 * Growth from what is free now. The distressed come first, then those whose policies give last, the hardest pressed among them
 * first. Only what is really taken is taken from the others.
 */
function grantGrowth(free: Bytes, entitled: Arbitration['entitled'], circumstances: Circumstances): Growth {
  const growers = entitled.filter(entitlement => !wouldShrink(entitlement));
  growers.sort(
    ({ guest: a }, { guest: b }) =>
      Number(b.distressed) - Number(a.distressed) ||
      a.policy.priority - b.policy.priority ||
      b.active - a.active ||
      byUuid(a, b),
  );
  const moves = new Map<Movable, Restrained>();
  let room = free;
  let missing = 0;
  let urgent = false;
  for (const { guest, size, returned } of growers) {
    const growth = restrainGrow(guest, size, room, circumstances);
    moves.set(guest, growth);
    if (growth.target !== undefined) room -= Math.max(0, growth.target - guest.promised);
    // Nobody gives so that another has more than it asks for.
    const asked = returned ? Math.max(0, growth.short - (size - guest.desired)) : growth.short;
    missing += asked;
    urgent ||= asked > 0 && guest.distressed;
  }
  return { moves, missing, urgent };
}

/** A guest whose entitlement is its own size, but whose policy asks for less, is told why it does not shrink. */
function wouldShrink({ guest: { current, desired }, size, returned }: Entitlement): boolean {
  return size < current || (size === current && desired < current && !returned);
}

/**
 * Guests that must give because growth that others are entitled to is not free yet, and how much. What is on its way already
 * counts first, then those that the pressure level lets shrink anyhow, then those that give first by their policies.
 */
function callDonors(
  entitled: Arbitration['entitled'],
  { missing, urgent }: Growth,
  { level, now }: Circumstances,
): ReadonlyMap<Movable, Call> {
  const calls = new Map<Movable, Call>();
  let left = missing;
  if (left <= 0) return calls;
  for (const { guest } of entitled) left -= arriving(guest);
  const permitted = ({ policy }: Movable) => Number(policy.shrink.at.has(level));
  const candidates = entitled.filter(({ guest, size }) => givable(guest, size, urgent, now) > 0);
  candidates.sort(
    ({ guest: a }, { guest: b }) =>
      permitted(b) - permitted(a) ||
      b.policy.priority - a.policy.priority ||
      a.active - b.active ||
      byUuid(a, b),
  );
  for (const { guest, size } of candidates) {
    if (left <= 0) break;
    const most = givable(guest, size, urgent, now);
    calls.set(guest, { bytes: askable(guest, left, most), urgent });
    left -= most;
  }
  return calls;
}

/** What a shrink under way is still to bring. */
function arriving({ memory: { move }, current }: Movable): Bytes {
  return move === undefined || move.to >= move.from ? 0 : Math.max(0, current - move.to);
}

function byUuid(a: Movable, b: Movable): number {
  return a.sample.uuid < b.sample.uuid ? -1 : 1;
}
