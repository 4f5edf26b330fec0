/** What the guest's balloon driver tells of the guest's memory. */
import { bytesToKib, type Kib, type Seconds } from '../../model/units.ts';
import { type GuestMemory, type GuestParameters, memAvailable } from './reclaim.ts';

/** One report, in the units of libvirt. */
export interface GuestReport {
  readonly lastUpdate: Seconds;
  readonly swapInKib: Kib;
  readonly swapOutKib: Kib;
  readonly majorFaults: number;
  readonly minorFaults: number;
  readonly freeKib: Kib;
  readonly totalKib: Kib;
  readonly availableKib: Kib;
  readonly cachesKib: Kib;
}

/** @param lastUpdate the host's wall clock, whole seconds */
export function reportOf(
  memory: Readonly<GuestMemory>,
  parameters: GuestParameters,
  lastUpdate: Seconds,
): GuestReport {
  return {
    lastUpdate,
    swapInKib: bytesToKib(memory.swapIn),
    swapOutKib: bytesToKib(memory.swapOut),
    majorFaults: Math.floor(memory.majorFaults),
    minorFaults: Math.floor(memory.minorFaults),
    freeKib: bytesToKib(memory.free - memory.listed),
    // With deflate-on-oom the driver leaves ballooned pages in MemTotal (adjust_managed_page_count, virtio_balloon.c).
    totalKib: bytesToKib((parameters.autodeflate ? parameters.maximum : memory.size) - memory.kernel),
    availableKib: bytesToKib(memAvailable(memory, parameters.watermarks)),
    // NR_FILE_PAGES, which has the pages of the swap cache too.
    cachesKib: bytesToKib(memory.cache + memory.swapCached + memory.written),
  };
}

/** A report as a guest gives it whose swap does not show, or that lies. */
export function distorted(
  report: GuestReport,
  before: GuestReport | undefined,
  { zswap, says }: { readonly zswap: boolean; readonly says: 'idle' | 'starved' | 'both' | undefined },
): GuestReport {
  const swap = zswap ? { swapInKib: before?.swapInKib ?? 0, swapOutKib: before?.swapOutKib ?? 0 } : {};
  if (says === undefined) return zswap ? { ...report, ...swap } : report;
  const idle = says === 'idle' || (says === 'both' && report.lastUpdate % 2 === 0);
  const left = idle ? report.totalKib : 0;
  return { ...report, ...swap, availableKib: left, freeKib: left };
}
