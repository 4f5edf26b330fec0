import { MEMORY_STAT_TAG } from '../model/memory-stats.ts';

/**
 * Keys of libvirt's bulk records by the tag of the statistic, in the order of a record; `actual` is not among them
 * (libvirt, src/qemu/qemu_driver.c, qemuDomainGetStatsBalloon).
 */
export const BALLOON_KEYS: ReadonlyMap<number, string> = new Map<number, string>([
  [MEMORY_STAT_TAG.swap_in, 'balloon.swap_in'],
  [MEMORY_STAT_TAG.swap_out, 'balloon.swap_out'],
  [MEMORY_STAT_TAG.major_fault, 'balloon.major_fault'],
  [MEMORY_STAT_TAG.minor_fault, 'balloon.minor_fault'],
  [MEMORY_STAT_TAG.unused, 'balloon.unused'],
  [MEMORY_STAT_TAG.available, 'balloon.available'],
  [MEMORY_STAT_TAG.usable, 'balloon.usable'],
  [MEMORY_STAT_TAG.last_update, 'balloon.last-update'],
  [MEMORY_STAT_TAG.disk_caches, 'balloon.disk_caches'],
  [MEMORY_STAT_TAG.hugetlb_pgalloc, 'balloon.hugetlb_pgalloc'],
  [MEMORY_STAT_TAG.hugetlb_pgfail, 'balloon.hugetlb_pgfail'],
  [MEMORY_STAT_TAG.rss, 'balloon.rss'],
]);
