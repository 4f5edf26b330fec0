/** The figures of a sample as lists, so that a format can walk over them. A figure that is forgotten here does not compile. */
import type { GuestFigure, GuestSample, HostFigure, HostSample, Quality } from '../model/snapshot.ts';

type Table<K extends string> = { readonly [P in K]: true };

function keysOf<K extends string>(table: Table<K>): readonly K[] {
  const isKey = (key: string): key is K => Object.hasOwn(table, key);
  return Object.keys(table).filter(isKey);
}

export const GUEST_FIGURES = keysOf<GuestFigure>({
  max: true,
  current: true,
  rss: true,
  total: true,
  available: true,
  free: true,
  cache: true,
  used: true,
  swapInRate: true,
  swapOutRate: true,
  majorFaultRate: true,
  oomKills: true,
  allocStalls: true,
  psiSome: true,
  psiFull: true,
});

export const HOST_FIGURES = keysOf<HostFigure>({
  total: true,
  available: true,
  free: true,
  swapUsed: true,
  swapInRate: true,
  swapOutRate: true,
  committed: true,
  psiSomeAvg10: true,
  psiSomeAvg60: true,
  psiSomeAvg300: true,
  psiFullAvg10: true,
  psiFullAvg60: true,
  psiFullAvg300: true,
});

/** In the order of their numbers in the journal: new ones go to the end. */
export const QUALITIES: readonly Quality[] = ['ok', 'stale', 'absent', 'implausible'];

/** The numbers of a guest's sample that are no readings. */
export type GuestCount = 'statsAgeSeconds' | 'uptimeSeconds' | 'epoch' | 'reportsInEpoch';

/** What is said of a guest apart from numbers: it changes seldom. */
export type GuestFacts = Omit<GuestSample, 'readings' | GuestCount>;

/** What is said of the host apart from its readings. */
export type HostFacts = Omit<HostSample, 'readings'>;
