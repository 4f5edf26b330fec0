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
  /** Share of MemTotal that stays resident in blocks too small to be reported. */
  readonly unreported: Ratio;
}

/** Linux 6.1 of Debian 12. */
export const KERNEL: KernelFigures = {
  fixed: 33.1 * MiB,
  share: 0.0177,
  swapCluster: 7.53,
  swapFaults: 2.09,
  scatter: 0.188,
  unreported: 0.05,
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
  inflateTouched: 797 * MiB,
  inflateUntouched: 263 * MiB,
  deflate: 1000 * MiB,
  touch: 359 * MiB,
  swapIn: 15.9 * MiB,
  swapOut: 226 * MiB,
  files: 300 * MiB,
};
