/** A simulated host and its guests as data. */
import type { Obstacle } from '../../model/snapshot.ts';
import { type Bytes, GiB, MiB, type Ratio, type Seconds } from '../../model/units.ts';
import type { DemandSpec } from './demand.ts';
import type { PlannedMishap } from './faults.ts';
import { type GuestParameters, watermarksOf, wholePages } from './reclaim.ts';

export interface GuestSpec {
  readonly name: string;
  readonly title?: string;
  /** Tags in the domain's metadata, as operators set them for policies to match by. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly vcpus?: number;
  readonly maximum: Bytes;
  /** `<currentMemory>`: the size that a cold start asks the balloon for. Default: the maximum. */
  readonly current?: Bytes;
  /** Anonymous memory that the guest's programs want over the scenario's time. */
  readonly demand: DemandSpec;
  /** Files that the guest reads over and over: their size, and how many bytes per second it reads. Default 256 MiB, 8 MiB/s. */
  readonly files?: { readonly size: Bytes; readonly rate: number };
  /** Default: a quarter of the maximum, at most 2 GiB. */
  readonly swap?: Bytes;
  /** Bytes per second of the swap device. Default 256 MiB/s. */
  readonly swapRate?: number;
  /** Share of the anonymous memory that is touched all the time. Default 0.5. */
  readonly hotShare?: Ratio;
  /** Share of its memory that the guest touched before the scenario began, and that the host backs since. Default 0. */
  readonly touched?: Ratio;
  /** Time from power-on to a loaded balloon driver and running programs. Default 4 s. */
  readonly boot?: Seconds;
  /** `<stats period>` of the domain XML; 0 or none: statistics stay as they were when the driver loaded. */
  readonly statsPeriod?: Seconds;
  readonly balloon?: 'virtio' | 'none';
  /** `autodeflate`: MemTotal stays at the maximum, and a guest out of memory takes some back. Default false. */
  readonly autodeflate?: boolean;
  /** Free memory goes back to the host without any balloon. Default false. */
  readonly freePageReporting?: boolean;
  /** What its XML has that keeps the balloon from freeing memory; the host then gets nothing from it. Default: none. */
  readonly obstacles?: readonly Obstacle[];
  /** Default: made from the name and the seed, so that a domain of the same name is the same domain. */
  readonly uuid?: string;
  /** False: defined, and shut off. Default true. */
  readonly running?: boolean;
  /** What goes wrong with the guest, and when. Default: nothing. */
  readonly mishaps?: readonly PlannedMishap[];
}

export interface Scenario {
  readonly name: string;
  readonly description: string;
  readonly host: {
    readonly memory: Bytes;
    /** What the host itself uses, beside its guests. */
    readonly overhead: Bytes;
    /** Page cache of the host while there is room for it. */
    readonly cache: Bytes;
    /** Other programs of the host, which come and go: what they use beyond `overhead`. Default: nothing. */
    readonly load?: DemandSpec;
  };
  /** Length of the model's steps: the time within which two things happen at once. Default 0.1 s. */
  readonly step?: Seconds;
  /** How long the guests have been running when the scenario is opened. */
  readonly warmUp: Seconds;
  readonly guests: readonly GuestSpec[];
}

/** Resident memory of QEMU itself, beside the guest's. */
export const QEMU_OVERHEAD: Bytes = 48 * MiB;

/** Time from power-on to a loaded balloon driver, where a guest does not say. */
export const BOOT: Seconds = 4;

/** What the kernel keeps from MemTotal: 4 % and 30 MiB, between the memory maps of small guests and crash kernels of large ones. */
export function kernelBytes(maximum: Bytes): Bytes {
  return wholePages(0.04 * maximum + 30 * MiB);
}

/** The size of a guest that starts, in whole pages. */
export function bootSize(spec: GuestSpec): Bytes {
  return wholePages(Math.min(spec.current ?? spec.maximum, spec.maximum));
}

/** The constant part of a guest's model. Amounts are rounded down to whole pages. */
export function parametersOf(spec: GuestSpec): GuestParameters {
  const maximum = wholePages(spec.maximum);
  const kernel = kernelBytes(maximum);
  return {
    maximum,
    kernel,
    swap: wholePages(spec.swap ?? Math.min(maximum / 4, 2 * GiB)),
    swapRate: spec.swapRate ?? 256 * MiB,
    hotShare: spec.hotShare ?? 0.5,
    files: spec.files ?? { size: 256 * MiB, rate: 8 * MiB },
    watermarks: watermarksOf(maximum, kernel),
    autodeflate: spec.autodeflate ?? false,
  };
}
