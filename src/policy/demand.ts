import type { Bytes, Ratio, Seconds } from '../model/units.ts';

/** How many parts the window is kept in. More parts forget more smoothly and cost more to sort. */
const SLOTS = 24;

/**
 * What a guest has needed over the window, as the peak of each of its parts: bounded memory whatever the interval, and a
 * peak is never averaged away. Instants are monotonic seconds.
 */
export interface DemandWindow {
  /** Peaks of the finished parts, oldest first. */
  readonly peaks: readonly Bytes[];
  readonly partStart: Seconds;
  readonly partPeak: Bytes;
  readonly last: Bytes;
  readonly lastAt: Seconds;
  /** Bytes per second between the last two reports; negative when need falls. */
  readonly slope: number;
}

/** Adds one report of need, taken at `at`. Reports that are not newer than the last one change nothing. */
export function observeNeed(
  window: DemandWindow | undefined,
  need: Bytes,
  at: Seconds,
  windowSeconds: Seconds,
): DemandWindow {
  if (window === undefined) {
    return { peaks: [], partStart: at, partPeak: need, last: need, lastAt: at, slope: 0 };
  }
  if (at <= window.lastAt) return window;
  const slope = (need - window.last) / (at - window.lastAt);
  const parts = Math.floor((at - window.partStart) / (windowSeconds / SLOTS));
  if (parts === 0) {
    return { ...window, partPeak: Math.max(window.partPeak, need), last: need, lastAt: at, slope };
  }
  // Parts without a report repeat nothing: an old peak leaves when its time has passed, not when reports resume.
  const empty = Math.min(parts - 1, SLOTS);
  const peaks = [...window.peaks, window.partPeak, ...Array.from({ length: empty }, () => 0)].slice(-SLOTS);
  const partStart = window.partStart + parts * (windowSeconds / SLOTS);
  return { peaks, partStart, partPeak: need, last: need, lastAt: at, slope };
}

/**
 * Demand: the quantile of need over the window, and at least the need now plus what its growth adds before a move can help.
 */
export function estimateDemand(window: DemandWindow, quantile: Ratio, growthSeconds: Seconds): Bytes {
  const soon = window.last + Math.max(0, window.slope) * growthSeconds;
  return Math.max(soon, quantileOf([...window.peaks, window.partPeak], quantile));
}

function quantileOf(values: readonly number[], quantile: Ratio): number {
  const sorted = values.filter(value => value > 0).sort((a, b) => a - b);
  const rank = Math.max(0, Math.ceil(quantile * sorted.length) - 1);
  return sorted[rank] ?? 0;
}
