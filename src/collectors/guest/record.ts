/** What the hypervisor says of one guest, in bytes. H38: KiB and libvirt's names for the figures end in this file. */
import {
  type BalloonFigures,
  DOMAIN_STATES,
  type DomainInfo,
  type DomainRef,
  type DomainState,
  type DomainStats,
  type ReportFigures,
  type StatValue,
} from '../../hypervisor/driver.ts';
import { type MemoryStat, memoryStatsToRecord } from '../../model/memory-stats.ts';
import type { GuestState } from '../../model/snapshot.ts';
import { type Bytes, KiB, type Seconds } from '../../model/units.ts';

/**
 * A figure as it came: undefined when it was not given, NaN when what was given cannot be (no whole number, negative, an
 * amount of 2^50 bytes and more).
 */
export type Figure = number | undefined;

/** What a guest's balloon driver wrote last. */
export interface Report {
  /** Unix time on the hypervisor's clock, whole seconds: QEMU sets it, the guest cannot. */
  readonly lastUpdate: Seconds;
  readonly total: Figure;
  readonly available: Figure;
  readonly free: Figure;
  readonly cache: Figure;
  /** Since the guest's boot: bytes for swap, counts for faults. */
  readonly swapIn: Figure;
  readonly swapOut: Figure;
  readonly majorFaults: Figure;
  readonly minorFaults: Figure;
  /** Since the guest's boot; of Linux >= 6.12 under QEMU >= 9.2 only. */
  readonly oomKills: Figure;
  readonly allocStalls: Figure;
}

export interface GuestRecord {
  readonly domain: DomainRef;
  readonly state: GuestState;
  readonly max: Figure;
  readonly current: Figure;
  readonly rss: Figure;
  /**
   * - a report;
   * - `none` (H18): the balloon device was asked and has none (no driver in the guest, no device);
   * - `unasked` (H30): the hypervisor did not ask, because another job holds the domain. It says nothing about the guest.
   */
  readonly report: Report | 'none' | 'unasked';
}

/** True where the driver has the balloon group: then a record without a report is final. */
export function hasBalloonGroup(stats: DomainStats): boolean {
  return stats.figures !== undefined || stats.params.has('balloon.current');
}

/** True for a record of a part of the bulk call that failed: it says nothing but that the domain is there. */
export function isFailed(stats: DomainStats): boolean {
  return stats.error !== undefined && stats.params.size === 0;
}

/**
 * Reads a bulk record. libvirt's words: `balloon.available` is MemTotal, `balloon.usable` MemAvailable, `balloon.unused`
 * MemFree (src/qemu/qemu_monitor_json.c). `balloon.current` and `balloon.maximum` come even when NOWAIT found the domain
 * locked; `balloon.rss` or `balloon.last-update` show that the device was asked.
 */
export function fromBulk(stats: DomainStats): GuestRecord {
  const { state, maximumKib, currentKib, rssKib, report } = stats.figures ?? figuresOf(stats);
  return {
    domain: stats.domain,
    state: (typeof state === 'number' ? STATES_BY_NUMBER[state] : undefined) ?? 'unknown',
    max: amountOf(maximumKib),
    current: amountOf(currentKib),
    rss: amountOf(rssKib),
    report: typeof report === 'string' ? report : reportFrom(report),
  };
}

function reportFrom(figures: ReportFigures): Report {
  return {
    lastUpdate: countOf(figures.lastUpdate) ?? Number.NaN,
    total: amountOf(figures.totalKib),
    available: amountOf(figures.availableKib),
    free: amountOf(figures.freeKib),
    cache: amountOf(figures.cachesKib),
    swapIn: trafficOf(figures.swapInKib),
    swapOut: trafficOf(figures.swapOutKib),
    majorFaults: countOf(figures.majorFaults),
    minorFaults: countOf(figures.minorFaults),
    oomKills: countOf(figures.oomKills),
    allocStalls: countOf(figures.allocStalls),
  };
}

