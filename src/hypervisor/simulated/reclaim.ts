/** Memory inside a simulated guest, and how its kernel finds room: from free pages, then from the page cache, then by swapping. */
import { type Bytes, GiB, KiB, MiB, type Ratio, type Seconds } from '../../model/units.ts';

export const PAGE: Bytes = 4096;

/** What a guest is made of; constant while it runs. */
export interface GuestParameters {
  readonly maximum: Bytes;
  /** What the kernel keeps from MemTotal at boot: memory map, text, crash kernel, firmware holes. */
  readonly kernel: Bytes;
  readonly swap: Bytes;
  /** Bytes per second that the swap device carries, both ways together. */
  readonly swapRate: number;
  /** Share of the anonymous memory that the programs touch all the time. */
  readonly hotShare: Ratio;
  /** The files that the guest reads over and over, and how fast. */
  readonly files: { readonly size: Bytes; readonly rate: number };
  readonly watermarks: Watermarks;
  /** Running out of memory deflates the balloon instead of killing programs, and MemTotal does not know of the balloon. */
  readonly autodeflate: boolean;
}

/** Free memory that the kernel defends. */
export interface Watermarks {
  /** Allocations below this reclaim first; the balloon and the programs cannot go under it. */
  readonly min: Bytes;
  /** Below this kswapd wakes. */
  readonly low: Bytes;
  /** kswapd reclaims up to this. */
  readonly high: Bytes;
}

/**
 * The guest's memory at one moment, in bytes, every amount a whole number of pages. Always
 * `kernel + anonymous + cache + free = size`, and `freeResident <= free`. Counters count since the guest booted.
 */
export interface GuestMemory {
  /** What the balloon leaves: the maximum less the balloon. */
  size: Bytes;
  readonly kernel: Bytes;
  anonymous: Bytes;
  cache: Bytes;
  free: Bytes;
  /** The part of `free` that the host still backs with pages, because the guest has touched it before. */
  freeResident: Bytes;
  swapped: Bytes;
  /** Most file data that was ever cached at once: what is read again below this is a re-read. */
  filesSeen: Bytes;
  /** How long the programs' allocations have got nothing at all. */
  blockedSeconds: Seconds;
  /** Time until the programs that the OOM killer took are back. */
  restartSeconds: Seconds;
  swapIn: Bytes;
  swapOut: Bytes;
  majorFaults: number;
  minorFaults: number;
}

/** What is left of the swap device's time in one step, in bytes. */
export interface SwapBudget {
  left: Bytes;
}

/** File pages that running programs map and touch all the time; reclaim does not get them. */
export const PINNED_CACHE: Bytes = 16 * MiB;

/** Mapped files fault in by windows of 64 KiB (mm/memory.c, fault_around_bytes). */
export const FAULT_AROUND: Bytes = 64 * KiB;

/** Swap readahead brings 2^page-cluster = 8 pages per major fault (Documentation/admin-guide/sysctl/vm.rst). */
export const SWAP_CLUSTER: Bytes = 8 * PAGE;

/** Whole pages in `bytes`, as bytes; never negative. */
export function wholePages(bytes: Bytes): Bytes {
  return bytes > 0 ? Math.floor(bytes / PAGE) * PAGE : 0;
}

/**
 * A guest's watermarks: transparent huge pages make khugepaged raise min_free_kbytes to 11 pageblocks of 2 MiB a zone, at
 * most 5 % of memory (mm/khugepaged.c, set_recommended_min_free_kbytes); low and high lie a quarter and a half above
 * (mm/page_alloc.c, __setup_per_zone_wmarks). A guest above 3 GiB has a third zone.
 */
export function watermarksOf(maximum: Bytes, kernel: Bytes): Watermarks {
  const zones = maximum > 3 * GiB ? 3 : 2;
  const min = wholePages(Math.min(zones * 22 * MiB, 0.05 * (maximum - kernel)));
  return { min, low: wholePages(min * 1.25), high: wholePages(min * 1.5) };
}

/** MemAvailable as mm/show_mem.c, si_mem_available() estimates it. */
export function memAvailable(memory: Readonly<GuestMemory>, { low, high }: Watermarks): Bytes {
  return Math.max(0, memory.free - high + memory.cache - wholePages(Math.min(memory.cache / 2, low)));
}

/** Anonymous memory in use, in RAM or on the swap device. */
export function held(memory: Readonly<GuestMemory>): Bytes {
  return memory.anonymous + memory.swapped;
}

/** Swapped memory that the programs touch all the time: swapping takes what is cold first. */
export function hotSwapped(memory: Readonly<GuestMemory>, parameters: GuestParameters): Bytes {
  return Math.max(0, memory.swapped - coldTotal(memory, parameters));
}

/** File pages that reclaim can have. */
export function reclaimableCache(memory: Readonly<GuestMemory>): Bytes {
  return Math.max(0, memory.cache - PINNED_CACHE);
}

/**
 * Frees up to `wanted` bytes: page cache first, then by swapping out at the device's speed. `background` reclaim (kswapd, and
 * the balloon's __GFP_NORETRY allocations) gets cold anonymous pages only; a program that cannot go on (`direct`) takes hot
 * ones too. Returns the bytes freed.
 */
export function reclaim(
  memory: GuestMemory,
  parameters: GuestParameters,
  budget: SwapBudget,
  wanted: Bytes,
  kind: 'background' | 'direct',
): Bytes {
  const dropped = Math.min(wanted, reclaimableCache(memory));
  memory.cache -= dropped;
  const swappable =
    kind === 'direct' ? memory.anonymous : Math.max(0, coldTotal(memory, parameters) - memory.swapped);
  const swapped = Math.min(
    wholePages(budget.left),
    wanted - dropped,
    swappable,
    parameters.swap - memory.swapped,
  );
  memory.anonymous -= swapped;
  memory.swapped += swapped;
  memory.swapOut += swapped;
  budget.left -= swapped;
  release(memory, dropped + swapped);
  return dropped + swapped;
}

/** Takes up to `wanted` free bytes above the min watermark, reclaiming first what is missing; the caller books what it got. */
export function take(
  memory: GuestMemory,
  parameters: GuestParameters,
  budget: SwapBudget,
  wanted: Bytes,
  kind: 'background' | 'direct',
): Bytes {
  const { min } = parameters.watermarks;
  const missing = wanted - Math.max(0, memory.free - min);
  if (missing > 0) reclaim(memory, parameters, budget, missing, kind);
  const taken = Math.min(wanted, Math.max(0, memory.free - min));
  takeFree(memory, taken);
  return taken;
}

/** Takes free pages. The allocator hands out what was freed last (its lists are LIFO), so resident pages go first. */
export function takeFree(memory: GuestMemory, bytes: Bytes): void {
  memory.free -= bytes;
  memory.freeResident -= Math.min(memory.freeResident, bytes);
}

/** Gives pages back to the guest's allocator; for the host they stay resident. */
export function release(memory: GuestMemory, bytes: Bytes): void {
  memory.free += bytes;
  memory.freeResident += bytes;
}

function coldTotal(memory: Readonly<GuestMemory>, parameters: GuestParameters): Bytes {
  return wholePages((1 - parameters.hotShare) * held(memory));
}
