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
   * Share of a huge page that stays in memory when it is swapped out: it is split and all of it written, and one round of reclaim
   * frees a part (shrink_page_list() in mm/vmscan.c; recordings show 1.5 to 2 pages written for each page freed, by 512 at a time).
   */
  readonly kept: Ratio;
  /**
   * Most written memory that stays so: what comes to more is found written when the kernel looks at it again, and goes before anything
   * else is written (recordings of reclaim show 0 to 76 MiB of it, whether 15 MiB are freed or 240).
   */
  readonly keptMost: Bytes;
  /**
   * How much more huge memory the kernel reclaims when it has to look at all pages before it finds one that has not been touched. Each
   * look makes the next one wider (sc->priority in mm/vmscan.c), and what is being written does not count as freed yet.
   */
  readonly ahead: Bytes;
  /** Share of huge pages that come from all free memory alike, and not from what was freed or came out of the balloon last. */
  readonly mixed: Ratio;
  /** Share of MemTotal that lies apart when it is free: taken last, and not reported. */
  readonly apart: Ratio;
  /** Share of MemTotal that is taken last too, and that nobody has touched by then. */
  readonly bare: Ratio;
}

/** Linux 6.1 of Debian 12. */
export const KERNEL: KernelFigures = {
  fixed: 33.1 * MiB,
  share: 0.0178,
  swapCluster: 8.57,
  swapFaults: 1.79,
  kept: 0.556,
  keptMost: 64 * MiB,
  ahead: 58.5 * MiB,
  mixed: 0.318,
  apart: 0.0449,
  bare: 0.0287,
};

/** Bytes per second. */
export interface Speed {
  /** Reclaim by the balloon of memory that the host backs, and of memory that it does not. */
  readonly inflateTouched: number;
  readonly inflateUntouched: number;
  readonly deflate: number;
  /** How fast programs can touch new memory. */
  readonly touch: number;
  /** Microseconds that a minor fault takes. */
  readonly fault: number;
}

/** The lab's guests: QEMU 7.2 without KVM, swap and files on an image without the host's cache. */
export const TCG: Speed & { readonly swapIn: number; readonly swapOut: number; readonly files: number } = {
  inflateTouched: 342 * MiB,
  inflateUntouched: 334 * MiB,
  deflate: 2440 * MiB,
  touch: 619 * MiB,
  swapIn: 95.3 * MiB,
  swapOut: 771 * MiB,
  files: 300 * MiB,
  fault: 37.4,
};
