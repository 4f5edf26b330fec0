/** The balloon device's `guest-stats`: what the guest's driver last wrote (QEMU, docs/interop/virtio-balloon-stats.rst). */
import { BallonetError } from '../../model/errors.ts';
import { MEMORY_STAT_TAG, type MemoryStat } from '../../model/memory-stats.ts';
import { type Figure, readCount, readKib } from './amounts.ts';
import { fieldOf, isObject, type Json } from './json.ts';

export interface GuestStats {
  /** What is known, in the order in which libvirt's qemu driver has them. */
  readonly stats: readonly MemoryStat[];
  /**
   * Statistics that libvirt has no tag for, by their keys in a bulk record: counts since the guest's boot (of the reclaim
   * ones: pages). Guests of Linux >= 6.12 under QEMU >= 9.2 have them.
   */
  readonly extra: ReadonlyMap<string, number>;
  /** QEMU's names of those that are above 2^53-1, which are in neither list. */
  readonly tooLarge: readonly string[];
}

type ReadFigure = (value: Json | undefined, what: string) => Figure;

interface Field {
  readonly name: string;
  readonly tag: number;
  readonly read: ReadFigure;
}

const { swap_in, swap_out, major_fault, minor_fault, unused, available, usable } = MEMORY_STAT_TAG;
const { last_update, disk_caches, hugetlb_pgalloc, hugetlb_pgfail } = MEMORY_STAT_TAG;

/** libvirt, src/qemu/qemu_monitor_json.c, qemuMonitorJSONGetMemoryStats. */
const FIELDS: readonly Field[] = [
  { name: 'stat-swap-in', tag: swap_in, read: readKib },
  { name: 'stat-swap-out', tag: swap_out, read: readKib },
  { name: 'stat-major-faults', tag: major_fault, read: readCount },
  { name: 'stat-minor-faults', tag: minor_fault, read: readCount },
  { name: 'stat-free-memory', tag: unused, read: readKib },
  { name: 'stat-total-memory', tag: available, read: readKib },
  { name: 'stat-available-memory', tag: usable, read: readKib },
  { name: 'last-update', tag: last_update, read: readCount },
  { name: 'stat-disk-caches', tag: disk_caches, read: readKib },
  { name: 'stat-htlb-pgalloc', tag: hugetlb_pgalloc, read: readCount },
  { name: 'stat-htlb-pgfail', tag: hugetlb_pgfail, read: readCount },
];

/**
 * Linux's statistics 10 to 15 (include/uapi/linux/virtio_balloon.h), which libvirt 11.3 does not map. In bulk records only:
 * as tags of `memoryStats` the kernel's numbers would mean other things.
 */
const EXTRA: ReadonlyMap<string, string> = new Map([
  ['stat-oom-kills', 'balloon.oom_kills'],
  ['stat-alloc-stalls', 'balloon.alloc_stalls'],
  ['stat-async-scans', 'balloon.async_scans'],
  ['stat-direct-scans', 'balloon.direct_scans'],
  ['stat-async-reclaims', 'balloon.async_reclaims'],
  ['stat-direct-reclaims', 'balloon.direct_reclaims'],
]);

/** @throws BallonetError PROTOCOL */
export function readGuestStats(reply: Json): GuestStats {
  const table = fieldOf(reply, 'stats');
  const lastUpdate = fieldOf(reply, 'last-update');
  if (!isObject(table) || lastUpdate === undefined) {
    throw new BallonetError('PROTOCOL', 'QEMU gave guest-stats without stats or last-update');
  }
  const stats: MemoryStat[] = [];
  const extra = new Map<string, number>();
  const tooLarge: string[] = [];
  for (const { name, tag, read } of FIELDS) {
    const value = name === 'last-update' ? lastUpdate : table.get(name);
    const figure = value === undefined ? undefined : read(value, name);
    if (figure === 'too-large') tooLarge.push(name);
    else if (figure !== undefined) stats.push({ tag, value: figure });
  }
  for (const [name, key] of EXTRA) {
    const value = table.get(name);
    const figure = value === undefined ? undefined : readCount(value, name);
    if (figure === 'too-large') tooLarge.push(name);
    else if (figure !== undefined) extra.set(key, figure);
  }
  return { stats, extra, tooLarge };
}
