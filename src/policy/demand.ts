import type { Bytes, Ratio, Seconds } from '../model/units.ts';
import { NOTHING_NEW, type Unreported } from './unreported.ts';

/** How many parts the window is kept in. More parts forget more smoothly and cost more to sort. */
const SLOTS = 24;

/** QEMU asks a guest for statistics in whole seconds (guest-stats-polling-interval), so reports are never closer than this. */
export const SHORTEST_PERIOD: Seconds = 1;

/**
 * What a guest has used over the window, as the peak of each of its parts: bounded memory whatever the interval, and a
 * peak is never averaged away. Instants are monotonic seconds.
 */
export interface DemandWindow {
  /** Peaks of the finished parts, oldest first; 0 for a part without a report. */
  readonly peaks: readonly Bytes[];
  /** The same without the zeros, smallest first: reports are many, and parts end seldom. */
  readonly ranked: readonly Bytes[];
  readonly partStart: Seconds;
  readonly partPeak: Bytes;
  /** The newest report: its number in the epoch, what it said, and when it was first seen. */
  readonly report: number;
  readonly last: Bytes;
  readonly lastAt: Seconds;
  /** Bytes per second between the last two reports; negative when use falls. */
  readonly slope: number;
  /** What the guest's process held on the host when the newest report was first seen; missing when that was not known. */
  readonly rss?: Bytes | undefined;
}

/** One report of use. */
export interface UseReport {
  readonly used: Bytes;
  /** Number in the epoch. The same report read twice is told by it, not by its age, which jitters with the wall clock. */
  readonly report: number;
  /** Monotonic instant at which it was first seen. */
  readonly at: Seconds;
  /** What the guest's process holds on the host at that instant. */
  readonly rss?: Bytes | undefined;
}

/** Adds one report of use. A report that has been seen changes nothing. */
export function observeUse(
  window: DemandWindow | undefined,
  { used, report, at, rss }: UseReport,
  windowSeconds: Seconds,
): DemandWindow {
  // The same fields in the same order here and below: windows of several shapes double the cost of all that reads them.
  if (window === undefined) {
    const none: readonly Bytes[] = [];
    return {
      peaks: none,
      ranked: none,
      partStart: at,
      partPeak: used,
      report,
      last: used,
      lastAt: at,
      slope: 0,
      rss,
    };
  }
  if (report <= window.report) return window;
  const slope = (used - window.last) / Math.max(SHORTEST_PERIOD, at - window.lastAt);
  const part = Math.max(SHORTEST_PERIOD, windowSeconds) / SLOTS;
  const parts = Math.floor((at - window.partStart) / part);
  if (parts <= 0) {
    const { peaks, ranked, partStart } = window;
    const partPeak = Math.max(window.partPeak, used);
    return { peaks, ranked, partStart, partPeak, report, last: used, lastAt: at, slope, rss };
  }
  const { peaks, ranked } = nextParts(window, parts);
  const partStart = window.partStart + parts * part;
  return { peaks, ranked, partStart, partPeak: used, report, last: used, lastAt: at, slope, rss };
}

type Peaks = Pick<DemandWindow, 'peaks' | 'ranked'>;

/**
 * Parts without a report repeat nothing: an old peak leaves when its time has passed, not when reports resume. Where the window is
 * so short that a part is less than the time between two reports, each of them does this. So it is done in loops, which V8 11 takes a
 * fifth of the time for that it takes for parts of arrays, and nothing is sorted.
 */
function nextParts({ peaks: before, ranked: order, partPeak }: DemandWindow, parts: number): Peaks {
  const leaving = Math.min(before.length, Math.max(0, before.length + parts - SLOTS));
  let entering = parts > SLOTS ? 0 : partPeak;
  // Copies have their length at once; most windows are full, and nothing is pushed.
  const peaks = before.slice();
  let end = before.length - leaving;
  for (let i = 0; i < end; i++) peaks[i] = before[leaving + i] ?? 0;
  for (let part = Math.max(0, parts - SLOTS); part < parts; part++) {
    if (end < peaks.length) peaks[end] = part === 0 ? partPeak : 0;
    else peaks.push(part === 0 ? partPeak : 0);
    end++;
  }
  const ranked = order.slice();
  for (let i = 0; i < leaving; i++) {
    const peak = before[i] ?? 0;
    if (peak === 0) continue;
    if (entering > 0) rank(ranked, ranked.indexOf(peak), entering);
    else withdraw(ranked, ranked.indexOf(peak));
    entering = 0;
  }
  if (entering > 0) {
    ranked.push(entering);
    rank(ranked, ranked.length - 1, entering);
  }
  return { peaks, ranked };
}

/** Puts a value among the ranked ones instead of the one at this place. */
function rank(ranked: Bytes[], from: number, value: Bytes): void {
  let place = from;
  // Never beside the array: where V8 has once seen an element -1 asked for, it looks for a property of that name from then on.
  for (; place > 0 && (ranked[place - 1] ?? 0) > value; place--) ranked[place] = ranked[place - 1] ?? 0;
  const end = ranked.length - 1;
  for (; place < end && (ranked[place + 1] ?? 0) < value; place++) ranked[place] = ranked[place + 1] ?? 0;
  ranked[place] = value;
}

function withdraw(ranked: Bytes[], from: number): void {
  for (let place = from; place < ranked.length - 1; place++) ranked[place] = ranked[place + 1] ?? 0;
  ranked.pop();
}

/** The use now plus what its growth adds before a move can help, whatever it has been before. */
export function useSoon(
  { last, slope }: DemandWindow,
  growthSeconds: Seconds,
  { bytes, rate }: Unreported = NOTHING_NEW,
): Bytes {
  return last + bytes + Math.max(0, slope, rate) * growthSeconds;
}

/** The use that the quantile over the window does not exceed. */
export function usualUse({ ranked, partPeak }: DemandWindow, quantile: Ratio): Bytes {
  return quantileWith(ranked, partPeak, quantile);
}

/** The smallest value that at least this share of the ranked ones and one more does not exceed. */
function quantileWith(ranked: readonly Bytes[], one: Bytes, quantile: Ratio): Bytes {
  const rank = Math.max(0, Math.ceil(quantile * (ranked.length + 1)) - 1);
  const below = rank > 0 ? (ranked[rank - 1] ?? 0) : 0;
  const above = rank < ranked.length ? (ranked[rank] ?? 0) : Number.POSITIVE_INFINITY;
  return Math.min(above, Math.max(below, one));
}
