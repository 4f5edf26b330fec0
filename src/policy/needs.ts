/** What a guest has shown to need, and what it has shown of being shrunk: everything that a new report teaches. */
import { figureOr } from '../model/guest-readings.ts';
import { type GuestSample, type Reading, trusted } from '../model/snapshot.ts';
import type { Bytes, Seconds } from '../model/units.ts';
import { type DemandWindow, observeUse, SHORTEST_PERIOD, useSoon, usualUse } from './demand.ts';
import { judgeShrink } from './feedback.ts';
import type { Cold } from './lessons.ts';
import type { GuestPolicy } from './policy-set.ts';
import { isSqueezed, judgeCold } from './squeeze.ts';
import type { Draft, GuestMemory } from './state.ts';
import { observeSwapping, type Swapping } from './swapping.ts';
import { glanceAt, unreportedUse } from './unreported.ts';

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
  figures.used = readings.trusted.used;
  figures.current = numberOf(readings.current);
  figures.max = numberOf(readings.max);
  figures.kernelBytes = figures.memory.kernelBytes ?? Number.NaN;
  figures.rss = trusted(readings.rss);
  figures.report = reportsInEpoch;
  return !Number.isNaN(figures.used + figures.current + figures.max + figures.kernelBytes);
}

/** A reading as a plain number, which is none where it is not trusted: a number or nothing would be an object on the heap. */
function numberOf({ value, quality }: Reading): number {
  return quality === 'ok' && value !== undefined ? value : Number.NaN;
}

/** Works out the needs, and learns from the report where it is new. */
export function learnNeeds(
  figures: Figures,
  { estimate, cold: policy }: Pick<GuestPolicy, 'estimate' | 'cold'>,
): void {
  const { memory: before, used, kernelBytes } = figures;
  let window = observeUse(before.demand, figures, estimate.windowSeconds);
  figures.fresh = window !== before.demand;
  const swapping = figures.fresh ? swappingOf(figures, before, window) : before.swapping;
  const cold = coldOf(figures, policy, before.demand, window);
  if (figures.fresh) {
    // What a guest used before it gave up what it seldom touches is not what it needs.
    if (cold?.squeezing) window = observeUse(undefined, figures, estimate.windowSeconds);
    figures.draft.demand = window;
    figures.draft.swapping = swapping;
    figures.draft.glances = undefined;
    if (cold !== before.cold) figures.draft.cold = cold;
  } else {
    figures.draft.glances = glanceAt(before.glances, figures);
  }
  judgeShrink(figures);
  const unreported = unreportedUse(window, figures, before.glances);
  // H13 (R12): what a guest has swapped out is missing from its use, and is needed all the same.
  const need =
    used + unreported.bytes + Math.max(0, (swapping?.evicted ?? 0) - (cold?.given ?? 0)) + kernelBytes;
  const soon = useSoon(window, estimate.growthSeconds, unreported) + kernelBytes;
  figures.need = need;
  figures.soon = Math.max(need, soon);
  figures.unreported = unreported.bytes;
  // Memory is kept for what the guest takes before a move can help, and for what it has usually used.
  figures.demand = Math.max(need, soon, usualUse(window, estimate.quantile) + kernelBytes);
  figures.usedRate = window.slope;
}

/** Undefined where the policy does not take cold memory. */
function coldOf(
  figures: Figures,
  policy: GuestPolicy['cold'],
  before: DemandWindow | undefined,
  { lastAt }: DemandWindow,
): Cold | undefined {
  if (policy === undefined) return undefined;
  if (!figures.fresh) return figures.memory.cold;
  const seconds = Math.max(SHORTEST_PERIOD, lastAt - (before?.lastAt ?? lastAt));
  return judgeCold(policy, figures, before?.last ?? figures.used, seconds);
}

function swappingOf(
  { sample: { readings }, max }: Figures,
  { demand, swapping, cold }: GuestMemory,
  { lastAt }: DemandWindow,
): Swapping | undefined {
  const outRate = figureOr(readings.trusted.swapOutRate, 0);
  if (swapping === undefined && outRate <= 0) return undefined;
  const inRate = figureOr(readings.trusted.swapInRate, 0);
  const seconds = Math.max(SHORTEST_PERIOD, lastAt - (demand?.lastAt ?? lastAt));
  const after = observeSwapping(swapping, { outRate, inRate, seconds }, max, lastAt);
  return after !== undefined && isSqueezed(cold, lastAt) ? { ...after, noisyAt: swapping?.noisyAt } : after;
}
