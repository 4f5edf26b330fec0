/**
 * Qubes OS's qmemman: every guest prefers 1.3 times what it uses; what there is beyond the preferences is split in proportion to
 * them, and where there is not enough, guests that have too much give first. Its agents report use within a tenth of a second, and
 * only when it has changed.
 */
import { type Bytes, MiB } from '../../model/units.ts';
import type { Algorithm, Baseline, GuestView } from './baseline.ts';

const CACHE_FACTOR = 1.3;
const LEAST_PREFERENCE: Bytes = 200 * MiB;
/** What is left on the host, and the least of it before a guest is given something. */
const HOST_LEFT: Bytes = 50 * MiB;
const HOST_LEAST: Bytes = 45 * MiB;
const SIGNIFICANT_TOTAL: Bytes = 150 * MiB;
const SIGNIFICANT_GAIN: Bytes = 15 * MiB;
const LEAST_DONATION: Bytes = 10 * MiB;
/** A change of use that is worth a report: 30 000 kB. */
const REPORTED_CHANGE: Bytes = 30_000 * 1024;
/** The allocator's own overhead. */
const SLACK = 0.999;
const ARRIVED: Bytes = 25 * MiB;

export interface QubesGuest {
  readonly id: string;
  readonly used: Bytes;
  readonly size: Bytes;
  readonly max: Bytes;
}

function preference({ used, max }: QubesGuest): Bytes {
  return Math.max(LEAST_PREFERENCE, Math.min(used * CACHE_FACTOR, max));
}

/**
 * Targets in the order in which they are to be set.
 *
 * @param free what the host has beyond what it keeps
 */
export function qubesTargets(guests: readonly QubesGuest[], free: Bytes): [id: string, target: Bytes][] {
  const needs = new Map(guests.map(guest => [guest, preference(guest) - guest.size]));
  const available = free - [...needs.values()].reduce((sum, need) => sum + need, 0);
  const targets = available > 0 ? whenEnough(guests, available) : whenShort(guests, free);
  const giving = (id: string): number => {
    const guest = guests.find(each => each.id === id);
    return Number((targets.get(id) ?? 0) >= (guest?.size ?? 0));
  };
  return [...targets].toSorted(([a], [b]) => giving(a) - giving(b));
}

function whenEnough(guests: readonly QubesGuest[], available: Bytes): Map<string, Bytes> {
  const sum = guests.reduce((total, guest) => total + preference(guest), 0);
  const targets = new Map(
    guests.map(guest => {
      const own = preference(guest);
      return [guest.id, Math.trunc(SLACK * (own + (own / sum) * available))];
    }),
  );
  const open = new Set(guests);
  for (;;) {
    let overflow = 0;
    for (const guest of open) {
      const target = targets.get(guest.id) ?? 0;
      if (target < guest.max) continue;
      overflow += target - guest.max;
      targets.set(guest.id, guest.max);
      open.delete(guest);
    }
    if (overflow <= 0 || open.size === 0) return targets;
    for (const { id } of open)
      targets.set(id, Math.trunc((targets.get(id) ?? 0) + (SLACK * overflow) / open.size));
  }
}

function whenShort(guests: readonly QubesGuest[], free: Bytes): Map<string, Bytes> {
  const donors = guests.filter(guest => preference(guest) < guest.size || guest.size >= guest.max);
  const targets = new Map<string, Bytes>();
  let surplus = 0;
  for (const guest of donors) {
    surplus += guest.size - preference(guest);
    if (guest.size - preference(guest) >= LEAST_DONATION) targets.set(guest.id, preference(guest));
  }
  // What donors are still to give counts as missing: nobody is given anything before they have.
  const given = free - surplus;
  if (given < 0) return targets;
  const acceptors = guests.filter(guest => !donors.includes(guest));
  const sum = acceptors.reduce((total, guest) => total + preference(guest), 0);
  for (const guest of acceptors) {
    const share = guest.size + (preference(guest) / sum) * given;
    targets.set(guest.id, Math.min(Math.trunc(SLACK * share), guest.max));
  }
  return targets;
}

function start(): Algorithm {
  const used = new Map<string, Bytes>();
  const without = new Set<string>();

  /** The agents' words: true when one of them has something new to say. */
  function listen(guests: readonly GuestView[]): boolean {
    let news = false;
    for (const { id, report, swapUsed } of guests) {
      if (report === undefined) continue;
      const now = report.total - report.free - report.cache + swapUsed;
      const before = used.get(id);
      if (before !== undefined && Math.abs(now - before) <= REPORTED_CHANGE) continue;
      used.set(id, now);
      news = true;
    }
    return news;
  }

  return ({ host, guests }) => {
    const targets = new Map<string, Bytes>();
    const news = listen(guests);
    const hostFree = host.capacity - guests.reduce((sum, { size }) => sum + size, 0);
    const promised = guests.reduce((sum, { target, size }) => sum + Math.max(0, target - size), 0);
    for (const { id, size, target } of guests) if (size <= target + ARRIVED) without.delete(id);
    if (!news && promised === 0 && hostFree >= HOST_LEFT - SIGNIFICANT_GAIN) return targets;
    const seen = guests.flatMap(({ id, size, target, max }): QubesGuest[] => {
      const use = used.get(id);
      return use === undefined || without.has(id)
        ? []
        : [{ id, used: use, size: Math.max(size, target), max }];
    });
    const wanted = qubesTargets(seen, hostFree - promised - HOST_LEFT);
    const before = new Map(guests.map(guest => [guest.id, guest]));
    if (!isSignificant(wanted, seen, before, hostFree)) return targets;
    let free = hostFree - promised;
    for (const [id, target] of wanted) {
      const guest = before.get(id);
      if (guest === undefined) continue;
      const gain = target - Math.max(guest.size, guest.target);
      if (gain > 0 && free - gain < HOST_LEAST) {
        // Somebody has not given what was counted on. What is there is given, and the rest must wait.
        for (const late of guests) if (late.size > late.target + ARRIVED) without.add(late.id);
        break;
      }
      if (gain > 0) free -= gain;
      targets.set(id, target);
    }
    return targets;
  };
}

function isSignificant(
  wanted: readonly [string, Bytes][],
  guests: readonly QubesGuest[],
  before: ReadonlyMap<string, GuestView>,
  hostFree: Bytes,
): boolean {
  if (HOST_LEFT - hostFree > SIGNIFICANT_GAIN) return true;
  const byId = new Map(guests.map(guest => [guest.id, guest]));
  let total = Math.abs(hostFree - HOST_LEFT);
  for (const [id, target] of wanted) {
    const guest = byId.get(id);
    if (guest === undefined) continue;
    if (guest.size < preference(guest) && target - guest.size > SIGNIFICANT_GAIN) return true;
    total += Math.abs(target - (before.get(id)?.target ?? guest.size));
  }
  return total > SIGNIFICANT_TOTAL;
}

export const qmemman: Baseline = { name: 'qmemman', intervalSeconds: 0.5, statsPeriod: 1, start };
