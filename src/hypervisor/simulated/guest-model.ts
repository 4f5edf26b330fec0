/**
 * The memory of one simulated Linux guest, one step at a time: its programs take and free, its files fill the page cache, its
 * balloon follows the target, and its kernel finds room. First model; the speeds are those of `SPEED`.
 */
import { type Bytes, GiB, type Seconds } from '../../model/units.ts';
import {
  FAULT_AROUND,
  type GuestMemory,
  type GuestParameters,
  held,
  hotSwapped,
  PAGE,
  reclaim,
  reclaimableCache,
  release,
  SWAP_CLUSTER,
  type SwapBudget,
  take,
  takeFree,
  wholePages,
} from './reclaim.ts';

/**
 * Bytes per second. The balloon's are those of virtio-balloon with 4 KiB pages on KVM in the HyperAlloc measurements (EuroSys
 * 2025; artifact luhsra/hyperalloc-bench): reclaim of touched and of untouched memory, and return.
 */
export const SPEED = {
  inflateTouched: 0.9 * GiB,
  inflateUntouched: 1.7 * GiB,
  deflate: 2.3 * GiB,
  /** How fast programs can touch new memory. */
  touch: 1.5 * GiB,
} as const;

/** A cold page is touched about this often. */
const COLD_TOUCH: Seconds = 600;
/** Share of file reads that go through mapped files, and so fault. */
const MAPPED_SHARE = 0.1;
/** PAGE_REPORTING_DELAY of mm/page_reporting.c. */
const REPORTING_DELAY: Seconds = 2;
/** Allocation without any progress for this long calls the OOM killer. */
const OOM_PATIENCE: Seconds = 0.5;
/** Pages that one OOM takes out of the balloon: 256 of 4 KiB (VIRTIO_BALLOON_OOM_NR_PAGES, drivers/virtio/virtio_balloon.c). */
const OOM_DEFLATES: Bytes = 256 * PAGE;
/** What the OOM killer took is started again after this. */
const RESTART: Seconds = 5;

/** Harm done to a guest since the scenario began; reboots do not reset it. */
export interface GuestHarm {
  /** Time its programs lost waiting for memory. */
  stallSeconds: Seconds;
  /** Memory in demand that was not there, integrated: byte-seconds. */
  shortageByteSeconds: number;
  oomKills: number;
  /** File data that had to be read again because the cache had given it up. */
  rereadBytes: Bytes;
  /** Time in which the balloon wanted pages and got none ("Out of puff"). */
  puffSeconds: Seconds;
}

export function noHarm(): GuestHarm {
  return { stallSeconds: 0, shortageByteSeconds: 0, oomKills: 0, rereadBytes: 0, puffSeconds: 0 };
}

/**
 * The memory of a guest whose kernel has just booted: no balloon, nothing in use.
 *
 * @param resident bytes of the guest's memory that the host already backs: none at a cold start, what was there before at a
 *   reboot, because a reset frees nothing on the host.
 */
export function bootMemory({ maximum, kernel }: GuestParameters, resident: Bytes): GuestMemory {
  const free = maximum - kernel;
  return {
    size: maximum,
    kernel,
    anonymous: 0,
    cache: 0,
    free,
    freeResident: wholePages(Math.min(free, resident - kernel)),
    swapped: 0,
    filesSeen: 0,
    blockedSeconds: 0,
    restartSeconds: 0,
    swapIn: 0,
    swapOut: 0,
    majorFaults: 0,
    minorFaults: 0,
  };
}

/** Bytes of the guest's memory that the host backs with pages. */
export function residentBytes(memory: Readonly<GuestMemory>): Bytes {
  return memory.kernel + memory.anonymous + memory.cache + memory.freeResident;
}

/**
 * Advances `memory` and `harm` by `dt` seconds.
 *
 * @param demand anonymous memory that the programs want now
 * @param target size that the host wants the guest to have; undefined while no balloon driver is loaded
 */
