/**
 * Guest memory statistics as `virDomainMemoryStats` gives them: a list of (tag, value) pairs that holds only what the
 * hypervisor and the guest know. Source: libvirt, include/libvirt/libvirt-domain.h, `virDomainMemoryStatTags`.
 */

/** One statistic. `value` is KiB for amounts, a plain count for faults and huge pages, unix seconds for `last_update`. */
export interface MemoryStat {
  readonly tag: number;
  readonly value: number;
}

/** Tags by the names that `virsh dommemstat` and python3-libvirt print. */
export const MEMORY_STAT_TAG = {
  swap_in: 0,
  swap_out: 1,
  major_fault: 2,
  minor_fault: 3,
  /** MemFree in the guest. */
  unused: 4,
  /** MemTotal in the guest; the name is libvirt's. */
  available: 5,
  /** Size of the guest that its balloon leaves it. */
  actual: 6,
  /** Resident memory of the hypervisor's process on the host. */
  rss: 7,
  /** MemAvailable in the guest; the name is libvirt's. */
  usable: 8,
  last_update: 9,
  disk_caches: 10,
  hugetlb_pgalloc: 11,
  hugetlb_pgfail: 12,
} as const;

export type MemoryStatName = keyof typeof MEMORY_STAT_TAG;

/** How many tags this version names; asking for this many or more returns everything a known libvirt has. */
export const MEMORY_STAT_NR = 13;

/** Most statistics one call may ask for (`REMOTE_DOMAIN_MEMORY_STATS_MAX` of libvirt's protocol). */
export const MEMORY_STATS_MAX = 1024;

function isMemoryStatName(name: string): name is MemoryStatName {
  return Object.hasOwn(MEMORY_STAT_TAG, name);
}

const NAMES: ReadonlyMap<number, MemoryStatName> = new Map(
  Object.keys(MEMORY_STAT_TAG)
    .filter(isMemoryStatName)
    .map(name => [MEMORY_STAT_TAG[name], name]),
);

/** The name of a tag, or undefined for a tag that this version does not know. */
export function memoryStatName(tag: number): MemoryStatName | undefined {
  return NAMES.get(tag);
}

/** Statistics by name, as python3-libvirt's `memoryStats()` returns them; a tag without a name keeps its number as key. */
export type MemoryStatsRecord = { readonly [K in MemoryStatName]?: number } & {
  readonly [tag: `${number}`]: number;
};

export function memoryStatsToRecord(stats: readonly MemoryStat[]): MemoryStatsRecord {
  return Object.fromEntries(stats.map(({ tag, value }) => [memoryStatName(tag) ?? String(tag), value]));
}
