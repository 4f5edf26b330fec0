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
    freeKib: bytesToKib(memory.free),
    totalKib: bytesToKib(memory.size - memory.kernel),
    availableKib: bytesToKib(memAvailable(memory, parameters.watermarks)),
    cachesKib: bytesToKib(memory.cache),
  };
}
