/** Memory inside a simulated guest, and how its kernel finds room: from free pages, then from the page cache, then by swapping. */
import { type Bytes, GiB, KiB, MiB, type Ratio, type Seconds } from '../../model/units.ts';
import type { KernelFigures, Speed } from './calibrated.ts';
import { type FreePages, release, takeFree } from './free-pages.ts';
import { wholePages } from './pages.ts';

/** What a guest is made of; constant while it runs. */
export interface GuestParameters {
  readonly maximum: Bytes;
  /** What the kernel keeps from MemTotal at boot: memory map, text, crash kernel, firmware holes. */
  readonly kernel: Bytes;
  /** Memory in use beside the demand that never goes to swap: the kernel's own, and programs that lock theirs. */
  readonly locked: Bytes;
  readonly swap: Bytes;
  /** Bytes per second that come in from the swap device when nothing goes out, and the other way round. */
  readonly swapInRate: number;
  readonly swapOutRate: number;
  /** Share of the anonymous memory that the programs touch all the time. */
  readonly hotShare: Ratio;
  /** Bytes a second that they touch of all that they hold, over and over. */
  readonly touchRate: number;
  /** The files that the guest reads over and over. */
  readonly files: FileReads;
  /** Pages of running programs' files; reclaim does not get them. */
  readonly text: Bytes;
  readonly watermarks: Watermarks;
  /**
   * Most that one processor's list of free pages holds: the low watermark, divided among the processors (zone_highsize() in
   * mm/page_alloc.c; seen with 42 and 54 MiB on guests of 768 and 1024 MiB with one processor).
   */
  readonly list: Bytes;
  /**
   * Free memory that was touched at boot and lies apart: in the zone for DMA, in blocks kept for the kernel's own pages, in blocks too
   * small to be reported. Programs, files and balloon get it last, when other pages are used up (zonelists and migrate types,
   * mm/page_alloc.c; 28 to 36 MiB in the recordings).
   */
  readonly apart: Bytes;
  /** Programs' memory comes in huge pages, where there is room for them. */
  readonly hugePages: boolean;
  /** Running out of memory deflates the balloon instead of killing programs, and MemTotal does not know of the balloon. */
  readonly autodeflate: boolean;
  readonly speed: Speed;
  readonly figures: KernelFigures;
}

