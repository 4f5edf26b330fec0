/** Who moves how far this tick: donors for what growth misses, restraint for everybody. */
import type { ReasonCode } from '../model/decision.ts';
import type { Bytes } from '../model/units.ts';
import { type Arbitration, arbitrate, type HostBudget, type Split } from './arbitrate.ts';
import { byUuid, type Growth, grantGrowth } from './grant.ts';
import { limitShrinks } from './limits.ts';
import type { Outcome } from './outcome.ts';
import {
  askable,
  type Call,
  type Circumstances,
  givable,
  type Restrained,
  restrainShrink,
} from './restrain.ts';
import type { Assessment, Movable } from './sheet.ts';
import type { ReclaimAllowance } from './state.ts';
import { record } from './trail.ts';

export interface Settlement {
  readonly split: Split;
  readonly outcomes: ReadonlyMap<Assessment, Outcome>;
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
  const growth = grantGrowth(budget, arbitration.entitled, assessments, circumstances);
  const calls = callDonors(arbitration.entitled, growth, circumstances);
  const inputs = { budget: budget.total, committed: budget.committed, free: budget.free };
  const outcomes = new Map<Assessment, Outcome>(growth.restored);
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
  { trail, current, policy, growth }: Movable,
  { target, code, inputs, source }: Restrained,
  direction: 'shrink' | 'grow',
  budget: ReasonCode,
): Outcome {
  const cut = budget !== 'BUDGET_FITS' && budget !== 'SURPLUS_RETURNED';
  const given = budget === 'SURPLUS_RETURNED' && growth === 'GROW' ? budget : growth;
  const plain = target === undefined ? 'WITHIN_TOLERANCE' : direction === 'shrink' ? 'SHRINK' : given;
  const own = code === 'OK' && !cut ? plain : code;
  record(trail, 'restraint', own, target ?? current, inputs, source ?? policy.source);
  const reason = own === 'OK' ? budget : own;
  return target === undefined ? { action: 'hold', reason, target } : { action: direction, reason, target };
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
