/** Memory inside a simulated guest, and how its kernel finds room: from free pages, then from the page cache, then by swapping. */
import { type Bytes, KiB, MiB, type Ratio, type Seconds } from '../../model/units.ts';
import type { KernelFigures, Speed } from './calibrated.ts';
import { type FreePages, type LastPages, release, takeBlocks, takeFree } from './free-pages.ts';
import { wholePages } from './pages.ts';
import { oldest, renew, type Turns } from './turns.ts';
import type { Watermarks } from './watermarks.ts';

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
  /** Bytes a second that they touch of all that they hold in turn, over and over; undefined: here and there, and nobody knows when. */
  readonly touchRate: number | undefined;
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
  readonly apart: LastPages;
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
  /** When they are written, by the scenario's time, and at how many bytes per second: there are none before. Default: long ago. */
  readonly written?: { readonly from: Seconds; readonly rate: number };
  /** Share of the reads that go through mapped files, and so fault. */
  readonly mapped: Ratio;
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
  /** Where it lies, if it is touched in turn. */
  readonly turns: Turns | undefined;
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

/**
 * What lies apart in a guest of this MemTotal. It is resident as far as the guest has touched all its memory once, and bare otherwise.
 *
 * @param touched bytes beside its kernel that it has touched
 */
export function apartOf(total: Bytes, { apart, bare }: KernelFigures, touched: Bytes): LastPages {
  const resident = wholePages(Math.min(apart * total, touched));
  return { resident, bare: wholePages((apart + bare) * total) - resident };
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
  const able = Math.max(0, swappable);
  const most = Math.min(wanted, able);
  const { swapped } = memory;
  if (memory.turns) swapOldest(memory, memory.turns, parameters, budget, most, able);
  else swapAny(memory, parameters, budget, most);
  fitParts(memory);
  return memory.swapped - swapped;
}

function swapAny(memory: GuestMemory, parameters: GuestParameters, budget: SwapBudget, most: Bytes): void {
  const { swapped } = memory;
  if (memory.huge > 0) splitHuge(memory, parameters, budget, most, memory.huge);
  leaveWritten(memory, Math.min(memory.written, most - (memory.swapped - swapped)));
  const rest = memory.anonymous - memory.huge - memory.written;
  write(memory, parameters, budget, Math.min(rest, most - (memory.swapped - swapped)));
}

function swapOldest(
  memory: GuestMemory,
  turns: Turns,
  parameters: GuestParameters,
  budget: SwapBudget,
  most: Bytes,
  able: Bytes,
): void {
  let left = most;
  for (let more = able - most; left > 0; ) {
    const piece = oldest(turns);
    if (piece === undefined) return;
    if (memory.huge > 0 && turns.spared >= turns.queue.length) {
      const ahead = Math.min(more, wholePages(parameters.figures.ahead));
      left += ahead;
      more -= ahead;
    }
    turns.spared = 0;
    const { swapped, written } = memory;
    if (piece.huge) {
      const whole = Math.min(memory.huge, piece.size - piece.swapped - piece.written);
      splitHuge(memory, parameters, budget, left, whole);
      piece.written += memory.written - written;
    } else {
      leaveWritten(memory, Math.min(piece.written, left));
      piece.written -= memory.swapped - swapped;
      const mapped = piece.size - piece.swapped - (memory.swapped - swapped) - piece.written;
      const out = write(memory, parameters, budget, Math.min(left - (memory.swapped - swapped), mapped));
      const stays = out === 0 ? piece.cached : wholePages(piece.cached * (1 - out / mapped));
      memory.swapCached -= piece.cached - stays;
      piece.cached = stays;
    }
    const freed = memory.swapped - swapped;
    piece.swapped += freed;
    left -= freed;
    if (piece.huge && (memory.huge === 0 || piece.swapped + piece.written === piece.size)) {
      piece.huge = false;
      // Written while they were off the list, its pages come back to its end (folio_rotate_reclaimable() in mm/swap.c).
      renew(turns);
    } else if (freed === 0 && memory.written === written) return;
  }
}

/** What has a place on the device already needs no other. */
function leaveWritten(memory: GuestMemory, bytes: Bytes): void {
  memory.written -= bytes;
  leave(memory, bytes);
}

function write(memory: GuestMemory, parameters: GuestParameters, budget: SwapBudget, bytes: Bytes): Bytes {
  const out = Math.max(0, Math.min(bytes, writable(memory, parameters, budget)));
  memory.swapOut += out;
  budget.left -= out / parameters.swapOutRate;
  leave(memory, out);
  return out;
}

function leave(memory: GuestMemory, bytes: Bytes): void {
  memory.anonymous -= bytes;
  memory.swapped += bytes;
}

/** Writes whole huge pages, of up to `huge` bytes, and frees a part of them, or of those written before, up to `wanted` bytes. */
function splitHuge(
  memory: GuestMemory,
  parameters: GuestParameters,
  budget: SwapBudget,
  wanted: Bytes,
  huge: Bytes,
): void {
  const { kept, keptMost } = parameters.figures;
  const room = wholePages(keptMost - memory.written);
  const needed = wholePages(wanted + Math.min(room, (wanted * kept) / (1 - kept)));
  const bytes = Math.min(huge, needed, writable(memory, parameters, budget));
  const freed = Math.min(wanted, bytes - Math.min(room, wholePages(bytes * kept)));
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
  memory.written = Math.min(memory.written, memory.anonymous);
  memory.swapCached = Math.min(memory.swapCached, memory.anonymous - memory.written);
  memory.huge = Math.min(memory.huge, memory.anonymous - memory.written - memory.swapCached);
}

/** Takes up to `wanted` free bytes above the min watermark, reclaiming first what is missing; the caller books what it got. */
export function take(
  memory: GuestMemory,
  parameters: GuestParameters,
  budget: SwapBudget,
  wanted: Bytes,
  kind: 'background' | 'direct',
  huge = false,
): Bytes {
  const { min } = parameters.watermarks;
  const missing = wanted - Math.max(0, memory.free - min);
  if (missing > 0) reclaim(memory, parameters, budget, missing, kind);
  const taken = Math.min(wanted, Math.max(0, memory.free - min));
  if (huge) takeBlocks(memory, taken, parameters.apart, parameters.figures.mixed);
  else takeFree(memory, taken, parameters.apart);
  return taken;
}

function coldTotal(memory: Readonly<GuestMemory>, parameters: GuestParameters): Bytes {
  return wholePages((1 - parameters.hotShare) * held(memory));
}
