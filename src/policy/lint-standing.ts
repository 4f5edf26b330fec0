/** A guest that stands still, for what is tried of a policy without any guest. */
import { type Bytes, GiB } from '../model/units.ts';
import type { Scope } from './expression/expression.ts';
import { type Amount, type GuestPolicy, LEVEL_NONE, resolveAmount } from './policy-set.ts';

/** Its maximum. */
export const STANDING_MAX: Bytes = 8 * GiB;

export type StandingScope = Scope & Required<Pick<Scope, 'guest' | 'vars'>>;

/** What a policy sees of a standing guest of `STANDING_MAX`, but for its use and size. Filled in anew for each try: a large set has tens of thousands. */
export function standingScope(): StandingScope {
  return {
    host: {
      ...{ total: 64 * GiB, available: 16 * GiB, available_ratio: 0.25, free: 8 * GiB, committed: 32 * GiB },
      ...{ swap_used: 0, swap_in_rate: 0, swap_out_rate: 0, guests: 8, level: LEVEL_NONE },
      psi: { some: { avg10: 0, avg60: 0, avg300: 0 }, full: { avg10: 0, avg60: 0, avg300: 0 } },
    },
    guest: {
      ...{
        name: 'guest',
        uuid: '00000000-0000-0000-0000-000000000000',
        tags: {},
        max: STANDING_MAX,
        boots: 1,
      },
      ...{ used_rate: 0, cache: 0, swap_in_rate: 0, swap_out_rate: 0, major_fault_rate: 0 },
      ...{ oom_kills: 0, alloc_stalls: 0, psi_some: 0, psi_full: 0 },
      ...{ uptime: 86_400, stats_age: 1, distress: false, level: 'ample' },
    },
    now: { hour: 12, weekday: 1 },
    vars: {},
  };
}

/**
 * Puts the guest at a use and a size, and evaluates the policy's variables there.
 *
 * @returns what the policy guarantees it; undefined where a variable cannot be told
 */
export function standIn(
  scope: StandingScope,
  { guarantees, variables }: GuestPolicy,
  used: Bytes,
  size: Bytes,
): { readonly min: Bytes; readonly max: Bytes } | undefined {
  const amount = (value: Amount): Bytes => Math.min(STANDING_MAX, resolveAmount(value, STANDING_MAX));
  const [min, max] = [amount(guarantees.min), amount(guarantees.max)];
  scope.guarantees = { min, max, reserve: guarantees.reserve };
  const { guest, vars } = scope;
  guest.current = guest.target = guest.total = guest.rss = size;
  guest.used = guest.need = guest.demand = used;
  guest.available = guest.free = size - used;
  for (const { name, expression } of variables) {
    const value = expression.evaluate(scope);
    if (typeof value !== 'number') return undefined;
    vars[name] = value;
  }
  return { min, max };
}
