import { type GuestSample, trusted } from './snapshot.ts';
import { type Bytes, MiB, type Ratio } from './units.ts';

/**
 * Memory that stays with a guest above what it uses, whatever a policy says: bursts are absolute, so a share alone is too
 * little for small guests, and a kernel under its watermarks kills at the next fork (measured: a 1 GiB guest squeezed to
 * MemAvailable 0 lost its 300 MiB process). What the watermarks keep free is no part of MemAvailable, and so comes on top of this
 * (mm/show_mem.c, si_mem_available()). More than it is for a policy to ask for, with its reserve.
 */
export function absoluteReserve(maxBytes: Bytes): Bytes {
  return Math.min(256 * MiB, Math.max(32 * MiB, 0.02 * maxBytes));
}

/** Most of a guest's maximum that one decision takes of what it uses, where a shortage is shared: what it cannot do without shows. */
export const SHARED_STEP: Ratio = 1 / 16;

/**
 * The part of a guest's size that its kernel keeps out of MemTotal (its own text, memory map, crash kernel).
 *
 * With auto-deflate the driver leaves ballooned pages in MemTotal, so the full size is what it is missing from
 * (drivers/virtio/virtio_balloon.c adjusts totalram only without VIRTIO_BALLOON_F_DEFLATE_ON_OOM).
 * Undefined while the figures are not trusted. Only meaningful while the balloon stands still.
 */
export function kernelShare(guest: GuestSample): Bytes | undefined {
  const total = guest.readings.trusted.total;
  const size = trusted(guest.balloon?.autodeflate === true ? guest.readings.max : guest.readings.current);
  return Number.isNaN(total) || size === undefined ? undefined : Math.max(0, size - total);
}

/**
 * The smallest size a guest may be shrunk to by what it uses now: use, kernel share and absolute reserve.
 * Undefined when the guest's use is not known; then it may not be shrunk at all.
 */
export function needFloor(guest: GuestSample, kernelBytes: Bytes): Bytes | undefined {
  const used = guest.readings.trusted.used;
  const max = trusted(guest.readings.max);
  return Number.isNaN(used) || max === undefined
    ? undefined
    : Math.min(max, used + kernelBytes + absoluteReserve(max));
}