export interface FileReads {
  readonly size: Bytes;
  /** Bytes per second. */
  readonly rate: number;
  /** From their beginning to their end each so many seconds; 0: without a break. */
  readonly every: Seconds;
  /** Share of the reads that go through mapped files, and so fault. */
  readonly mapped: Ratio;
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
 * `kernel + anonymous + cache + free = size`, `freed <= freeResident <= free` and `huge + written + swapCached <= anonymous`. Counters
 * count since the guest booted.
 */
export interface GuestMemory extends FreePages {
  /** What the balloon leaves: the maximum less the balloon. */
  size: Bytes;
  readonly kernel: Bytes;
  anonymous: Bytes;
  cache: Bytes;
  swapped: Bytes;
  /** Anonymous memory in huge pages. */
  huge: Bytes;
  /** Anonymous memory that was written with the rest of its huge page and is still there: it can go without being written again. */
  written: Bytes;
  /** Anonymous memory that has come back from swap and still has its place there: the kernel counts it as file pages too. */
  swapCached: Bytes;
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

/** What is left of the swap device's time in one step. */
export interface SwapBudget {
  left: Seconds;
}

/** File pages that running programs map and touch all the time, where a guest does not say. */
export const TEXT: Bytes = 16 * MiB;

/** Mapped files fault in by windows of 64 KiB (mm/memory.c, fault_around_bytes). */
export const FAULT_AROUND: Bytes = 64 * KiB;

/** Below this much memory Linux leaves transparent huge pages off (mm/huge_memory.c, hugepage_init()). */
const HUGE_PAGES_FROM: Bytes = 512 * MiB;

/** True where the kernel of a guest of this MemTotal uses huge pages by itself. */
export function usesHugePages(total: Bytes): boolean {
  return total >= HUGE_PAGES_FROM;
}

/**
 * A guest's watermarks. Without huge pages min_free_kbytes is the root of 16 times the memory in KiB (mm/page_alloc.c,
 * calculate_min_free_kbytes()); with them khugepaged raises it to 11 pageblocks of 2 MiB a zone, at most 5 % of memory
 * (mm/khugepaged.c, set_recommended_min_free_kbytes()). Low and high lie a quarter and a half above (__setup_per_zone_wmarks()).
 * A guest above 3 GiB has a third zone.
 */
export function watermarksOf(maximum: Bytes, kernel: Bytes): Watermarks {
  const total = maximum - kernel;
  const zones = maximum > 3 * GiB ? 3 : 2;
  const root = Math.sqrt((16 * total) / KiB) * KiB;
  const min = wholePages(usesHugePages(total) ? Math.min(zones * 22 * MiB, 0.05 * total) : root);
  return { min, low: wholePages(min * 1.25), high: wholePages(min * 1.5) };
}

/** MemAvailable as mm/show_mem.c, si_mem_available() estimates it. */
export function memAvailable(memory: Readonly<GuestMemory>, { low, high }: Watermarks): Bytes {
  const free = memory.free - memory.listed;
  return Math.max(0, free - high + memory.cache - wholePages(Math.min(memory.cache / 2, low)));
}

/** Anonymous memory in use, in RAM or on the swap device. */
export function held(memory: Readonly<GuestMemory>): Bytes {
  return memory.anonymous + memory.swapped;
}

/** Swapped memory that the programs touch all the time: swapping takes what is cold first. */
export function hotSwapped(memory: Readonly<GuestMemory>, parameters: GuestParameters): Bytes {
  return memory.swapped === 0 ? 0 : Math.max(0, memory.swapped - coldTotal(memory, parameters));
}

/** What lies apart in a guest of this MemTotal. */
export function apartOf(total: Bytes, { apart }: KernelFigures): Bytes {
  return wholePages(apart * total);
}

/** File pages that reclaim can have. */
export function reclaimableCache(memory: Readonly<GuestMemory>, { text }: GuestParameters): Bytes {
  return Math.max(0, memory.cache - text);
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
  const dropped = Math.min(wanted, reclaimableCache(memory, parameters));
  memory.cache -= dropped;
  const swapped = dropped < wanted ? swapOut(memory, parameters, budget, wanted - dropped, kind) : 0;
  // While kswapd runs, lists are kept short (ZONE_RECLAIM_ACTIVE), and programs that reclaim empty them (drain_all_pages()).
  memory.listed = 0;
  release(memory, dropped + swapped, 0);
  return dropped + swapped;
}

function swapOut(
  memory: GuestMemory,
  parameters: GuestParameters,
  budget: SwapBudget,
  wanted: Bytes,
  kind: 'background' | 'direct',
): Bytes {
  const swappable =
    kind === 'direct'
      ? memory.anonymous - parameters.locked
      : Math.min(memory.anonymous - parameters.locked, coldTotal(memory, parameters) - memory.swapped);
  const most = Math.min(wanted, Math.max(0, swappable));
  const { swapped } = memory;
  if (memory.huge > 0) splitHuge(memory, parameters, budget, most);
  // What has a place on the device already needs no other.
  const again = Math.min(memory.written, most - (memory.swapped - swapped));
  memory.written -= again;
  leave(memory, again);
  const rest = Math.min(
    writable(memory, parameters, budget),
    most - (memory.swapped - swapped),
    memory.anonymous - memory.huge - memory.written,
  );
  memory.swapOut += rest;
  budget.left -= rest / parameters.swapOutRate;
  leave(memory, rest);
  fitParts(memory);
  return memory.swapped - swapped;
}

function leave(memory: GuestMemory, bytes: Bytes): void {
  memory.anonymous -= bytes;
  memory.swapped += bytes;
}

/** Writes whole huge pages and frees a part of them, up to `wanted` bytes. */
function splitHuge(
  memory: GuestMemory,
  parameters: GuestParameters,
  budget: SwapBudget,
  wanted: Bytes,
): void {
  const { kept } = parameters.figures;
  const bytes = Math.min(memory.huge, wholePages(wanted / (1 - kept)), writable(memory, parameters, budget));
  const freed = Math.min(wanted, bytes - wholePages(bytes * kept));
  memory.huge -= bytes;
  memory.written += bytes - freed;
  memory.swapOut += bytes;
  budget.left -= bytes / parameters.swapOutRate;
  leave(memory, freed);
}

/** What the swap device has time and place for. */
function writable(memory: GuestMemory, { swap, swapOutRate }: GuestParameters, { left }: SwapBudget): Bytes {
  return Math.max(0, Math.min(wholePages(left * swapOutRate), swap - memory.swapped - memory.written));
}

/** Keeps the parts of anonymous memory within the whole after some of it went. */
export function fitParts(memory: GuestMemory): void {
  memory.swapCached = Math.min(memory.swapCached, memory.anonymous);
  memory.huge = Math.min(memory.huge, memory.anonymous - memory.swapCached);
  memory.written = Math.min(memory.written, memory.anonymous - memory.swapCached - memory.huge);
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
  takeFree(memory, taken, parameters.apart);
  return taken;
}

function coldTotal(memory: Readonly<GuestMemory>, parameters: GuestParameters): Bytes {
  return wholePages((1 - parameters.hotShare) * held(memory));
}
