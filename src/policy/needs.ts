/** What a guest has shown to need, and what it has shown of being shrunk: everything that a new report teaches. */
import { type GuestSample, trusted } from '../model/snapshot.ts';
import type { Bytes, Seconds } from '../model/units.ts';
import {
  type DemandWindow,
  estimateUse,
  observeUse,
  SHORTEST_PERIOD,
  unreportedUse,
  useSoon,
} from './demand.ts';
import { judgeShrink } from './feedback.ts';
import type { GuestPolicy } from './policy-set.ts';
import type { Draft, GuestMemory } from './state.ts';
import { observeSwapping, type Swapping } from './swapping.ts';

/** What is read of a guest, and what comes of it. */
interface Figures {
  readonly sample: GuestSample;
  readonly memory: GuestMemory;
  /** The memory, to be written to. */
  readonly draft: Draft;
  used: Bytes;
  current: Bytes;
  max: Bytes;
  /** Part of the size outside MemTotal. */
  kernelBytes: Bytes;
  /** What the guest's process holds on the host, where that is known. */
  rss: Bytes | undefined;
  readonly reserve: Bytes;
  /** Number of the last report, and whether it is new; when it was seen. */
  report: number;
  fresh: boolean;
  readonly at: Seconds;
  /** Use now, with what has been swapped out of it and the kernel's share. */
  need: Bytes;
  /** That and what its growth adds before a move can help. */
  soon: Bytes;
  demand: Bytes;
  /** Taken since the last report. */
  unreported: Bytes;
  /** Bytes per second. */
  usedRate: number;
}

/** Takes the sizes over from the sample; false while one of them is not trusted, or the kernel's share has not been learned. */
export function readSizes(figures: Figures): boolean {
  const { readings, reportsInEpoch } = figures.sample;
  const used = trusted(readings.used);
  const current = trusted(readings.current);
  const max = trusted(readings.max);
  const { kernelBytes } = figures.memory;
  if (used === undefined || current === undefined || max === undefined || kernelBytes === undefined)
    return false;
  figures.used = used;
  figures.current = current;
  figures.max = max;
  figures.kernelBytes = kernelBytes;
  figures.rss = trusted(readings.rss);
  figures.report = reportsInEpoch;
  return true;
}

/** Works out the needs, and learns from the report where it is new. */
export function learnNeeds(
  figures: Figures,
  { quantile, growthSeconds, windowSeconds }: GuestPolicy['estimate'],
): void {
  const { sample, memory: before, used, kernelBytes, rss, at } = figures;
  const window = observeUse(before.demand, figures, windowSeconds);
  figures.fresh = window !== before.demand;
  const swapping = figures.fresh ? swappingOf(sample, before, window, figures.max) : before.swapping;
  if (figures.fresh) {
    figures.draft.demand = window;
    figures.draft.swapping = swapping;
  }
  judgeShrink(figures);
  const unreported = unreportedUse(window, rss, at);
  // H13 (R12): what a guest has swapped out is missing from its use, and is needed all the same.
  const need = used + unreported.bytes + (swapping?.evicted ?? 0) + kernelBytes;
  const estimated = estimateUse(window, quantile, growthSeconds, unreported) + kernelBytes;
  figures.need = need;
  figures.soon = Math.max(need, useSoon(window, growthSeconds, unreported) + kernelBytes);
  figures.unreported = unreported.bytes;
  figures.demand = Math.max(need, estimated);
  figures.usedRate = window.slope;
}

function swappingOf(
  { readings }: GuestSample,
  { demand, swapping }: GuestMemory,
  { lastAt }: DemandWindow,
  max: Bytes,
): Swapping | undefined {
  const outRate = trusted(readings.swapOutRate) ?? 0;
  if (swapping === undefined && outRate <= 0) return undefined;
  const inRate = trusted(readings.swapInRate) ?? 0;
  const seconds = Math.max(SHORTEST_PERIOD, lastAt - (demand?.lastAt ?? lastAt));
  return observeSwapping(swapping, { outRate, inRate, seconds }, max, lastAt);
}
