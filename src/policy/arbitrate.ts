/** The host's side of the decision: how much there is for guests, and how it is split among those that may move. */
import { type Snapshot, trusted } from '../model/snapshot.ts';
import type { Bytes } from '../model/units.ts';
import type { Assessment, Movable } from './assess.ts';
import { solveBudget } from './budget.ts';
import { type HostPolicy, hostReserve } from './policy-set.ts';
import type { GuestMemory } from './state.ts';

export interface HostBudget {
  /** Pool total less reserve, less what is not the guests', less what their processes hold beyond their size. */
  readonly total: Bytes;
  /** Sizes promised to all guests now: present size, or the target of a growth under way. */
  readonly committed: Bytes;
  /** What growth may be granted from before anybody has given anything back. */
  readonly free: Bytes;
}

/** Undefined while the host's own memory is not known. */
export function hostBudget(
  policy: HostPolicy,
  snapshot: Snapshot,
  assessments: readonly Assessment[],
): HostBudget | undefined {
  const poolTotal = trusted(snapshot.host.readings.total);
  const available = trusted(snapshot.host.readings.available);
  if (poolTotal === undefined || available === undefined) return undefined;
  let resident = 0;
  let overhead = 0;
  let committed = 0;
  let ungranted = 0;
  for (const { sample, memory } of assessments) {
    resident += trusted(sample.readings.rss) ?? 0;
    if (sample.state === 'stopped') continue;
    overhead += memory.overheadBytes;
    committed += promisedBytes(sample.readings.current.value ?? sample.readings.max.value ?? 0, memory);
    ungranted += memory.granted;
  }
  const reserve = hostReserve(policy, poolTotal);
  const others = Math.max(0, poolTotal - available - resident);
  const total = poolTotal - reserve - others - overhead;
  // A host may be overcommitted from the start: guests promised more at boot than there is. Sizes that nobody has touched are
  // then no bound for a guest in need; what is really unused is, less what we ourselves have given and is not yet touched.
  const free = committed <= total ? total - committed : available - reserve - ungranted;
  return { total, committed, free: Math.max(0, free) };
}

/** What is promised to a guest: its size, or what it has been asked to grow to. */
export function promisedBytes(current: Bytes, memory: GuestMemory): Bytes {
  return memory.move === undefined ? current : Math.max(current, memory.move.to);
}

export type Split = 'fits' | 'cut' | 'insufficient';

export interface Arbitration {
  readonly split: Split;
  /** Size that each movable guest is entitled to. */
  readonly entitled: ReadonlyMap<Movable, Bytes>;
}

/** Splits the budget among movable guests; those that are held keep what they have. */
export function arbitrate(budget: HostBudget, assessments: readonly Assessment[]): Arbitration {
  const movable: Movable[] = [];
  let left = budget.total;
  for (const assessment of assessments) {
    if (assessment.kind === 'movable') movable.push(assessment);
    else if (assessment.sample.state !== 'stopped') {
      const { current, max } = assessment.sample.readings;
      left -= promisedBytes(current.value ?? max.value ?? 0, assessment.memory);
    }
  }
  const { outcome, sizes } = solveBudget(
    left,
    movable.map(({ min, floor, desired, active, policy }) => ({
      min,
      floor: Math.min(floor, desired),
      desired,
      priority: policy.priority,
      shares: policy.shares,
      idleTax: policy.idleTax,
      active,
    })),
  );
  return {
    split: outcome,
    entitled: new Map(movable.map((guest, index) => [guest, sizes[index] ?? guest.min])),
  };
}

/**
 * Growth from what is free now: those whose policies give last come first, the hardest pressed first among them.
 * Returns the size granted to each guest that is entitled to grow.
 */
export function grantGrowth(free: Bytes, entitled: ReadonlyMap<Movable, Bytes>): Map<Movable, Bytes> {
  const growers = [...entitled].filter(([guest, size]) => size > promisedBytes(guest.current, guest.memory));
  growers.sort(([a], [b]) => a.policy.priority - b.policy.priority || pressedness(b) - pressedness(a));
  const granted = new Map<Movable, Bytes>();
  let left = free;
  for (const [guest, size] of growers) {
    const have = promisedBytes(guest.current, guest.memory);
    const grant = Math.min(size - have, left);
    left -= grant;
    granted.set(guest, have + grant);
  }
  return granted;
}

function pressedness(guest: Movable): number {
  return (guest.distressed ? 1 : 0) + guest.active;
}

/**
 * Guests that must give although the pressure level does not ask it of them, because growth that others are entitled to is
 * not free yet. Those that give first come first; only as many as the shortfall needs.
 */
export function callDonors(
  entitled: ReadonlyMap<Movable, Bytes>,
  granted: ReadonlyMap<Movable, Bytes>,
): { donors: ReadonlySet<Movable>; urgent: boolean } {
  let shortfall = 0;
  let urgent = false;
  for (const [guest, size] of granted) {
    const missing = (entitled.get(guest) ?? size) - size;
    shortfall += missing;
    urgent ||= missing > 0 && guest.distressed;
  }
  const donors = new Set<Movable>();
  const candidates = [...entitled].filter(([guest, size]) => !guest.distressed && size < guest.current);
  candidates.sort(([a], [b]) => b.policy.priority - a.policy.priority || a.active - b.active);
  for (const [guest, size] of candidates) {
    if (shortfall <= 0) break;
    donors.add(guest);
    shortfall -= guest.current - size;
  }
  return { donors, urgent };
}
