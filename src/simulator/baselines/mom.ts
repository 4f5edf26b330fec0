/**
 * The Memory Overcommitment Manager with its default rules (oVirt MOM 0.6.5, doc/balloon.rules): under pressure every guest shrinks
 * by up to a twentieth a round, else every guest grows by as much. On plain libvirt it knows no minimum.
 */
import type { Bytes, Ratio, Seconds } from '../../model/units.ts';
import type { Algorithm, Baseline, GuestView, Look } from './baseline.ts';

const PRESSURE: Ratio = 0.2;
const CRITICAL: Ratio = 0.05;
const GUEST_FREE: Ratio = 0.2;
const STEP: Ratio = 0.05;
const LEAST_STEP: Ratio = 0.0025;
/** Samples that a mean is taken over. */
const HISTORY = 10;

export interface MomGuest {
  readonly size: Bytes;
  readonly max: Bytes;
  /** Means of the last samples. */
  readonly meanSize: Bytes;
  readonly meanFree: Bytes;
}

/** @param free mean share of the host that is free; undefined: the guest stays as it is */
export function momTarget(free: Ratio, guest: MomGuest): Bytes | undefined {
  const used = guest.meanSize - guest.meanFree;
  return free < PRESSURE ? shrink(free, guest, used) : grow(guest, used);
}

function shrink(free: Ratio, { size }: MomGuest, used: Bytes): Bytes | undefined {
  const guestFree = free <= CRITICAL ? free - CRITICAL : GUEST_FREE * (free / PRESSURE);
  const target = Math.max(size * (1 - STEP), used + guestFree * size);
  return target <= size && size - target > LEAST_STEP * size ? target : undefined;
}

/** The step does not bound what the free share asks for. */
function grow({ size, max }: MomGuest, used: Bytes): Bytes | undefined {
  if (size >= max) return undefined;
  const target = Math.min(Math.max(size * (1 + STEP), used + GUEST_FREE * size), max);
  return Math.abs(target - size) > LEAST_STEP * size ? target : undefined;
}

/** @param looksARound how many looks of its monitors come before the policy runs */
function start(looksARound: number): Algorithm {
  const hosts: Ratio[] = [];
  const guests = new Map<string, { readonly sizes: Bytes[]; readonly frees: Bytes[] }>();
  let looks = 0;

  function historyOf({ id, size, report }: GuestView) {
    const history = guests.get(id) ?? { sizes: [], frees: [] };
    guests.set(id, history);
    if (report !== undefined) {
      push(history.sizes, size);
      push(history.frees, report.free);
    }
    return history;
  }

  return ({ host, guests: seen }: Look) => {
    push(hosts, host.available / host.total);
    const histories = seen.map(historyOf);
    const targets = new Map<string, Bytes>();
    if (++looks % looksARound !== 0) return targets;
    for (const [i, { id, size, max, report }] of seen.entries()) {
      const history = histories[i];
      // A guest without figures is not ready, and drops out of the round.
      if (history === undefined || report === undefined) continue;
      const guest = { size, max, meanSize: mean(history.sizes), meanFree: mean(history.frees) };
      const target = momTarget(mean(hosts), guest);
      if (target !== undefined) targets.set(id, target);
    }
    return targets;
  };
}

function push(values: number[], value: number): void {
  values.push(value);
  if (values.length > HISTORY) values.shift();
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** MOM whose monitors look each so many whole seconds. */
export function momEvery(seconds: Seconds, looksARound: number): Baseline {
  return { name: 'mom', intervalSeconds: seconds, statsPeriod: seconds, start: () => start(looksARound) };
}

/** As it comes: monitors look every 5 s, the policy runs at every second look. */
export const mom: Baseline = momEvery(5, 2);
