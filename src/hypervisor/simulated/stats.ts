/** What libvirt's qemu driver tells about a domain, in its names, its units and its order. */
import { MEMORY_STAT_TAG, type MemoryStat, memoryStatName } from '../../model/memory-stats.ts';
import { bytesToKib } from '../../model/units.ts';
import { BALLOON_KEYS } from '../bulk-keys.ts';
import { DOMAIN_STATES, type StatsGroup, type StatValue } from '../driver.ts';
import { GARBAGE, type GarbageValues } from './faults.ts';
import type { SimulatedGuest } from './guest.ts';
import type { GuestReport } from './report.ts';

/**
 * Statistics of an active guest: the live size first, then what its driver last reported, the resident memory last
 * (libvirt, src/qemu/qemu_monitor_json.c, qemuMonitorJSONGetMemoryStats). Before the driver has loaded QEMU knows
 * `last_update` 0 and nothing else; without a balloon device only the resident memory is known.
 */
export function memoryStatsOf(guest: SimulatedGuest): MemoryStat[] {
  const stats: MemoryStat[] = [];
  tell(guest, (tag, value) => stats.push({ tag, value }));
  return stats;
}

function tell(guest: SimulatedGuest, put: (tag: number, value: number) => void): void {
  const garbage = guest.balloon.report && guest.fault('garbage');
  const say = garbage ? spoiled(garbage.values ?? GARBAGE, put) : put;
  if (guest.hasBalloon) {
    say(MEMORY_STAT_TAG.actual, bytesToKib(guest.balloon.actual));
    if (!guest.balloon.report || guest.fault('empty'))
      say(MEMORY_STAT_TAG.last_update, guest.balloon.report?.lastUpdate ?? 0);
    else tellReport(guest.balloon.report, say);
  }
  say(MEMORY_STAT_TAG.rss, bytesToKib(guest.rss));
}

/** Puts garbage in the place of figures that there are. */
function spoiled(values: GarbageValues, put: (tag: number, value: number) => void) {
  return (tag: number, value: number): void => {
    const name = memoryStatName(tag);
    put(tag, (name === undefined ? undefined : values[name]) ?? value);
  };
}

/**
 * The guest's record of a bulk call; a domain that is shut off has its state and its sizes only, and so has one whose job
 * another call holds.
 */
export function bulkParamsOf(
  guest: SimulatedGuest,
  groups: readonly StatsGroup[],
): ReadonlyMap<string, StatValue> {
  const asked = guest.active && !guest.hung && guest.fault('job')?.locked !== true;
  const params = new Map<string, StatValue>();
  if (groups.includes('state')) {
    params.set('state.state', DOMAIN_STATES.indexOf(guest.state));
    params.set('state.reason', guest.reason);
  }
  if (groups.includes('balloon')) {
    params.set('balloon.current', guest.balloon.cachedKib);
    params.set('balloon.maximum', bytesToKib(guest.parameters.maximum));
    if (asked) {
      tell(guest, (tag, value) => {
        const key = BALLOON_KEYS.get(tag);
        if (key !== undefined) params.set(key, value);
      });
    }
  }
  return params;
}

function tellReport(report: GuestReport, put: (tag: number, value: number) => void): void {
  put(MEMORY_STAT_TAG.swap_in, report.swapInKib);
  put(MEMORY_STAT_TAG.swap_out, report.swapOutKib);
  put(MEMORY_STAT_TAG.major_fault, report.majorFaults);
  put(MEMORY_STAT_TAG.minor_fault, report.minorFaults);
  put(MEMORY_STAT_TAG.unused, report.freeKib);
  put(MEMORY_STAT_TAG.available, report.totalKib);
  put(MEMORY_STAT_TAG.usable, report.availableKib);
  put(MEMORY_STAT_TAG.last_update, report.lastUpdate);
  put(MEMORY_STAT_TAG.disk_caches, report.cachesKib);
  put(MEMORY_STAT_TAG.hugetlb_pgalloc, 0);
  put(MEMORY_STAT_TAG.hugetlb_pgfail, 0);
}
