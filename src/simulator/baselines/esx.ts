/**
 * VMware ESX (Waldspurger, OSDI 2002): memory is taken from the guest that pays least for it, where idle pages cost four times their
 * price (idle memory tax of 75 %). Balloons are used when the host's free memory falls below a threshold, and let go when there is
 * plenty. Shares are the guests' sizes, as is the default. Below the balloon's thresholds ESX compresses and swaps a guest's memory
 * from outside; the model has no such thing, so there the balloon goes on alone.
 *
 * Not published, and assumed here: the weights of the moving averages (0.1 and 0.5 a sampling period).
 */
import { type Bytes, GiB, MiB, type Ratio, type Seconds } from '../../model/units.ts';
import type { Algorithm, Baseline, GuestView } from './baseline.ts';

const TAX: Ratio = 0.75;
/** What an idle page costs: 1 / (1 - tax). */
const IDLE_COST = 1 / (1 - TAX);
/** A balloon takes at most this share of a guest. */
const BALLOON_LIMIT: Ratio = 0.65;
const SAMPLING: Seconds = 30;
const REALLOCATION: Seconds = 15;
const [SLOW, FAST] = [0.1, 0.5];
/** Of the least free memory: below the first balloons inflate, above the last they are let go. */
const STATES = { soft: 0.64, clear: 1, high: 4 } as const;

/** What a host of this size keeps free at least: 6, 4, 2 and 1 % of its first 4, next 8, next 16 GiB and the rest. */
export function leastFree(total: Bytes): Bytes {
  let left = total;
  let sum = 0;
  for (const [size, share] of [
    [4 * GiB, 0.06],
    [8 * GiB, 0.04],
    [16 * GiB, 0.02],
    [Number.POSITIVE_INFINITY, 0.01],
  ] as const) {
    sum += share * Math.min(size, left);
    left = Math.max(0, left - size);
  }
  return sum;
}

export interface EsxGuest {
  readonly id: string;
  readonly shares: number;
  /** Share of its memory that it uses. */
  readonly active: Ratio;
  readonly least: Bytes;
  readonly most: Bytes;
}

/** Price per page that a guest pays: shares over pages, idle ones taxed. The one with the smallest price loses the next page. */
export function pricePerPage({ shares, active }: Pick<EsxGuest, 'shares' | 'active'>, pages: number): number {
  return shares / (pages * (active + IDLE_COST * (1 - active)));
}

/** Splits `total` so that all guests between their bounds pay the same price (min-funding revocation, carried to its end). */
export function minFunding(guests: readonly EsxGuest[], total: Bytes): Map<string, Bytes> {
  const sizesAt = (price: number): Bytes[] =>
    guests.map(guest => Math.min(guest.most, Math.max(guest.least, pricePerPage(guest, 1) / price)));
  let [low, high] = [1e-12, 1e12];
  for (let i = 0; i < 100; i++) {
    const price = Math.sqrt(low * high);
    const sum = sizesAt(price).reduce((all, size) => all + size, 0);
    if (sum > total) low = price;
    else high = price;
  }
  const sizes = sizesAt(high);
  return new Map(guests.map(({ id }, i) => [id, sizes[i] ?? 0]));
}

interface Activity {
  slow: Ratio;
  fast: Ratio;
}

function start(): Algorithm {
  const activities = new Map<string, Activity>();
  let sampledAt = Number.NEGATIVE_INFINITY;
  let movedAt = Number.NEGATIVE_INFINITY;
  let ballooning = false;

  function sample(guests: readonly GuestView[]): void {
    for (const { id, active } of guests) {
      const before = activities.get(id);
      if (before === undefined) activities.set(id, { slow: active, fast: active });
      else {
        before.slow += SLOW * (active - before.slow);
        before.fast += FAST * (active - before.fast);
      }
    }
  }

  /** The highest of the averages and of what is seen now: quick to see growth, slow to forget it. */
  function activeOf({ id, active }: GuestView): Ratio {
    const { slow, fast } = activities.get(id) ?? { slow: active, fast: active };
    return Math.min(1, Math.max(slow, fast, active));
  }

  return ({ time, host, guests }) => {
    if (time - sampledAt >= SAMPLING) {
      sampledAt = time;
      sample(guests);
    }
    const least = leastFree(host.total);
    const began = !ballooning && host.available < STATES.soft * least;
    if (began) ballooning = true;
    if (host.available >= STATES.clear * least) ballooning = false;
    const releasing = host.available > STATES.high * least;
    const targets = new Map<string, Bytes>();
    if (!(ballooning || releasing) || (!began && time - movedAt < REALLOCATION)) return targets;
    movedAt = time;
    const bounds = guests.map((guest): EsxGuest & { readonly held: Bytes } => {
      const floor = Math.max(guest.min, (1 - BALLOON_LIMIT) * guest.max);
      // What a guest has not touched costs nothing, and ballooning it would bring nothing.
      const held = Math.min(guest.size, guest.resident);
      return {
        id: guest.id,
        shares: guest.max / MiB,
        active: activeOf(guest),
        held,
        least: ballooning ? Math.min(floor, held) : guest.size,
        most: ballooning ? held : guest.max,
      };
    });
    const missing = STATES.clear * least - host.available;
    const now = bounds.reduce((sum, { held, least: size }) => sum + (ballooning ? held : size), 0);
    const spare = host.available - STATES.high * least;
    for (const [id, size] of minFunding(bounds, ballooning ? now - missing : now + spare)) {
      const bound = bounds.find(each => each.id === id);
      const moved = ballooning ? size < (bound?.held ?? 0) - MiB : size > (bound?.least ?? 0) + MiB;
      if (moved) targets.set(id, size);
    }
    return targets;
  };
}

export const esx: Baseline = { name: 'esx', intervalSeconds: 1, statsPeriod: 5, start };
