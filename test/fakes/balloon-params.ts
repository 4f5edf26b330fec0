import type { StatValue } from '../../src/hypervisor/driver.ts';
import { KiB, MiB } from '../../src/model/units.ts';

/** A guest's figures as a test thinks of them, MiB; left out: what a quiet 1 GiB guest has. */
export interface BalloonFigures {
  readonly max?: number;
  readonly current?: number;
  readonly rss?: number;
  readonly total?: number;
  readonly available?: number;
  readonly free?: number;
  readonly cache?: number;
  readonly swapIn?: number;
  readonly swapOut?: number;
  readonly majorFaults?: number;
  readonly minorFaults?: number;
  /** Unix seconds. */
  readonly lastUpdate: number;
}

const kib = (mib: number) => (mib * MiB) / KiB;

/** The balloon group of a bulk record of a guest whose driver reports. */
export function balloonParams(figures: BalloonFigures): Record<string, StatValue> {
  const {
    max = 1024,
    current = 1024,
    rss = 600,
    total = 972,
    available = 700,
    free = 500,
    cache = 150,
  } = figures;
  const { swapIn = 0, swapOut = 0, majorFaults = 100, minorFaults = 10_000, lastUpdate } = figures;
  return {
    'balloon.current': kib(current),
    'balloon.maximum': kib(max),
    'balloon.swap_in': kib(swapIn),
    'balloon.swap_out': kib(swapOut),
    'balloon.major_fault': majorFaults,
    'balloon.minor_fault': minorFaults,
    'balloon.unused': kib(free),
    'balloon.available': kib(total),
    'balloon.usable': kib(available),
    'balloon.last-update': Math.floor(lastUpdate),
    'balloon.disk_caches': kib(cache),
    'balloon.rss': kib(rss),
  };
}

/** The group of a guest that runs without a balloon driver. */
export function driverlessParams(current = 1024, max = 1024): Record<string, StatValue> {
  return {
    'balloon.current': kib(current),
    'balloon.maximum': kib(max),
    'balloon.last-update': 0,
    'balloon.rss': kib(300),
  };
}
