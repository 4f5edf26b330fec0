/** A simulated host and its guests as data. */
import type { Obstacle } from '../../model/snapshot.ts';
import { type Bytes, GiB, MiB, type Ratio, type Seconds } from '../../model/units.ts';
import { KERNEL, type Speed, TCG } from './calibrated.ts';
import type { DemandSpec } from './demand.ts';
import type { HostMishap, Planned, PlannedMishap } from './faults.ts';
import { wholePages } from './pages.ts';
import { apartOf, type FileReads, type GuestParameters, TEXT } from './reclaim.ts';
import { usesHugePages, watermarksOf } from './watermarks.ts';

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
  /** Files that the guest reads over and over. Default 256 MiB at 8 MiB/s, without a break, a tenth of it mapped. */
  readonly files?: Pick<FileReads, 'size' | 'rate'> & Partial<FileReads>;
  /** Pages of its programs' files, which reclaim does not get. Default 16 MiB. */
  readonly text?: Bytes;
  /** Memory in use beside the demand that never goes to swap. Default 0. */
  readonly locked?: Bytes;
  /** Default: a quarter of the maximum, at most 2 GiB. */
  readonly swap?: Bytes;
  /** Bytes per second of the swap device. Default 256 MiB/s. */
  readonly swapRate?: number;
  /** The same for what goes out. Default: as what comes in. */
  readonly swapOutRate?: number;
  /** Share of the anonymous memory that is touched all the time. Default 0.5. */
  readonly hotShare?: Ratio;
  /** Bytes a second that programs touch of all that they hold, over and over. Default 0. */
  readonly touchRate?: number;
  /** What it runs on: QEMU with KVM, or without, or how fast that is. Default `kvm`. */
  readonly machine?: keyof typeof MACHINES | Speed;
  /** Resident memory of its QEMU, beside the guest's. Default `QEMU_OVERHEAD`. */
  readonly overhead?: Bytes;
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
    /** Where the host puts what does not fit. Default: none. */
    readonly swap?: Bytes;
    /** Bytes per second of the host's swap device. Default 256 MiB/s. */
    readonly swapRate?: number;
    /** What goes wrong with the host, and when. Default: nothing. */
    readonly mishaps?: readonly Planned<HostMishap>[];
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

/** What the kernel keeps from MemTotal. */
function kernelBytes(maximum: Bytes): Bytes {
  return wholePages(KERNEL.share * maximum + KERNEL.fixed);
}

/**
 * Of virtio-balloon with 4 KiB pages on KVM in the HyperAlloc measurements (EuroSys 2025; artifact luhsra/hyperalloc-bench):
 * reclaim of touched and of untouched memory, and return; touching is what return and touch together leave of it.
 */
export const KVM: Speed = {
  inflateTouched: 0.9 * GiB,
  inflateUntouched: 1.7 * GiB,
  deflate: 2.3 * GiB,
  touch: 1.5 * GiB,
  fault: 0.5,
};

const MACHINES = { kvm: KVM, tcg: TCG } as const satisfies Record<string, Speed>;

/** Of guests and hosts that do not say. */
export const SWAP_RATE = 256 * MiB;
const FILES: FileReads = { size: 256 * MiB, rate: 8 * MiB, every: 0, mapped: 0.1 };

/** The size of a guest that starts, in whole pages. */
export function bootSize(spec: GuestSpec): Bytes {
  return wholePages(Math.min(spec.current ?? spec.maximum, spec.maximum));
}

/** The constant part of a guest's model. Amounts are rounded down to whole pages. */
export function parametersOf(spec: GuestSpec): GuestParameters {
  const maximum = wholePages(spec.maximum);
  const kernel = kernelBytes(maximum);
  const watermarks = watermarksOf(maximum, kernel);
  const swapInRate = spec.swapRate ?? SWAP_RATE;
  return {
    maximum,
    kernel,
    locked: wholePages(spec.locked ?? 0),
    swap: wholePages(spec.swap ?? Math.min(maximum / 4, 2 * GiB)),
    swapInRate,
    swapOutRate: spec.swapOutRate ?? swapInRate,
    hotShare: spec.hotShare ?? 0.5,
    touchRate: spec.touchRate,
    files: { ...FILES, ...spec.files },
    text: wholePages(spec.text ?? TEXT),
    watermarks,
    apart: apartOf(maximum - kernel, KERNEL, (spec.touched ?? 0) * maximum - kernel),
    list: wholePages(watermarks.low / (spec.vcpus ?? 1)),
    hugePages: usesHugePages(maximum - kernel),
    autodeflate: spec.autodeflate ?? false,
    speed: typeof spec.machine === 'object' ? spec.machine : MACHINES[spec.machine ?? 'kvm'],
    figures: KERNEL,
  };
}
