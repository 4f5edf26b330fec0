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
  if (guest.hasBalloon) {
    stats.push({ tag: MEMORY_STAT_TAG.actual, value: bytesToKib(guest.actual) });
    stats.push(...reportStats(guest));
  }
  stats.push({ tag: MEMORY_STAT_TAG.rss, value: bytesToKib(guest.rss) });
  const garbage = guest.fault('garbage');
  return garbage && guest.report ? spoiled(stats, garbage.values ?? GARBAGE) : stats;
}

function reportStats(guest: SimulatedGuest): readonly MemoryStat[] {
  if (!guest.report) return [{ tag: MEMORY_STAT_TAG.last_update, value: 0 }];
  const stats = reported(guest.report);
  return guest.fault('empty') ? stats.filter(({ tag }) => tag === MEMORY_STAT_TAG.last_update) : stats;
}

/** Puts garbage in the place of figures that there are. */
function spoiled(stats: readonly MemoryStat[], values: GarbageValues): MemoryStat[] {
  return stats.map(({ tag, value }) => {
    const name = memoryStatName(tag);
    return { tag, value: (name === undefined ? undefined : values[name]) ?? value };
  });
}

/**
 * The guest's record of a bulk call; a domain that is shut off has its state and its sizes only, and so has one whose job
 * another call holds.
 */
export function bulkParamsOf(
  guest: SimulatedGuest,
  groups: readonly StatsGroup[],
): ReadonlyMap<string, StatValue> {
  const params = new Map<string, StatValue>();
  if (groups.includes('state')) {
    params.set('state.state', DOMAIN_STATES.indexOf(guest.state));
    params.set('state.reason', guest.reason);
  }
  if (groups.includes('balloon')) {
    params.set('balloon.current', guest.cachedKib);
    params.set('balloon.maximum', bytesToKib(guest.parameters.maximum));
    const asked = guest.active && !guest.hung && guest.fault('job')?.locked !== true;
    for (const { tag, value } of asked ? memoryStatsOf(guest) : []) {
      const key = BALLOON_KEYS.get(tag);
      if (key !== undefined) params.set(key, value);
    }
  }
  return params;
}

function reported(report: GuestReport): MemoryStat[] {
  return [
    { tag: MEMORY_STAT_TAG.swap_in, value: report.swapInKib },
    { tag: MEMORY_STAT_TAG.swap_out, value: report.swapOutKib },
    { tag: MEMORY_STAT_TAG.major_fault, value: report.majorFaults },
    { tag: MEMORY_STAT_TAG.minor_fault, value: report.minorFaults },
    { tag: MEMORY_STAT_TAG.unused, value: report.freeKib },
    { tag: MEMORY_STAT_TAG.available, value: report.totalKib },
    { tag: MEMORY_STAT_TAG.usable, value: report.availableKib },
    { tag: MEMORY_STAT_TAG.last_update, value: report.lastUpdate },
    { tag: MEMORY_STAT_TAG.disk_caches, value: report.cachesKib },
    { tag: MEMORY_STAT_TAG.hugetlb_pgalloc, value: 0 },
    { tag: MEMORY_STAT_TAG.hugetlb_pgfail, value: 0 },
  ];
}