export function stepGuest(
  memory: GuestMemory,
  harm: GuestHarm,
  parameters: GuestParameters,
  demand: Bytes,
  target: Bytes | undefined,
  dt: Seconds,
): void {
  const budget: SwapBudget = { left: parameters.swapRate * dt };
  const wanted = memory.restartSeconds > 0 ? 0 : wholePages(demand);
  memory.restartSeconds = Math.max(0, memory.restartSeconds - dt);
  if (target !== undefined && target > memory.size) deflate(memory, target, dt);
  dropUnwanted(memory, wanted);
  const waiting = allocate(memory, harm, parameters, budget, wanted, dt);
  const missing = waiting > 0 ? Math.max(0, wanted - held(memory)) : 0;
  const stalled = waiting + touchSwapped(memory, parameters, budget, dt);
  harm.stallSeconds += Math.min(dt, stalled);
  harm.shortageByteSeconds += (missing + hotSwapped(memory, parameters)) * dt;
  readFiles(memory, harm, parameters, dt);
  if (target !== undefined && target < memory.size) inflate(memory, harm, parameters, budget, target, dt);
  const { low, high } = parameters.watermarks;
  if (memory.free < low) reclaim(memory, parameters, budget, high - memory.free, 'background');
}

/** What programs free goes out of RAM and swap alike; a dropped swap slot counts as no swap-in. */
function dropUnwanted(memory: GuestMemory, wanted: Bytes): void {
  const surplus = held(memory) - wanted;
  if (surplus <= 0) return;
  const fromSwap = Math.min(memory.swapped, wholePages(surplus * (memory.swapped / held(memory))));
  const fromMemory = Math.min(memory.anonymous, surplus - fromSwap);
  memory.swapped -= surplus - fromMemory;
  memory.anonymous -= fromMemory;
  release(memory, fromMemory);
}

/** Lets the programs take what they want. Returns the time they lost waiting. */
function allocate(
  memory: GuestMemory,
  harm: GuestHarm,
  parameters: GuestParameters,
  budget: SwapBudget,
  wanted: Bytes,
  dt: Seconds,
): Seconds {
  const asked = Math.min(wanted - held(memory), wholePages(SPEED.touch * dt));
  if (asked <= 0) {
    memory.blockedSeconds = 0;
    return 0;
  }
  const before = budget.left;
  const got = take(memory, parameters, budget, asked, 'direct');
  memory.anonymous += got;
  memory.minorFaults += got / PAGE;
  if (got === asked) {
    memory.blockedSeconds = 0;
    return (before - budget.left) / parameters.swapRate;
  }
  memory.blockedSeconds = got > 0 ? 0 : memory.blockedSeconds + dt;
  if (memory.blockedSeconds >= OOM_PATIENCE && !deflatedOnOom(memory, parameters)) killPrograms(memory, harm);
  return dt;
}

/** With auto-deflate the balloon gives some pages back first, and goes for its target again after. */
function deflatedOnOom(memory: GuestMemory, { autodeflate, maximum }: GuestParameters): boolean {
  const back = Math.min(OOM_DEFLATES, maximum - memory.size);
  if (!autodeflate || back <= 0) return false;
  memory.size += back;
  memory.free += back;
  memory.blockedSeconds = 0;
  return true;
}

function killPrograms(memory: GuestMemory, harm: GuestHarm): void {
  release(memory, memory.anonymous);
  memory.anonymous = 0;
  memory.swapped = 0;
  memory.blockedSeconds = 0;
  memory.restartSeconds = RESTART;
  harm.oomKills++;
}

