/** One guest: a QEMU that answers on its QMP socket. */
import { BallonetError, isBallonetError } from '../../model/errors.ts';
import { MEMORY_STAT_TAG, type MemoryStat } from '../../model/memory-stats.ts';
import { type Kib, kibToBytes, type Seconds } from '../../model/units.ts';
import { BALLOON_KEYS } from '../bulk-keys.ts';
import type { DomainInfo, DomainRef, DomainStats, StatsGroup, StatValue } from '../driver.ts';
import { DOMAIN_STATES } from '../driver.ts';
import { type Figure, tooLarge } from './amounts.ts';
import { findBalloon } from './balloon-device.ts';
import * as commands from './commands.ts';
import type { GuestStats } from './guest-stats.ts';
import { findObstacles } from './obstacles.ts';
import { cpuTimeNs, residentKib } from './process.ts';

import type { RunState } from './run-state.ts';
import type { QmpSession } from './session.ts';
import { qemuDomainXml } from './xml.ts';

interface Sizes {
  readonly state: RunState;
  readonly maximumKib: Kib;
  /** What the balloon leaves of it; undefined without a balloon device. */
  readonly actual: Figure;
}

/** What bulk records are made of when QEMU does not answer: the last that it said. */
interface Known {
  readonly state: RunState;
  readonly maximumKib: Kib;
  readonly currentKib: Kib | undefined;
}

export interface GuestParts {
  readonly ref: DomainRef;
  readonly session: QmpSession;
  /** The number of its process; undefined when it cannot be found. */
  readonly pid: Promise<number | undefined>;
  /** Longest wait for QEMU in a bulk call that shall not wait. */
  readonly nowaitMs: number;
  /** Told when QEMU begins to hang. */
  readonly onHang: (error: BallonetError) => void;
}

export class QemuGuest {
  readonly ref: DomainRef;
  readonly session: QmpSession;
  readonly #pid: Promise<number | undefined>;
  readonly #nowaitMs: number;
  readonly #onHang: (error: BallonetError) => void;
  #hangs = false;
  #device: string | undefined;
  #known: Known | undefined;

  constructor({ ref, session, pid, nowaitMs, onHang }: GuestParts) {
    this.ref = ref;
    this.session = session;
    this.#pid = pid;
    this.#nowaitMs = nowaitMs;
    this.#onHang = onHang;
  }

