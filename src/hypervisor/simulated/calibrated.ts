/**
 * Figures of the guest model that were measured on real guests. `npm run calibrate -- fit` finds them from the recordings in
 * test/fixtures/calibration and writes this file; docs/calibration.md tells how well the model does with them.
 */
import { type Bytes, MiB, type Ratio } from '../../model/units.ts';

/** How a guest's kernel does things. */
export interface KernelFigures {
  /** Memory that is not in MemTotal, at any size and for each byte of the maximum (memory map, text, firmware holes). */
  readonly fixed: Bytes;
  readonly share: Ratio;
  /** Pages that come in with one major fault of swapped memory. */
  readonly swapCluster: number;
  /** Minor faults for each page that comes in. */
  readonly swapFaults: number;
  /**
   * How swapped memory lies among what is touched in turn: 0, all that comes next, as the kernel swaps out what was touched
   * longest ago; 1, evenly spread.
   */
  readonly scatter: number;
  /**
   * Share of a huge page that stays in memory when it is swapped out: it is split and all of it written, and one round of reclaim
   * frees a part (shrink_page_list() in mm/vmscan.c; recordings show 1.5 to 2 pages written for each page freed, by 512 at a time).
   */
  readonly kept: Ratio;
  /** Share of MemTotal that lies apart when it is free: taken last, and not reported. */
  readonly apart: Ratio;
}

/** Linux 6.1 of Debian 12. */
export const KERNEL: KernelFigures = {
  fixed: 33.1 * MiB,
  share: 0.0177,
  swapCluster: 7.88,
  swapFaults: 2,
  scatter: 0.664,
  kept: 0.525,
  apart: 0.0516,
};

/** Bytes per second. */
export interface Speed {
  /** Reclaim by the balloon of memory that the host backs, and of memory that it does not. */
  readonly inflateTouched: number;
  readonly inflateUntouched: number;
  readonly deflate: number;
  /** How fast programs can touch new memory. */
  readonly touch: number;
}

/** The lab's guests: QEMU 7.2 without KVM, swap and files on an image without the host's cache. */
export const TCG: Speed & { readonly swapIn: number; readonly swapOut: number; readonly files: number } = {
  inflateTouched: 455 * MiB,
  inflateUntouched: 277 * MiB,
  deflate: 230 * MiB,
  touch: 419 * MiB,
  swapIn: 45.5 * MiB,
  swapOut: 180 * MiB,
  files: 300 * MiB,
};
