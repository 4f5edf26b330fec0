/**
 * XenServer's squeezed: without any figure from inside guests, all have the same share of their range, so that the host keeps 72 MiB
 * free. On Xen a guest's memory is its own whether it has touched it or not; so it is reckoned with here.
 */
import { type Bytes, KiB, MiB, type Ratio, type Seconds } from '../../model/units.ts';
import type { Algorithm, Baseline, GuestView, Targets } from './baseline.ts';

const WANTED_FREE: Bytes = 72 * MiB;
const INACCURACY: Bytes = 4 * KiB;
const STUCK_AFTER: Seconds = 5;
/** Pause from the end of one squeeze to the beginning of the next. */
const REST: Seconds = 10;

export interface SqueezedGuest {
  readonly id: string;
  readonly min: Bytes;
  readonly max: Bytes;
  readonly size: Bytes;
}

/** The share of their range that guests get, 0 to 1. */
function gammaOf(hostFree: Bytes, guests: readonly SqueezedGuest[]): Ratio {
  const givable = guests.reduce((sum, { size, min }) => sum + Math.max(0, size - min - 2 * INACCURACY), 0);
  const surplus = Math.max(0, hostFree + givable - WANTED_FREE);
  const range = guests.reduce((sum, { min, max }) => sum + Math.max(0, max - min), 0);
  return range > 0 ? Math.min(1, surplus / range) : 0;
}

/** @param hostFree memory that no guest has, below zero where guests were promised more than there is */
export function squeezedTargets(hostFree: Bytes, guests: readonly SqueezedGuest[]): Map<string, Bytes> {
  const gamma = gammaOf(hostFree, guests);
  return new Map(guests.map(({ id, min, max }) => [id, min + Math.trunc((gamma * (max - min)) / KiB) * KiB]));
}

interface Watch {
  size: Bytes;
  since: Seconds;
  stuck: boolean;
}

function start(): Algorithm {
  const watches = new Map<string, Watch>();
  let working = false;
  let restUntil: Seconds = 0;

  function isStuck({ id, size, target }: GuestView, time: Seconds): boolean {
    const watch = watches.get(id) ?? { size, since: time, stuck: false };
    watches.set(id, watch);
    if (arrived(size, target) || size !== watch.size) {
      watch.size = size;
      watch.since = time;
    } else if (time - watch.since > STUCK_AFTER) {
      watch.stuck = true;
    }
    return watch.stuck;
  }

  return ({ time, host, guests }) => {
    const none: Targets = new Map();
    if (!working && time < restUntil) return none;
    if (!working) watches.clear();
    working = true;
    const active = guests.filter(guest => !isStuck(guest, time));
    const hostFree = host.capacity - guests.reduce((sum, { size }) => sum + size, 0);
    const targets = squeezedTargets(hostFree, active);
    const targetOf = ({ id, size }: GuestView): Bytes => targets.get(id) ?? size;
    // First those that give, and only when all of them have given those that take.
    const givers = active.filter(
      guest => targetOf(guest) < guest.size && !arrived(guest.size, targetOf(guest)),
    );
    const moving = givers.length > 0 ? givers : active.filter(guest => !arrived(guest.size, targetOf(guest)));
    if (moving.length === 0) {
      working = false;
      restUntil = time + REST;
      return none;
    }
    return new Map(moving.map(guest => [guest.id, targetOf(guest)]));
  };
}

/** Half a MiB is near enough: balloons are not exact. */
function arrived(size: Bytes, target: Bytes): boolean {
  return Math.abs(size - target) <= 512 * KiB;
}

export const squeezed: Baseline = { name: 'squeezed', intervalSeconds: 1, statsPeriod: 5, start };
