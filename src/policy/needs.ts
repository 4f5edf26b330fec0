/** What a guest has shown to need, and what it has shown of being shrunk: everything that a new report teaches. */
import { type GuestSample, trusted } from '../model/snapshot.ts';
import type { Bytes, Seconds } from '../model/units.ts';
import { type DemandWindow, estimateUse, observeUse, SHORTEST_PERIOD, unreportedUse } from './demand.ts';
import { judgeShrink } from './feedback.ts';
import type { GuestPolicy } from './policy-set.ts';
import { draftOf, type GuestMemory } from './state.ts';
import { observeSwapping, type Swapping } from './swapping.ts';

/** Figures of a guest that are all known. */
export interface Sizes {
  readonly used: Bytes;
  readonly current: Bytes;
  readonly max: Bytes;
  /** Part of the size outside MemTotal. */
  readonly kernelBytes: Bytes;
}

/** Undefined while one of them is not trusted, or the kernel's share has not been learned. */
export function sizesOf({ readings }: GuestSample, { kernelBytes }: GuestMemory): Sizes | undefined {
  const used = trusted(readings.used);
  const current = trusted(readings.current);
  const max = trusted(readings.max);
  if (used === undefined || current === undefined || max === undefined || kernelBytes === undefined)
    return undefined;
  return { used, current, max, kernelBytes };
}

export interface Needs {
  readonly memory: GuestMemory;
  readonly demand: Bytes;
  /** Use now, with what has been swapped out of it and the kernel's share. */
  readonly need: Bytes;
  /** Taken since the last report. */
  readonly unreported: Bytes;
  /** Bytes per second. */
  readonly usedRate: number;
}

export function learnNeeds(
  sample: GuestSample,
  before: GuestMemory,
  { used, current, max, kernelBytes }: Sizes,
  { estimate, guarantees }: Pick<GuestPolicy, 'estimate' | 'guarantees'>,
  now: Seconds,
): Needs {
  const rss = trusted(sample.readings.rss);
  const window = observeUse(
    before.demand,
    { used, report: sample.reportsInEpoch, at: now, rss },
    estimate.windowSeconds,
  );
  const unreported = unreportedUse(window, rss, now);
  const fresh = window !== before.demand;
  const swapping = fresh ? swappingOf(sample, before, window, max) : before.swapping;
  const learned = fresh ? withReport(before, window, swapping) : before;
  const memory = judgeShrink(sample, learned, { current, max, reserve: guarantees.reserve, fresh }, now);
  // H13 (R12): what a guest has swapped out is missing from its use, and is needed all the same.
  const need = used + unreported.bytes + (swapping?.evicted ?? 0) + kernelBytes;
  const estimated = estimateUse(window, estimate.quantile, estimate.growthSeconds, unreported) + kernelBytes;
  return {
    memory,
    need,
    unreported: unreported.bytes,
    demand: Math.max(need, estimated),
    usedRate: window.slope,
  };
}

function withReport(memory: GuestMemory, demand: DemandWindow, swapping: Swapping | undefined): GuestMemory {
  const draft = draftOf(memory);
  draft.demand = demand;
  draft.swapping = swapping;
  return draft;
}

function swappingOf(
  { readings }: GuestSample,
  { demand, swapping }: GuestMemory,
  { lastAt }: DemandWindow,
  max: Bytes,
): Swapping | undefined {
  const outRate = trusted(readings.swapOutRate) ?? 0;
  const inRate = trusted(readings.swapInRate) ?? 0;
  const seconds = Math.max(SHORTEST_PERIOD, lastAt - (demand?.lastAt ?? lastAt));
  return observeSwapping(swapping, { outRate, inRate, seconds }, max, lastAt);
}
