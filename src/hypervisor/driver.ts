/**
 * The interface that every hypervisor driver implements. Amounts are KiB here, as libvirt's API has them; everything
 * above this room works in bytes.
 */
import type { Observable } from 'rxjs';
import type { BallonetError } from '../model/errors.ts';
import type { MemoryStat } from '../model/memory-stats.ts';
import type { Kib, Seconds } from '../model/units.ts';

/** `virDomainState` by name. `nostate` is what libvirt says when it does not know. */
export type DomainState =
  | 'nostate'
  | 'running'
  | 'blocked'
  | 'paused'
  | 'shutdown'
  | 'shutoff'
  | 'crashed'
  | 'pmsuspended';

/** `virDomainState` in the order of libvirt's numbers. */
export const DOMAIN_STATES: readonly DomainState[] = [
  'nostate',
  'running',
  'blocked',
  'paused',
  'shutdown',
  'shutoff',
  'crashed',
  'pmsuspended',
];

/** Names one domain: by uuid across reboots and renames; `id` is -1 while it is not running. */
export interface DomainRef {
  readonly name: string;
  /** Lower-case, with hyphens. */
  readonly uuid: string;
  readonly id: number;
}

export interface DomainInfo {
  readonly state: DomainState;
  readonly maxMemKib: Kib;
  readonly memoryKib: Kib;
  readonly vcpus: number;
  readonly cpuTimeNs: bigint;
}

/** A value of a bulk record. */
export type StatValue = number | string | boolean;

/** What a guest's balloon driver wrote last, in libvirt's units; undefined is what the record is without. */
export interface ReportFigures {
  /** Unix time, whole seconds. */
  readonly lastUpdate: StatValue | undefined;
  readonly totalKib: StatValue | undefined;
  readonly availableKib: StatValue | undefined;
  readonly freeKib: StatValue | undefined;
  readonly cachesKib: StatValue | undefined;
  readonly swapInKib: StatValue | undefined;
  readonly swapOutKib: StatValue | undefined;
  readonly majorFaults: StatValue | undefined;
  readonly minorFaults: StatValue | undefined;
  readonly oomKills?: StatValue | undefined;
  readonly allocStalls?: StatValue | undefined;
}

/** The figures of a bulk record that are wanted at every tick. */
export interface BalloonFigures {
  /** `virDomainState`. */
  readonly state: StatValue | undefined;
  readonly currentKib: StatValue | undefined;
  readonly maximumKib: StatValue | undefined;
  readonly rssKib: StatValue | undefined;
  /** `none`: the device was asked and has none; `unasked`: a job holds the domain, and nobody asked. */
  readonly report: ReportFigures | 'none' | 'unasked';
}

/** One domain's record of a bulk call: parameters by libvirt's own names, such as `balloon.current`. */
export interface DomainStats {
  readonly domain: DomainRef;
  readonly params: ReadonlyMap<string, StatValue>;
  /**
   * The same as `params` says, of a driver that has it so: to look for each figure by its name costs a simulation more than the guest's
   * model.
   */
  readonly figures?: BalloonFigures;
  /**
   * Why the record is not all that was asked for: the part of the bulk call that it belongs to failed (`params` is empty
   * then), or a value was above 2^53-1 and was left out. The domain is there all the same.
   */
  readonly error?: BallonetError;
}

/** Groups of bulk statistics, as `virsh domstats --state --balloon` has them. */
export type StatsGroup = 'state' | 'balloon';

export interface BulkStatsOptions {
  /** Which groups to ask for; a group that the driver lacks is simply absent from the records. */
  readonly groups?: readonly StatsGroup[];
  /** These domains only. Left out: all that are active. */
  readonly domains?: readonly DomainRef[];
  /** Do not wait for a domain that another job holds: its record comes back shorter. Default true. */
  readonly nowait?: boolean;
}

export interface MemoryStatsOptions {
  /** Most statistics to return; 0..1024, default 1024. */
  readonly maxStats?: number;
  /** libvirt's `flags` word; no bit is defined today and a driver refuses bits it does not know. Default 0. */
  readonly flags?: number;
}

/** Which configuration a change applies to; `current` is live for a running domain and the stored one otherwise. */
export type Affect = 'live' | 'config' | 'current';

export interface SetMemoryOptions {
  /** Must be said: this call moves the balloon of the running guest. The stored boot size is never touched. */
  readonly live: true;
}

export type LifecycleKind =
  | 'defined'
  | 'undefined'
  | 'started'
  | 'suspended'
  | 'resumed'
  | 'stopped'
  | 'shutdown'
  | 'pmsuspended'
  | 'crashed';

/** `virDomainEventType` in the order of libvirt's numbers. */
export const LIFECYCLE_KINDS: readonly LifecycleKind[] = [
  'defined',
  'undefined',
  'started',
  'suspended',
  'resumed',
  'stopped',
  'shutdown',
  'pmsuspended',
  'crashed',
];

