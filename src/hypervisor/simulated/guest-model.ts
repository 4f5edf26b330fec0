/**
 * The memory of one simulated Linux guest, one step at a time: its programs take and free, its files fill the page cache, its
 * balloon follows the target, and its kernel finds room. What was measured on real guests stands in calibrated.ts.
 */
import type { Bytes, Seconds } from '../../model/units.ts';
import { MiB } from '../../model/units.ts';
import { giveBack, release, takeFree } from './free-pages.ts';
import { PAGE, wholePages } from './pages.ts';
import {
  FAULT_AROUND,
  fitParts,
  type GuestMemory,
  type GuestParameters,
  held,
  hotSwapped,
  reclaim,
  reclaimableCache,
  type SwapBudget,
  take,
} from './reclaim.ts';

/** A cold page is touched about this often. */
const COLD_TOUCH: Seconds = 600;
const HUGE_PAGE: Bytes = 2 * MiB;
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
  swappedOutBytes: Bytes;
  /** File data that had to be read again because the cache had given it up. */
  rereadBytes: Bytes;
  /** Time in which the balloon wanted pages and got none ("Out of puff"). */
  puffSeconds: Seconds;
}

export function noHarm(): GuestHarm {
  return {
    stallSeconds: 0,
    shortageByteSeconds: 0,
    oomKills: 0,
    swappedOutBytes: 0,
    rereadBytes: 0,
    puffSeconds: 0,
  };
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
    freed: 0,
    returned: 0,
    listed: 0,
    reportIn: -1,
    swapped: 0,
    huge: 0,
    written: 0,
    swapCached: 0,
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
 * @param reading false between two passes over the files
 */
export function stepGuest(
  memory: GuestMemory,
  harm: GuestHarm,
  parameters: GuestParameters,
  demand: Bytes,
  target: Bytes | undefined,
  dt: Seconds,
  reading = true,
): void {
  const budget: SwapBudget = { left: dt };
  const { swapOut } = memory;
  const wanted = parameters.locked + (memory.restartSeconds > 0 ? 0 : wholePages(demand));
  memory.restartSeconds = Math.max(0, memory.restartSeconds - dt);
  if (target !== undefined && target > memory.size) deflate(memory, parameters, target, dt);
  dropUnwanted(memory, parameters, wanted);
  const waiting = allocate(memory, harm, parameters, budget, wanted, dt);
  const missing = waiting > 0 ? Math.max(0, wanted - held(memory)) : 0;
  const stalled = waiting + touchSwapped(memory, parameters, budget, dt);
  harm.stallSeconds += Math.min(dt, stalled);
  harm.shortageByteSeconds += (missing + hotSwapped(memory, parameters)) * dt;
  if (reading) readFiles(memory, harm, parameters, dt);
  if (target !== undefined && target < memory.size) inflate(memory, harm, parameters, budget, target, dt);
  const { low, high } = parameters.watermarks;
  const counted = memory.free - memory.listed;
  if (counted < low) reclaim(memory, parameters, budget, high - counted, 'background');
  harm.swappedOutBytes += memory.swapOut - swapOut;
}

/** What programs free goes out of RAM and swap alike; a dropped swap slot counts as no swap-in. */
function dropUnwanted(memory: GuestMemory, { list }: GuestParameters, wanted: Bytes): void {
  const surplus = held(memory) - wanted;
  if (surplus <= 0) return;
  const fromSwap = Math.min(memory.swapped, wholePages(surplus * (memory.swapped / held(memory))));
  const fromMemory = Math.min(memory.anonymous, surplus - fromSwap);
  memory.swapped -= surplus - fromMemory;
  const share = fromMemory / Math.max(1, memory.anonymous);
  memory.swapCached -= wholePages(memory.swapCached * share);
  memory.huge -= wholePages(memory.huge * share);
  memory.written -= wholePages(memory.written * share);
  memory.anonymous -= fromMemory;
  fitParts(memory);
  release(memory, fromMemory, list);
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
  const asked = Math.min(wanted - held(memory), wholePages(parameters.speed.touch * dt));
  if (asked <= 0) {
    memory.blockedSeconds = 0;
    return 0;
  }
  const before = budget.left;
  const { free, listed } = memory;
  const { min, high } = parameters.watermarks;
  const huge = parameters.hugePages && free + reclaimableCache(memory, parameters) - asked > high;
  const got = take(memory, parameters, budget, asked, 'direct');
  memory.anonymous += got;
  // Huge pages are not made of those on the list.
  if (huge && free - min >= asked) memory.listed = Math.min(listed, memory.free);
  if (huge) memory.huge += got;
  memory.minorFaults += got / (huge ? HUGE_PAGE : PAGE);
  if (got === asked) {
    memory.blockedSeconds = 0;
    return before - budget.left;
  }
  memory.blockedSeconds = got > 0 ? 0 : memory.blockedSeconds + dt;
  if (memory.blockedSeconds >= OOM_PATIENCE && !deflatedOnOom(memory, parameters))
    killPrograms(memory, harm, parameters);
  return dt;
}

/** With auto-deflate the balloon gives some pages back first, and goes for its target again after. */
function deflatedOnOom(memory: GuestMemory, { autodeflate, maximum, list }: GuestParameters): boolean {
  const back = Math.min(OOM_DEFLATES, maximum - memory.size);
  if (!autodeflate || back <= 0) return false;
  memory.size += back;
  giveBack(memory, back, list);
  memory.blockedSeconds = 0;
  return true;
}

function killPrograms(memory: GuestMemory, harm: GuestHarm, { locked, list }: GuestParameters): void {
  const freed = Math.max(0, memory.anonymous - locked);
  release(memory, freed, list);
  memory.anonymous -= freed;
  memory.swapped = 0;
  memory.swapCached = 0;
  memory.huge = 0;
  memory.written = 0;
  memory.blockedSeconds = 0;
  memory.restartSeconds = RESTART;
  harm.oomKills++;
}

/** Brings back swapped pages that are touched. Returns the time the programs lost waiting for those that they cannot do without. */
function touchSwapped(
  memory: GuestMemory,
  parameters: GuestParameters,
  budget: SwapBudget,
  dt: Seconds,
): Seconds {
  if (memory.swapped === 0 && memory.written === 0) return 0;
  const { swapInRate, swapOutRate, touchRate, figures } = parameters;
  const before = budget.left;
  const hot = hotSwapped(memory, parameters);
  // Of each page that is touched in turn, the chance that it is swapped; one that is takes the time to bring it in.
  const missing = touchRate > 0 ? (memory.swapped / held(memory)) ** figures.scatter : 0;
  const passed = touchRate > 0 ? dt / (1 / touchRate + missing / swapInRate) : 0;
  const wanted = Math.min(memory.swapped, hot + wholePages(passed * missing));
  touchWritten(memory, parameters, passed);
  const { min, high } = parameters.watermarks;
  const room = Math.max(0, memory.free - min) + reclaimableCache(memory, parameters);
  const brought = Math.min(wanted, room, wholePages(budget.left * swapInRate));
  swapIn(memory, parameters, budget, take(memory, parameters, budget, brought, 'direct'));
  // Without room every page that comes in drives another one out: thrashing moves data and changes no amount.
  const both = 1 / (1 / swapInRate + 1 / swapOutRate);
  const churned = Math.min(wanted - brought, memory.anonymous, wholePages(budget.left * both));
  memory.swapIn += churned;
  memory.swapOut += churned;
  if (churned > 0) memory.swapCached += wholePages(churned * (1 - memory.swapCached / memory.anonymous));
  fitParts(memory);
  countSwapFaults(memory, parameters, churned);
  budget.left -= churned / both;
  const lost = before - budget.left;

  const cold = memory.swapped - hotSwapped(memory, parameters);
  const touched = Math.max(PAGE, wholePages((cold * dt) / COLD_TOUCH));
  const bearable = wholePages(budget.left * swapInRate);
  const returning = Math.min(touched, cold, wholePages(memory.free - high), bearable);
  takeFree(memory, returning, parameters.apart);
  swapIn(memory, parameters, budget, returning);
  return lost;
}

/** What was written and never left is mapped again, and changed, as the programs come by. */
function touchWritten(memory: GuestMemory, { figures }: GuestParameters, passed: Bytes): void {
  const touched = wholePages(memory.written * Math.min(1, passed / held(memory)));
  memory.written -= touched;
  memory.swapCached += touched;
  memory.minorFaults += (touched / PAGE) * figures.swapFaults;
}

function swapIn(memory: GuestMemory, parameters: GuestParameters, budget: SwapBudget, bytes: Bytes): void {
  memory.anonymous += bytes;
  memory.swapped -= bytes;
  memory.swapCached += bytes;
  memory.swapIn += bytes;
  countSwapFaults(memory, parameters, bytes);
  budget.left -= bytes / parameters.swapInRate;
}

function countSwapFaults(memory: GuestMemory, { figures }: GuestParameters, bytes: Bytes): void {
  memory.majorFaults += bytes / (PAGE * figures.swapCluster);
  memory.minorFaults += (bytes / PAGE) * figures.swapFaults;
}

/** Reads files at the guest's pace; misses fill the cache as far as there is free memory, and otherwise recycle it. */
function readFiles(memory: GuestMemory, harm: GuestHarm, parameters: GuestParameters, dt: Seconds): void {
  const { size, rate, every, mapped } = parameters.files;
  if (size <= 0) return;
  // Here and there all the time, what is read is cached as often as not; from end to end, all that is missing is read.
  const missed = wholePages(
    every === 0
      ? rate * dt * Math.max(0, 1 - memory.cache / size)
      : Math.min(rate * dt, Math.max(0, size + parameters.text - memory.cache)),
  );
  harm.rereadBytes += Math.min(missed, Math.max(0, memory.filesSeen - memory.cache));
  const room = wholePages(memory.free - parameters.watermarks.high);
  const cached = Math.min(
    missed,
    wholePages(size + (every === 0 ? 0 : parameters.text) - memory.cache),
    room,
  );
  takeFree(memory, cached, parameters.apart);
  memory.cache += cached;
  memory.filesSeen = Math.max(memory.filesSeen, memory.cache);
  memory.majorFaults += (missed * mapped) / FAULT_AROUND;
  memory.minorFaults += (missed * mapped) / PAGE;
}

function deflate(memory: GuestMemory, { speed, list }: GuestParameters, target: Bytes, dt: Seconds): void {
  const grown = Math.min(target - memory.size, wholePages(speed.deflate * dt));
  memory.size += grown;
  giveBack(memory, grown, list);
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
  const { watermarks, speed, apart } = parameters;
  const before = memory.size;
  const spare = Math.min(before - target, Math.max(0, memory.free - watermarks.min));
  const near = Math.max(0, memory.freeResident - apart);
  const touched = Math.min(spare, near, wholePages(speed.inflateTouched * dt));
  const timeLeft = dt - touched / speed.inflateTouched;
  const untouched = Math.min(
    spare - touched,
    memory.free - near,
    wholePages(speed.inflateUntouched * timeLeft),
  );
  takeFree(memory, touched + untouched, apart);
  memory.size -= touched + untouched;
  const rest = memory.size - target;
  const reclaimTime = timeLeft - untouched / speed.inflateUntouched;
  if (rest > 0 && memory.free <= watermarks.min) {
    const asked = Math.min(rest, wholePages(speed.inflateTouched * reclaimTime));
    memory.size -= take(memory, parameters, budget, asked, 'background');
  }
  if (memory.size === before) harm.puffSeconds += dt;
}
