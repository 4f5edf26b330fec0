/** Who moves how far this tick: donors for what growth misses, restraint for everybody. */
import type { ReasonCode } from '../model/decision.ts';
import type { Bytes } from '../model/units.ts';
import { arbitrate, type HostBudget, type Split } from './arbitrate.ts';
import { takeCold } from './cold.ts';
import { byUuid, type Growth, grantGrowth } from './grant.ts';
import { limitShrinks } from './limits.ts';
import type { Restrained } from './outcome.ts';
import { askable, type Call, type Circumstances, givable, restrainShrink } from './restrain.ts';
import type { Movable, Sheet } from './sheet.ts';
import { shareShortage, takeShares } from './shortage.ts';
import type { ReclaimAllowance } from './state.ts';
import { record } from './trail.ts';

export interface Settlement {
  readonly split: Split;
  readonly reclaim: ReclaimAllowance | undefined;
}

/** Budget and restraint for all guests; writes what becomes of those that may move. */
export function settle(
  budget: HostBudget,
  sheets: readonly Sheet[],
  circumstances: Circumstances,
): Settlement {
  const { level, now, host } = circumstances;
  const { split, left, movable } = arbitrate(budget, sheets, level, now, host?.surplus);
  const shares = host?.shortage === 'share' ? shareShortage(left, movable, now) : undefined;
  const growth = grantGrowth(budget, movable, sheets, circumstances);
  const { calls, missing } = callDonors(movable, growth, budget, circumstances);
  const givers = shares === undefined ? NOBODY : takeShares(shares, missing, now, host?.shortageSource);
  const cold = takeCold(movable, calls, missing, circumstances);
  // Mostly nobody gives for another, and nobody is looked for.
  const moving = givers.size + cold.steps.size + calls.size > 0;
  const inputs = { budget: budget.total, committed: budget.committed, free: budget.free };
  for (const guest of movable) {
    const { share, returned, desired } = guest;
    const giver = moving ? (givers.get(guest) ?? cold.steps.get(guest)) : undefined;
    const grant = giver === undefined ? guest.grant : undefined;
    const fits = returned ? 'SURPLUS_RETURNED' : 'BUDGET_FITS';
    const code = share < desired ? SPLIT_CODES[split] : fits;
    record(guest.trail, 'budget', code, share, inputs);
    const goal = returned ? share : Math.min(share, desired);
    const restrained =
      grant ?? giver ?? restrainShrink(guest, goal, circumstances, moving ? calls.get(guest) : undefined);
    conclude(guest, restrained, grant === undefined ? 'shrink' : 'grow', code);
  }
  if (host === undefined) return { split, reclaim: undefined };
  const urgent = new Set([...calls].flatMap(([guest, call]) => (call.urgent ? [guest] : [])));
  for (const guest of [...givers.keys(), ...cold.urgent]) urgent.add(guest);
  return { split, reclaim: limitShrinks(host.limits, circumstances.reclaim, sheets, urgent, now) };
}

const NOBODY: ReadonlyMap<Movable, Restrained> = new Map();

const SPLIT_CODES = { fits: 'BUDGET_FITS', cut: 'BUDGET_CUT', insufficient: 'HOST_INSUFFICIENT' } as const;

/** The last stage. Where restraint had nothing to add, the budget decided if it cut, and else the target did. */
function conclude(
  guest: Movable,
  { target, code, inputs, source }: Restrained,
  direction: 'shrink' | 'grow',
  budget: ReasonCode,
): void {
  const { trail, current, policy, growth } = guest;
  const cut = budget !== 'BUDGET_FITS' && budget !== 'SURPLUS_RETURNED';
  const given = budget === 'SURPLUS_RETURNED' && growth === 'GROW' ? budget : growth;
  const plain = target === undefined ? 'WITHIN_TOLERANCE' : direction === 'shrink' ? 'SHRINK' : given;
  const own = code === 'OK' && !cut ? plain : code;
  record(trail, 'restraint', own, target ?? current, inputs, source ?? policy.source);
  guest.conclude(target === undefined ? 'hold' : direction, own === 'OK' ? budget : own, target);
}

interface Called {
  readonly calls: ReadonlyMap<Movable, Call>;
  /** What they cannot give. */
  readonly missing: Bytes;
}

/**
 * Guests that must give because growth that others are entitled to is not free yet, and how much. What is on its way already
 * counts first, then those that the pressure level lets shrink anyhow, then those that give first by their policies.
 */
function callDonors(
  movable: readonly Movable[],
  { missing, urgent }: Growth,
  { total, committed }: HostBudget,
  { level, now }: Circumstances,
): Called {
  const calls = new Map<Movable, Call>();
  if (missing <= 0) return { calls, missing: 0 };
  // Sizes promised beyond what there is may never have been touched: the first so many bytes given back free nothing.
  let left = missing + Math.max(0, committed - total);
  for (const guest of movable) left -= arriving(guest);
  const permitted = ({ policy }: Movable) => Number(policy.shrink.at.has(level));
  const candidates = movable.filter(guest => givable(guest, guest.share, urgent, now) > 0);
  candidates.sort(
    (a, b) =>
      permitted(b) - permitted(a) ||
      b.policy.priority - a.policy.priority ||
      a.active - b.active ||
      byUuid(a, b),
  );
  for (const guest of candidates) {
    if (left <= 0) break;
    const most = givable(guest, guest.share, urgent, now);
    calls.set(guest, { bytes: askable(guest, left, most), urgent });
    left -= most;
  }
  return { calls, missing: Math.min(missing, Math.max(0, left)) };
}

/** What a shrink under way is still to bring. */
function arriving({ memory: { move }, current }: Movable): Bytes {
  return move === undefined || move.to >= move.from ? 0 : Math.max(0, current - move.to);
}
