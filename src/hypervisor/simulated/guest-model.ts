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
  type FileReads,
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
import { touchSwapped } from './touch.ts';
import { cut, extend, newTurns } from './turns.ts';

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
export function bootMemory(
  { maximum, kernel, swap, touchRate }: GuestParameters,
  resident: Bytes,
): GuestMemory {
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
    turns: touchRate === undefined ? undefined : newTurns(maximum + swap),
    filesSeen: 0,
    blockedSeconds: 0,
    restartSeconds: 0,
    swapIn: 0,
    swapOut: 0,
    majorFaults: 0,
    minorFaults: 0,
  };
}

/** Plugs memory in, or out where `bytes` is negative. Returns what was: nothing where what is in use would have to go. */
export function plugMemory(memory: GuestMemory, bytes: Bytes): Bytes {
  const plugged = wholePages(Math.abs(bytes)) * Math.sign(bytes);
  if (memory.free + plugged < 0) return 0;
  memory.size += plugged;
  if (plugged > 0) giveBack(memory, plugged, 0);
  else takeFree(memory, -plugged, { resident: 0, bare: 0 });
  return plugged;
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
 * @param reading bytes per second of its files
 */
export function stepGuest(
  memory: GuestMemory,
  harm: GuestHarm,
  parameters: GuestParameters,
  demand: Bytes,
  target: Bytes | undefined,
  dt: Seconds,
  reading = parameters.files.rate,
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
  if (reading > 0) readFiles(memory, harm, parameters, reading, dt);
  if (target !== undefined && target < memory.size) inflate(memory, harm, parameters, budget, target, dt);
  const { low, high } = parameters.watermarks;
  const counted = memory.free - memory.listed;
  if (counted < low) reclaim(memory, parameters, budget, high - counted, 'background');
  harm.swappedOutBytes += memory.swapOut - swapOut;
}

/** Bytes per second at which files are read, or written; between two passes over them they are not. */
export function readRate({ every, size, rate, written }: FileReads, time: Seconds): number {
  if (written && time < written.from + size / written.rate) return time < written.from ? 0 : written.rate;
  return every === 0 || time % every < size / rate ? rate : 0;
}

/** What programs free goes out of RAM and swap alike; a dropped swap slot counts as no swap-in. */
function dropUnwanted(memory: GuestMemory, { list }: GuestParameters, wanted: Bytes): void {
  const surplus = held(memory) - wanted;
  if (surplus <= 0) return;
  const ended = memory.turns && cut(memory.turns, surplus);
  const share = surplus / held(memory);
  const fromSwap = ended?.swapped ?? Math.min(memory.swapped, wholePages(memory.swapped * share));
  const fromMemory = Math.min(memory.anonymous, surplus - fromSwap);
  memory.swapped -= surplus - fromMemory;
  const part = fromMemory / Math.max(1, memory.anonymous);
  memory.swapCached -= ended?.cached ?? wholePages(memory.swapCached * part);
  memory.huge -= wholePages(memory.huge * part);
  memory.written -= ended?.written ?? wholePages(memory.written * part);
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
  const got = take(memory, parameters, budget, asked, 'direct', huge);
  const { turns } = memory;
  memory.anonymous += got;
  if (turns) extend(turns, Math.max(0, held(memory) - parameters.locked) - turns.span, huge);
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
  if (memory.turns) cut(memory.turns, memory.turns.span);
  memory.anonymous -= freed;
  memory.swapped = 0;
  memory.swapCached = 0;
  memory.huge = 0;
  memory.written = 0;
  memory.blockedSeconds = 0;
  memory.restartSeconds = RESTART;
  harm.oomKills++;
}

/** Reads files at the guest's pace; misses fill the cache as far as there is free memory, and otherwise recycle it. */
function readFiles(
  memory: GuestMemory,
  harm: GuestHarm,
  parameters: GuestParameters,
  rate: number,
  dt: Seconds,
): void {
  const { size, every, mapped } = parameters.files;
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
  const near = Math.max(0, memory.freeResident - apart.resident);
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
