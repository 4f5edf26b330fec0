import type { GuestReadings } from './guest-readings.ts';
import type { GuestFigure, Quality, Reading, Readings } from './reading.ts';
import type { Bytes, Ratio, Seconds } from './units.ts';

export type { GuestFigure, Quality, Reading, Readings };

/** Host figures; amounts in bytes, rates in bytes per second, PSI in percent as the kernel prints it. */
export type HostFigure =
  | 'total'
  | 'available'
  | 'free'
  | 'swapUsed'
  | 'swapInRate'
  | 'swapOutRate'
  | 'committed'
  | 'psiSomeAvg10'
  | 'psiSomeAvg60'
  | 'psiSomeAvg300'
  | 'psiFullAvg10'
  | 'psiFullAvg60'
  | 'psiFullAvg300';

/** The state of a guest as far as moving its balloon goes. */
export type GuestState = 'running' | 'paused' | 'stopped' | 'crashed' | 'unknown';

/**
 * Why a guest's balloon is of no use, or is left alone.
 * - `passthrough`: a device that pins the guest's memory (VFIO, vDPA): QEMU then discards nothing.
 * - `hugepages`: its memory is on huge pages, which 4 KiB balloon pages do not free.
 * - `locked`: its memory is locked into RAM.
 * - `launch-security`: its memory is encrypted (SEV, TDX, Secure Execution) and pinned.
 * - `virtio-mem`: another device resizes it too.
 * - `no-balloon`: there is no balloon device.
 * - `job`: a job (migration, snapshot, save, backup) is under way, or a call that hangs holds the domain.
 */
export type Obstacle =
  | 'passthrough'
  | 'hugepages'
  | 'locked'
  | 'launch-security'
  | 'virtio-mem'
  | 'no-balloon'
  | 'job';

/** A named part of the host's available memory: `available` is the sum of its terms, cut at 0 and at the total. */
export interface AvailableTerm {
  /** `MemAvailable`, `zfs-arc`, … */
  readonly name: string;
  /** Negative where it takes away. */
  readonly bytes: Bytes;
  /** Where the figure is from, and what it means, for whoever asks why. */
  readonly explanation: string;
}

/** One NUMA node of the host; bytes. */
export interface NumaNode {
  readonly node: number;
  readonly total: Bytes;
  readonly free: Bytes;
}

export interface HostSample {
  readonly readings: Readings<HostFigure>;
  /** What `available` is made of; missing where it is not known. */
  readonly terms?: readonly AvailableTerm[];
  /** Missing where it is not known; a balloon cannot choose the node whose memory it gives back. */
  readonly nodes?: readonly NumaNode[];
  /** Where `total` and `available` come from: `meminfo`, `size:4GiB`, `cgroup:/machine.slice`, `driver`. */
  readonly source: string;
}

export interface GuestSample {
  readonly uuid: string;
  readonly name: string;
  readonly id: number;
  readonly title?: string;
  /** What the operator has said of the guest in its domain's metadata; missing until that has been read. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Operating system by libosinfo's id, such as `http://debian.org/debian/12`. */
  readonly os?: string;
  /** From the domain XML; missing until it has been read. */
  readonly balloon?: {
    readonly device: 'virtio' | 'none';
    readonly autodeflate: boolean;
    /** The guest tells the host of its free blocks, which leave `rss` without any balloon. */
    readonly freePageReporting?: boolean;
  };
  /** From the domain XML and from the job that runs, in no order; missing until that is known, empty when there is none. */
  readonly obstacles?: readonly Obstacle[];
  /**
   * The hypervisor's answer of this tick was without this guest, and nothing says that it ended: what is here is what was known
   * before, with its age.
   */
  readonly missing?: true;
  readonly state: GuestState;
  readonly readings: GuestReadings;
  /** Age of the guest's own report by the host's wall clock; missing when it has never reported. */
  readonly statsAgeSeconds?: Seconds;
  /**
   * Counts the times this guest's figures began anew (start, reboot, reset, driver return, a counter that fell). Figures of
   * different epochs are never compared.
   */
  readonly epoch: number;
  /** Distinct guest reports seen in this epoch; the first one is not to be trusted. */
  readonly reportsInEpoch: number;
  /** Time since this epoch began, as far as this process knows. */
  readonly uptimeSeconds: Seconds;
}

/** Everything one tick knows. */
export interface Snapshot {
  /** Counts up by one a tick. */
  readonly sequence: number;
  readonly host: HostSample;
  readonly guests: readonly GuestSample[];
}

/** The value of a reading that may be acted on, else undefined. */
export function trusted(reading: Reading): number | undefined {
  return reading.quality === 'ok' ? reading.value : undefined;
}

export function known(value: number, ageSeconds: Seconds = 0): Reading {
  return { value, ageSeconds, quality: 'ok' };
}

export const ABSENT: Reading = { ageSeconds: 0, quality: 'absent' };

/** Share of `total`; undefined unless both are trusted and `total` is positive. */
export function ratioOf(part: Reading, total: Reading): Ratio | undefined {
  const [p, t] = [trusted(part), trusted(total)];
  return p === undefined || t === undefined || t <= 0 ? undefined : p / t;
}

/** True for an operating system of that family, by libosinfo's id, such as `http://microsoft.com/win/11`. */
export function isWindows(os: string | undefined): boolean {
  return os?.startsWith('http://microsoft.com/win') ?? false;
}
