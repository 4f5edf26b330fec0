/** One figure of a host or a guest with its age and quality, and which figures there are of a guest. */
import type { Seconds } from './units.ts';

/**
 * How far a reading can be trusted.
 * - `ok`: as fresh as its source allows, and plausible.
 * - `stale`: the source stopped renewing it; the value is the last one.
 * - `absent`: the source does not know it; there is no value.
 * - `implausible`: the source gave something that cannot be; there is no value.
 */
export type Quality = 'ok' | 'stale' | 'absent' | 'implausible';

/** One value with its age (host clock, seconds since it was true) and its quality. `value` is missing when there is none. */
export interface Reading {
  readonly value?: number;
  readonly ageSeconds: Seconds;
  readonly quality: Quality;
}

export type Readings<F extends string> = { readonly [K in F]: Reading };

/**
 * Guest figures. `total` is MemTotal, `available` MemAvailable, `free` MemFree, `cache` NR_FILE_PAGES (so tmpfs too), all in
 * bytes; `current` the size that the balloon leaves, `rss` the resident memory of its process on the host; rates in bytes per
 * second (`majorFaultRate` in faults per second) over the last two distinct guest reports.
 *
 * Known of few guests: `oomKills` and `allocStalls`, how many of them lie between the last two distinct reports (statistics 10
 * and 11 of Linux 6.12, include/uapi/linux/virtio_balloon.h); `psiSome` and `psiFull`, percent of the last 10 seconds in which
 * the guest's processes stalled for want of the *host's* memory, by their cgroup: a shortage that giving the guest more
 * would make worse.
 */
export type GuestFigure =
  | 'max'
  | 'current'
  | 'rss'
  | 'total'
  | 'available'
  | 'free'
  | 'cache'
  | 'used'
  | 'swapInRate'
  | 'swapOutRate'
  | 'majorFaultRate'
  | 'oomKills'
  | 'allocStalls'
  | 'psiSome'
  | 'psiFull';
