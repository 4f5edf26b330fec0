import { ABSENT, known, type Reading } from '../../model/snapshot.ts';
import { KiB, type Seconds } from '../../model/units.ts';

/** The kernel counts swap traffic in pages; 4 KiB on x86-64, the page size that a Node process cannot ask for. */
export const PAGE_KIB = 4;

/** Pages swapped in and out since some start, at a monotonic instant. */
export interface SwapCounters {
  readonly at: Seconds;
  readonly inPages: number;
  readonly outPages: number;
}

/** Swap traffic in bytes per second. */
export interface SwapRates {
  readonly swapInRate: Reading;
  readonly swapOutRate: Reading;
}

export const NO_SWAP_RATES: SwapRates = { swapInRate: ABSENT, swapOutRate: ABSENT };

/** Rates between two samples; absent without an earlier one. A counter that fell began anew and gives no rate either. */
export function swapRates(before: SwapCounters | undefined, after: SwapCounters): SwapRates {
  if (before === undefined || after.at <= before.at) return NO_SWAP_RATES;
  const seconds = after.at - before.at;
  return {
    swapInRate: rate(after.inPages - before.inPages, seconds),
    swapOutRate: rate(after.outPages - before.outPages, seconds),
  };
}

function rate(pages: number, seconds: Seconds): Reading {
  return pages >= 0 && Number.isFinite(pages) ? known((pages * PAGE_KIB * KiB) / seconds) : ABSENT;
}
