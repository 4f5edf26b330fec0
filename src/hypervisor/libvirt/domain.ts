/** A domain of libvirt as a handle. */
import { BallonetError, isBallonetError } from '../../model/errors.ts';
import type { MemoryStat } from '../../model/memory-stats.ts';
import { MEMORY_STATS_MAX } from '../../model/memory-stats.ts';
import type { Kib, Seconds } from '../../model/units.ts';
import type {
  Affect,
  Domain,
  DomainInfo,
  DomainRef,
  MemoryStatsOptions,
  SetMemoryOptions,
} from '../driver.ts';
import type { Call } from './call.ts';
import * as procedures from './procedures.ts';
import { LIBVIRT_ERROR } from './remote-error.ts';

/** The two ways to call: one for questions, one for changes, so that a stuck question cannot hold up a change. */
export interface Caller {
  read<T>(call: Call<T>): Promise<T>;
  write<T>(call: Call<T>): Promise<T>;
}

const INT32_MAX = 2 ** 31 - 1;
const UINT32_MAX = 2 ** 32 - 1;

export class LibvirtDomain implements Domain {
  readonly name: string;
  readonly uuid: string;
  readonly id: number;
  readonly #caller: Caller;

  constructor(caller: Caller, ref: DomainRef) {
    this.#caller = caller;
    this.name = ref.name;
    this.uuid = ref.uuid;
    this.id = ref.id;
  }

  async memoryStats(options: MemoryStatsOptions = {}): Promise<MemoryStat[]> {
    const { maxStats = MEMORY_STATS_MAX, flags = 0 } = options;
    requireWhole(maxStats, 0, MEMORY_STATS_MAX, 'the number of statistics');
    requireWhole(flags, 0, UINT32_MAX, 'the flags word');
    // As virDomainMemoryStats: to want none is to ask nothing.
    if (maxStats === 0) return [];
    return this.#caller.read(procedures.memoryStats(this, maxStats, flags));
  }

  /** `options` is there to be said by the caller; every call of this driver is live. */
  async setMemory(kib: Kib, _options: SetMemoryOptions): Promise<void> {
    requireWhole(kib, 1, Number.MAX_SAFE_INTEGER, 'the amount of KiB');
    await this.#caller.write(procedures.setMemoryLive(this, kib));
  }

  async setMemoryStatsPeriod(seconds: Seconds, options: { readonly affect?: Affect } = {}): Promise<void> {
    requireWhole(seconds, 0, INT32_MAX, 'the period in seconds');
    await this.#caller.write(procedures.setMemoryStatsPeriod(this, seconds, options.affect ?? 'current'));
  }

  async info(): Promise<DomainInfo> {
    return this.#caller.read(procedures.domainInfo(this));
  }

  async job(): Promise<boolean> {
    return this.#caller.read(procedures.domainJob(this));
  }

  async xml(): Promise<string> {
    return this.#caller.read(procedures.domainXml(this));
  }

  async metadata(namespace: string): Promise<string | undefined> {
    try {
      return await this.#caller.read(procedures.domainMetadata(this, namespace));
    } catch (error) {
      if (isBallonetError(error) && error.hypervisorCode === LIBVIRT_ERROR.noDomainMetadata) return undefined;
      throw error;
    }
  }

  async setMetadata(namespace: string, prefix: string, element: string | undefined): Promise<void> {
    await this.#caller.write(procedures.setDomainMetadata(this, namespace, prefix, element));
  }
}

function requireWhole(value: number, min: number, max: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new BallonetError(
      'VALUE_OUT_OF_RANGE',
      `${what} is ${value}; it must be a whole number in ${min}..${max}`,
    );
  }
}