  /** As `Domain.memoryStats`, all of them. */
  async memoryStats(): Promise<MemoryStat[]> {
    const [actual, rss] = await Promise.all([this.session.call(commands.queryBalloon()), this.#rss()]);
    const stats: MemoryStat[] = [];
    if (actual !== undefined) {
      const guest = await this.#guestStats();
      const missing = [...(actual === 'too-large' ? ['actual'] : []), ...(guest?.tooLarge ?? [])];
      if (missing.length > 0) throw tooLarge(`memory statistic ${missing.join(', ')} of ${this.ref.name}`);
      if (typeof actual === 'number') stats.push({ tag: MEMORY_STAT_TAG.actual, value: actual });
      stats.push(...(guest?.stats ?? []));
    }
    if (rss !== undefined) stats.push({ tag: MEMORY_STAT_TAG.rss, value: rss });
    return stats;
  }

  /**
   * A bulk record, with libvirt's keys and those of guest-stats.ts. With `nowait`, of a QEMU that does not answer at once: what it said last, in
   * the form of libvirt's record of a domain that another job holds.
   */
  async record(groups: readonly StatsGroup[], nowait: boolean): Promise<DomainStats> {
    const known = this.#known;
    if (nowait && known && this.session.stuck) return this.#shorter(known, groups);
    try {
      const record = await this.#full(groups, nowait ? this.#nowaitMs : undefined);
      this.#hangs = false;
      return record;
    } catch (error) {
      if (!isBallonetError(error)) throw error;
      if (error.code === 'HYPERVISOR_TIMEOUT') this.#tellHang(error);
      if (nowait && known && error.code === 'HYPERVISOR_TIMEOUT') return this.#shorter(known, groups);
      return { domain: this.ref, params: new Map(), error };
    }
  }

  async setMemory(kib: Kib): Promise<void> {
    const maximumKib = await this.session.call(commands.queryMemorySize());
    if (kib > maximumKib) {
      throw new BallonetError(
        'VALUE_OUT_OF_RANGE',
        `cannot set the memory of ${this.ref.name} to ${kib} KiB: its maximum is ${maximumKib} KiB`,
      );
    }
    await this.session.call(commands.setBalloon(kibToBytes(kib)));
  }

  async setStatsPeriod(seconds: Seconds): Promise<void> {
    const device = await this.#balloon();
    if (device === undefined) {
      throw new BallonetError('OPERATION_UNSUPPORTED', `domain '${this.ref.name}' has no balloon device`);
    }
    await this.session.call(commands.setPollingInterval(device, seconds));
  }

  async info(): Promise<DomainInfo> {
    const [sizes, threads, pid] = await Promise.all([
      this.#sizes(),
      this.session.call(commands.queryThreads()),
      this.#pid,
    ]);
    const time = pid === undefined ? undefined : await cpuTimeNs(pid);
    return {
      state: sizes.state.state,
      maxMemKib: sizes.maximumKib,
      memoryKib: this.#current(sizes),
      vcpus: threads.length,
      // The interface has no word for unknown here; libvirt too says 0 of a process that it cannot look at.
      cpuTimeNs: time ?? 0n,
    };
  }

  /** As `Domain.job`. */
  job(): Promise<boolean> {
    return this.session.call(commands.queryMigrating(), this.#nowaitMs);
  }

  async xml(): Promise<string> {
    const [sizes, threads, device, pid] = await Promise.all([
      this.#sizes(),
      this.session.call(commands.queryThreads()),
      this.#balloon(),
      this.#pid,
    ]);
    const balloon =
      device === undefined
        ? undefined
        : await Promise.all([
            this.session.call(commands.getDeflateOnOom(device)),
            this.session.call(commands.getPollingInterval(device)),
            this.session.call(commands.getFreePageReporting(device)),
          ]);
    return qemuDomainXml({
      domain: this.ref,
      maximumKib: sizes.maximumKib,
      currentKib: this.#current(sizes),
      vcpus: threads.length,
      balloon: balloon && {
        deflateOnOom: balloon[0],
        periodSeconds: balloon[1],
        freePageReporting: balloon[2],
      },
      obstacles: await findObstacles(this.session, pid, sizes.maximumKib),
    });
  }

  async #full(groups: readonly StatsGroup[], timeoutMs: number | undefined): Promise<DomainStats> {
    const withBalloon = groups.includes('balloon');
    const device = this.#device;
    const [sizes, early, rss] = await Promise.all([
      this.#sizes(timeoutMs),
      // With what is asked anyway, where it is known already whom to ask.
      withBalloon && device !== undefined
        ? this.session.call(commands.getGuestStats(device), timeoutMs)
        : undefined,
      withBalloon ? this.#rss() : undefined,
    ]);
    const params = new Map<string, StatValue>();
    const missing: string[] = [];
    if (groups.includes('state')) addState(params, sizes.state);
    if (withBalloon) {
      if (sizes.actual === 'too-large') missing.push('actual');
      else params.set('balloon.current', sizes.actual ?? sizes.maximumKib);
      params.set('balloon.maximum', sizes.maximumKib);
      const guest = sizes.actual === undefined ? undefined : (early ?? (await this.#guestStats(timeoutMs)));
      if (guest) {
        addStats(params, guest);
        missing.push(...guest.tooLarge);
      }
      if (rss !== undefined) params.set('balloon.rss', rss);
    }
    const record = { domain: this.ref, params };
    return missing.length === 0
      ? record
      : { ...record, error: tooLarge(`${missing.join(', ')} of ${this.ref.name}`) };
  }

  /** A record that is shorter does not say why. */
  #tellHang(error: BallonetError): void {
    if (!this.#hangs) this.#onHang(error);
    this.#hangs = true;
  }

  #shorter(known: Known, groups: readonly StatsGroup[]): DomainStats {
    const params = new Map<string, StatValue>();
    if (groups.includes('state')) addState(params, known.state);
    if (groups.includes('balloon')) {
      if (known.currentKib !== undefined) params.set('balloon.current', known.currentKib);
      params.set('balloon.maximum', known.maximumKib);
    }
    return { domain: this.ref, params };
  }

  async #sizes(timeoutMs?: number): Promise<Sizes> {
    const [state, maximumKib, actual] = await Promise.all([
      this.session.call(commands.queryStatus(), timeoutMs),
      this.session.call(commands.queryMemorySize(), timeoutMs),
      this.session.call(commands.queryBalloon(), timeoutMs),
    ]);
    const currentKib = actual === 'too-large' ? undefined : (actual ?? maximumKib);
    this.#known = { state, maximumKib, currentKib };
    if (actual === undefined) this.#device = undefined;
    return { state, maximumKib, actual };
  }

  #current({ actual, maximumKib }: Sizes): Kib {
    if (actual === 'too-large') throw tooLarge(`the size of ${this.ref.name}`);
    return actual ?? maximumKib;
  }

  /** Undefined when there is no balloon device. */
  async #guestStats(timeoutMs?: number): Promise<GuestStats | undefined> {
    const device = await this.#balloon(timeoutMs);
    if (device === undefined) return undefined;
    const stats = await this.session.call(commands.getGuestStats(device), timeoutMs);
    if (stats) return stats;
    // The device was unplugged; another may have been plugged in.
    this.#device = undefined;
    const other = await this.#balloon(timeoutMs);
    return other === undefined ? undefined : this.session.call(commands.getGuestStats(other), timeoutMs);
  }

  async #balloon(timeoutMs?: number): Promise<string | undefined> {
    this.#device ??= await findBalloon(this.session, timeoutMs);
    return this.#device;
  }

  async #rss(): Promise<Kib | undefined> {
    const pid = await this.#pid;
    return pid === undefined ? undefined : residentKib(pid);
  }
}

function addState(params: Map<string, StatValue>, { state, reason }: RunState): void {
  params.set('state.state', DOMAIN_STATES.indexOf(state));
  params.set('state.reason', reason);
}

function addStats(params: Map<string, StatValue>, guest: GuestStats): void {
  for (const { tag, value } of guest.stats) {
    const key = BALLOON_KEYS.get(tag);
    if (key !== undefined) params.set(key, value);
  }
  for (const [key, value] of guest.extra) params.set(key, value);
}
