/** Rates out of a guest's counters. */
import type { Seconds } from '../../model/units.ts';
import type { Figure, Report } from './record.ts';

/** Between the last two distinct reports of an epoch; undefined without two, NaN when implausible. Written anew by every report. */
export interface ReportRates {
  /** Per second. H13, H14: what swapping makes available is no comfort, and with zswap only the faults show it. */
  swapIn: Figure;
  swapOut: Figure;
  majorFaults: Figure;
  /** Counts: one of these is one too many, however far apart the reports are. */
  oomKills: Figure;
  allocStalls: Figure;
}

export function newRates(): ReportRates {
  return {
    swapIn: undefined,
    swapOut: undefined,
    majorFaults: undefined,
    oomKills: undefined,
    allocStalls: undefined,
  };
}

const NO_RATES: Readonly<ReportRates> = newRates();

export function forgetRates(rates: ReportRates): void {
  Object.assign(rates, NO_RATES);
}

/** Writes what lies between two reports. */
export function writeRates(rates: ReportRates, before: Report, after: Report): void {
  const seconds = after.lastUpdate - before.lastUpdate;
  if (seconds <= 0) {
    forgetRates(rates);
    return;
  }
  rates.swapIn = rate(before.swapIn, after.swapIn, seconds);
  rates.swapOut = rate(before.swapOut, after.swapOut, seconds);
  rates.majorFaults = rate(before.majorFaults, after.majorFaults, seconds);
  rates.oomKills = rate(before.oomKills, after.oomKills, 1);
  rates.allocStalls = rate(before.allocStalls, after.allocStalls, 1);
}

function rate(before: Figure, after: Figure, seconds: Seconds): Figure {
  if (before === undefined || after === undefined) return undefined;
  // Most counters stand still, and a quotient takes memory even when it is nothing.
  return after === before ? 0 : (after - before) / seconds;
}