/** Brings back swapped pages that are touched. Returns the time the programs lost waiting for hot ones. */
function touchSwapped(
  memory: GuestMemory,
  parameters: GuestParameters,
  budget: SwapBudget,
  dt: Seconds,
): Seconds {
  if (memory.swapped === 0) return 0;
  const hot = hotSwapped(memory, parameters);
  const { min, high } = parameters.watermarks;
  const room = Math.max(0, memory.free - min) + reclaimableCache(memory);
  const brought = Math.min(hot, room, wholePages(budget.left));
  swapIn(memory, budget, take(memory, parameters, budget, brought, 'direct'));
  // Without room every hot page that comes in drives another one out: thrashing moves data and changes no amount.
  const churned = Math.min(hot - brought, memory.anonymous, wholePages(budget.left / 2));
  memory.swapIn += churned;
  memory.swapOut += churned;
  memory.majorFaults += churned / SWAP_CLUSTER;
  budget.left -= 2 * churned;

  const cold = memory.swapped - hotSwapped(memory, parameters);
  const touched = Math.max(PAGE, wholePages((cold * dt) / COLD_TOUCH));
  const returning = Math.min(touched, cold, wholePages(memory.free - high), wholePages(budget.left));
  takeFree(memory, returning);
  swapIn(memory, budget, returning);
  return (brought + 2 * churned) / parameters.swapRate;
}

function swapIn(memory: GuestMemory, budget: SwapBudget, bytes: Bytes): void {
  memory.anonymous += bytes;
  memory.swapped -= bytes;
  memory.swapIn += bytes;
  memory.majorFaults += bytes / SWAP_CLUSTER;
  memory.minorFaults += bytes / PAGE;
  budget.left -= bytes;
}

/** Reads files at the guest's pace; misses fill the cache as far as there is free memory, and otherwise recycle it. */
function readFiles(memory: GuestMemory, harm: GuestHarm, parameters: GuestParameters, dt: Seconds): void {
  const { size, rate } = parameters.files;
  if (size <= 0) return;
  const missed = wholePages(rate * dt * Math.max(0, 1 - memory.cache / size));
  harm.rereadBytes += Math.min(missed, Math.max(0, memory.filesSeen - memory.cache));
  const room = wholePages(memory.free - parameters.watermarks.high);
  const cached = Math.min(missed, wholePages(size - memory.cache), room);
  takeFree(memory, cached);
  memory.cache += cached;
  memory.filesSeen = Math.max(memory.filesSeen, memory.cache);
  memory.majorFaults += (missed * MAPPED_SHARE) / FAULT_AROUND;
  memory.minorFaults += missed / PAGE;
}

/** Free memory that the guest tells the host of leaves the host's memory within some seconds (mm/page_reporting.c: 2 s). */
export function reportFreePages(memory: GuestMemory, dt: Seconds): void {
  memory.freeResident = wholePages(memory.freeResident * Math.max(0, 1 - dt / REPORTING_DELAY));
}

function deflate(memory: GuestMemory, target: Bytes, dt: Seconds): void {
  const grown = Math.min(target - memory.size, wholePages(SPEED.deflate * dt));
  memory.size += grown;
  memory.free += grown;
}

/**
 * Gives pages to the balloon until the target or the watermark is reached; at the watermark the driver tries again for ever
 * (drivers/virtio/virtio_balloon.c: fill_balloon() sleeps 200 ms and the work item requeues itself).
 */
function inflate(
  memory: GuestMemory,
  harm: GuestHarm,
  parameters: GuestParameters,
  budget: SwapBudget,
  target: Bytes,
  dt: Seconds,
): void {
  const { min } = parameters.watermarks;
  const before = memory.size;
  const spare = Math.min(before - target, Math.max(0, memory.free - min));
  const touched = Math.min(spare, memory.freeResident, wholePages(SPEED.inflateTouched * dt));
  const timeLeft = dt - touched / SPEED.inflateTouched;
  const untouched = Math.min(
    spare - touched,
    memory.free - memory.freeResident,
    wholePages(SPEED.inflateUntouched * timeLeft),
  );
  takeFree(memory, touched + untouched);
  memory.size -= touched + untouched;
  const rest = memory.size - target;
  const reclaimTime = timeLeft - untouched / SPEED.inflateUntouched;
  if (rest > 0 && memory.free <= min) {
    const asked = Math.min(rest, wholePages(SPEED.inflateTouched * reclaimTime));
    memory.size -= take(memory, parameters, budget, asked, 'background');
  }
  if (memory.size === before) harm.puffSeconds += dt;
}