/** Events are hints: the state that counts is the one collected after them. */
export type HypervisorEvent =
  /** `detail` is libvirt's number, whose meaning depends on `kind`. */
  | {
      readonly type: 'lifecycle';
      readonly domain: DomainRef;
      readonly kind: LifecycleKind;
      readonly detail: number;
    }
  | { readonly type: 'reboot'; readonly domain: DomainRef }
  | { readonly type: 'balloon'; readonly domain: DomainRef; readonly actualKib: Kib };

/** `up` is emitted on every (re)connection; whoever listens forgets what it knew and collects anew. */
export type LinkState = { readonly up: true } | { readonly up: false; readonly error: Error };

export interface Domain extends DomainRef {
  /**
   * Statistics as (tag, value) pairs; what the hypervisor or guest does not know is not in the list.
   * @throws BallonetError DOMAIN_NOT_FOUND, OPERATION_REFUSED (not running), HYPERVISOR_*
   */
  memoryStats(options?: MemoryStatsOptions): Promise<MemoryStat[]>;
  /**
   * Asks the guest to shrink or grow to `kib`. Success means the request was taken, not that the guest followed.
   * @throws BallonetError VALUE_OUT_OF_RANGE (0 or above the maximum), OPERATION_DENIED, OPERATION_UNSUPPORTED, HYPERVISOR_*
   */
  setMemory(kib: Kib, options: SetMemoryOptions): Promise<void>;
  /** Sets how often QEMU asks the guest for statistics; 0 stops it. Whole seconds. */
  setMemoryStatsPeriod(seconds: Seconds, options?: { readonly affect?: Affect }): Promise<void>;
  info(): Promise<DomainInfo>;
  /**
   * Whether a long job (migration, save, dump, snapshot, backup) is under way. May wait for a job that takes the domain for
   * itself, as an incoming migration does: ask it of guests that answer otherwise.
   * @throws BallonetError DOMAIN_NOT_FOUND, OPERATION_REFUSED (not running), OPERATION_UNSUPPORTED, OPERATION_BUSY, HYPERVISOR_*
   */
  job(): Promise<boolean>;
  /** The domain's XML as a read-only client sees it. */
  xml(): Promise<string>;
  /**
   * The element of this namespace in the metadata of the running domain, as XML; undefined when it has none. A driver without
   * metadata does not have the method.
   */
  metadata?(namespace: string): Promise<string | undefined>;
  /** Puts one element in place of what this namespace has in the metadata of the running domain, or takes it out. Lost with the process. */
  setMetadata?(namespace: string, prefix: string, element: string | undefined): Promise<void>;
}

/** Amounts of the host as the driver knows them (libvirt's node memory stats), KiB. */
export interface NodeMemory {
  readonly totalKib: Kib;
  readonly freeKib?: Kib;
  readonly buffersKib?: Kib;
  readonly cachedKib?: Kib;
  /** Only drivers that know it: what could be used without swapping. */
  readonly availableKib?: Kib;
  /** Only drivers that know it: the host's swap, and what has gone there and come back since some moment. */
  readonly swap?: { readonly usedKib: Kib; readonly inKib: Kib; readonly outKib: Kib };
  /** Only drivers that know it: the host's PSI over 10, 60 and 300 seconds, percent. */
  readonly pressure?: {
    readonly some: readonly [number, number, number];
    readonly full: readonly [number, number, number];
  };
}

export interface Hypervisor {
  /** The URI as the caller gave it. */
  readonly uri: string;
  readonly readOnly: boolean;
  /** True where the guests use the memory of the machine that this process runs on, so that /proc speaks for the host. */
  readonly local: boolean;
  /** Lifecycle, reboot and balloon events. Hot: events before the subscription are not repeated. */
  readonly events: Observable<HypervisorEvent>;
  /** Link changes, the present state first. */
  readonly link: Observable<LinkState>;
  domains(options?: { readonly active?: boolean }): Promise<Domain[]>;
  /** By name, id or uuid, as virsh does; running domains have ids. @throws BallonetError DOMAIN_NOT_FOUND */
  lookup(nameIdOrUuid: string): Promise<Domain>;
  /** A handle for a domain already known, without asking the hypervisor. */
  domain(ref: DomainRef): Domain;
  allDomainStats(options?: BulkStatsOptions): Promise<DomainStats[]>;
  nodeMemory(): Promise<NodeMemory>;
  /** What is at the other end, for the log: `libvirt 9.0.0`. */
  version(): Promise<string>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** Ask for no right to change anything: the read-only socket where there is one. Default false. */
  readonly readOnly?: boolean;
  /** Keep the link alive by reconnecting with back-off. Default false: the first loss ends it. */
  readonly reconnect?: boolean;
  /** Longest wait for one call's answer. Default 10 s. */
  readonly callTimeout?: Seconds;
  /** Told of what was lost without a call failing, such as an event whose amount cannot be represented. */
  readonly onWarning?: (error: BallonetError) => void;
}

/** One row of the driver table. */
export interface Driver {
  readonly name: string;
  /** True when this driver is the one for the URI. */
  accepts(uri: URL): boolean;
  connect(uri: string, options: ConnectOptions): Promise<Hypervisor>;
}