function figuresOf(stats: DomainStats): BalloonFigures {
  const { params } = stats;
  // A value that the driver could not represent is missing from the record; it was there, and it was nonsense.
  const missing = stats.error === undefined || isFailed(stats) ? undefined : Number.NaN;
  const lastUpdate = params.get('balloon.last-update');
  return {
    state: params.get('state.state'),
    maximumKib: params.get('balloon.maximum') ?? missing,
    currentKib: params.get('balloon.current') ?? missing,
    rssKib: params.get('balloon.rss'),
    report:
      lastUpdate !== undefined && lastUpdate !== 0
        ? {
            lastUpdate,
            totalKib: params.get('balloon.available') ?? missing,
            availableKib: params.get('balloon.usable') ?? missing,
            freeKib: params.get('balloon.unused') ?? missing,
            cachesKib: params.get('balloon.disk_caches') ?? missing,
            swapInKib: params.get('balloon.swap_in') ?? missing,
            swapOutKib: params.get('balloon.swap_out') ?? missing,
            majorFaults: params.get('balloon.major_fault') ?? missing,
            minorFaults: params.get('balloon.minor_fault') ?? missing,
            oomKills: params.get('balloon.oom_kills'),
            allocStalls: params.get('balloon.alloc_stalls'),
          }
        : lastUpdate === 0 || params.has('balloon.rss')
          ? 'none'
          : 'unasked',
  };
}

/** The same out of the calls for one domain, for drivers whose bulk records have no balloon group. */
export function fromSingleCalls(
  domain: DomainRef,
  info: DomainInfo,
  stats: readonly MemoryStat[],
): GuestRecord {
  const record = memoryStatsToRecord(stats);
  const lastUpdate = countOf(record.last_update);
  return {
    domain,
    state: STATES[info.state],
    max: amountOf(info.maxMemKib),
    current: amountOf(record.actual ?? info.memoryKib),
    rss: amountOf(record.rss),
    report:
      lastUpdate === undefined || lastUpdate === 0
        ? 'none'
        : {
            lastUpdate,
            total: amountOf(record.available),
            available: amountOf(record.usable),
            free: amountOf(record.unused),
            cache: amountOf(record.disk_caches),
            swapIn: trafficOf(record.swap_in),
            swapOut: trafficOf(record.swap_out),
            majorFaults: countOf(record.major_fault),
            minorFaults: countOf(record.minor_fault),
            oomKills: undefined,
            allocStalls: undefined,
          },
  };
}

/** A balloon event's size in bytes. */
export function sizeOfEvent(actualKib: number): Figure {
  return amountOf(actualKib);
}

/**
 * 2^50 bytes: no guest has a PiB. Windows' driver writes -1 times the page size where a query failed, which arrives as
 * 18014398509481980 KiB and passes libvirt's own filter (virtio-win, Balloon/app/memstat.cpp).
 */
const AMOUNT_LIMIT_KIB = 2 ** 50 / KiB;

function amountOf(value: StatValue | undefined): Bytes | undefined {
  if (value === undefined) return undefined;
  const valid =
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < AMOUNT_LIMIT_KIB;
  return valid ? value * KiB : Number.NaN;
}

/** A sum since boot has no natural bound below what a double holds exactly. */
function trafficOf(value: StatValue | undefined): Bytes | undefined {
  if (value === undefined) return undefined;
  const valid =
    typeof value === 'number' &&
    value >= 0 &&
    Number.isSafeInteger(value) &&
    Number.isSafeInteger(value * KiB);
  return valid ? value * KiB : Number.NaN;
}

function countOf(value: StatValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : Number.NaN;
}

/** H42: a domain that is shutting down still runs, but what its balloon does is no use to anybody. */
const STATES: Readonly<Record<DomainState, GuestState>> = {
  nostate: 'unknown',
  running: 'running',
  blocked: 'running',
  paused: 'paused',
  shutdown: 'stopped',
  shutoff: 'stopped',
  crashed: 'crashed',
  pmsuspended: 'paused',
};

const STATES_BY_NUMBER: readonly GuestState[] = DOMAIN_STATES.map(name => STATES[name]);
