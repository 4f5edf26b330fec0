import type { DomainRef, Hypervisor } from '../hypervisor/driver.ts';
import { BallonetError, isConnectionLost } from '../model/errors.ts';
import type { GuestState } from '../model/snapshot.ts';
import type { Seconds } from '../model/units.ts';
import type { ProblemReporter } from './problems.ts';

/** Reports that stopped are asked for again this often; also the pause after a call that failed. */
const REARM_INTERVAL: Seconds = 60;
/** Calls under way at once: libvirt's daemon warns from the fifth of a connection on (max_client_requests). */
const CALLS_AT_ONCE = 4;
/** Longest wait for the XML of guests before those known so far are named. */
const NAMES_WAIT: Seconds = 120;
/** Names in the message about guests whose period is not set. */
const NAMES_SHOWN = 10;

const SOURCE = 'stats-period';

/** A guest as far as its stats period is concerned. */
export interface PeriodGuest {
  readonly ref: DomainRef;
  readonly state: GuestState;
  /** The hypervisor did not ask it this tick: something else holds the domain. */
  readonly locked: boolean;
  readonly starts: number;
  readonly reboots: number;
  /** Age of its report, undefined when it has none. */
  readonly ageSeconds: Seconds | undefined;
  /** From its XML; undefined until that has been read. */
  readonly device: 'virtio' | 'none' | undefined;
  readonly configuredSeconds: Seconds | undefined;
  /** What is known of its period, kept with the guest: looked for by its uuid, it would be at every tick. */
  period: Armament | undefined;
}

/** What is known of one guest's stats period. */
interface Armament {
  /** Count of the times that all was forgotten. */
  readonly generation: number;
  readonly starts: number;
  reboots: number;
  state: 'unarmed' | 'calling' | 'armed' | 'unsupported';
  /** Monotonic instant before which nothing is tried again. */
  notBefore: Seconds;
}

/**
 * H10: QEMU asks the guest's driver for statistics only when a period is set, and a live period ends with the process; without one
 * the figures are there, look right and never change. So it is set on every guest that runs.
 *
 * Not awaited: the call waits for the domain's job lock, and a tick must not.
 */
export interface StatsPeriods {
  /** Looks at every active guest once a tick and starts the calls that are due. */
  update(guests: readonly PeriodGuest[], at: Seconds): void;
  /** The period from now on, whole seconds; guests armed with another are armed again. */
  setPeriod(seconds: Seconds): void;
  /** After a reconnection: guests may have been started meanwhile. */
  reset(): void;
  forget(uuid: string, name: string): void;
  close(): void;
}

export interface StatsPeriodOptions {
  readonly hypervisor: Hypervisor;
  readonly problems: ProblemReporter;
  /** False where nothing may be changed: then guests that report nothing are named, once. */
  readonly arm: boolean;
  readonly staleAfter: () => Seconds;
}

/** The period for a tick's length: whole seconds, because libvirt knows no others. */
export function periodFor(intervalSeconds: Seconds): Seconds {
  return Math.max(1, Math.ceil(intervalSeconds));
}

export function createStatsPeriods({
  hypervisor,
  problems,
  arm,
  staleAfter,
}: StatsPeriodOptions): StatsPeriods {
  const queue: (() => Promise<void>)[] = [];
  let generation = 0;
  let calling = 0;
  let period: Seconds = 1;
  let denied = false;
  let namesDueAt: Seconds | undefined;
  const silent = new Set<string>();

  function entryOf(guest: PeriodGuest): Armament {
    const { period: known, starts, reboots } = guest;
    if (known !== undefined && known.starts === starts && known.generation === generation) return known;
    const notBefore = Number.NEGATIVE_INFINITY;
    guest.period = { generation, starts, reboots, state: 'unarmed', notBefore };
    return guest.period;
  }

  function consider(guest: PeriodGuest, at: Seconds, old: Seconds): void {
    const entry = entryOf(guest);
    // H30: the call would wait for what holds the domain, and others' calls with it.
    if (guest.locked) return;
    if (guest.state !== 'running' || guest.device === 'none' || entry.state === 'calling') return;
    if (entry.state === 'unsupported' || at < entry.notBefore) return;
    const rebooted = entry.reboots !== guest.reboots;
    const stopped = entry.state === 'armed' && guest.ageSeconds !== undefined && guest.ageSeconds > old;
    if (entry.state === 'armed' && !rebooted && !stopped) return;
    entry.reboots = guest.reboots;
    // QEMU returns early on the interval it has (balloon_stats_set_poll_interval), and its timer runs on only when the guest
    // answers: a polling that died comes back by 0 and the period again.
    const calls = entry.state === 'armed' ? [0, period] : [period];
    entry.state = 'calling';
    entry.notBefore = at + REARM_INTERVAL;
    const { ref } = guest;
    queue.push(() => set(ref, entry, calls));
  }

  async function set(ref: DomainRef, entry: Armament, calls: readonly Seconds[]): Promise<void> {
    const { notBefore } = entry;
    const source = `guest:${ref.name}:${SOURCE}`;
    try {
      for (const seconds of calls) {
        await hypervisor.domain(ref).setMemoryStatsPeriod(seconds, { affect: 'live' });
        // Between 0 and the period the guest reports nothing: a failure there is mended at the next tick.
        if (seconds === 0) entry.notBefore = Number.NEGATIVE_INFINITY;
      }
      // One that was only now armed has had no time to report; a period renewed in vain is not renewed again for a while.
      entry.notBefore = calls.length === 1 ? notBefore - REARM_INTERVAL + staleAfter() : notBefore;
      entry.state = 'armed';
      problems.report(source, undefined);
    } catch (error) {
      failed(source, entry, asBallonetError(error));
    }
  }

  function failed(source: string, entry: Armament, error: BallonetError): void {
    entry.state = error.code === 'OPERATION_UNSUPPORTED' ? 'unsupported' : 'unarmed';
    if (error.code === 'DOMAIN_NOT_FOUND') return;
    if (error.code === 'OPERATION_DENIED') {
      // The right that is missing is missing for all guests.
      denied = true;
      dropCalls();
      problems.report(SOURCE, error);
    } else if (isConnectionLost(error)) {
      // The tick fails with it; it is not this guest's problem.
      dropCalls();
    } else {
      problems.report(source, error);
    }
  }

  function dropCalls(): void {
    queue.length = 0;
    generation += 1;
  }

  function pump(): void {
    while (calling < CALLS_AT_ONCE) {
      const next = queue.shift();
      if (next === undefined) return;
      calling += 1;
      void next().finally(() => {
        calling -= 1;
        pump();
      });
    }
  }

  /** Waits for the XML of all, within reason, so that they are named in one message. */
  function nameSilent(guests: readonly PeriodGuest[], at: Seconds): void {
    const running = guests.filter(guest => guest.state === 'running');
    namesDueAt ??= at + NAMES_WAIT;
    if (at < namesDueAt && running.some(guest => guest.device === undefined)) return;
    const without = running.filter(guest => guest.device === 'virtio' && isSilent(guest));
    const fresh = without.filter(guest => !silent.has(guest.ref.uuid));
    if (without.length === 0) problems.report(SOURCE, undefined);
    if (fresh.length === 0) return;
    silent.clear();
    for (const { ref } of without) silent.add(ref.uuid);
    problems.announce(SOURCE, notSet(without.map(({ ref }) => ref.name)));
  }

  function isSilent({ configuredSeconds, ageSeconds }: PeriodGuest): boolean {
    return configuredSeconds === undefined && (ageSeconds === undefined || ageSeconds > staleAfter());
  }

  return {
    update(guests, at) {
      if (!arm) return nameSilent(guests, at);
      if (denied) return;
      const old = staleAfter();
      for (const guest of guests) consider(guest, at, old);
      pump();
    },
    setPeriod(seconds) {
      if (seconds !== period) generation += 1;
      period = seconds;
    },
    reset() {
      dropCalls();
      denied = false;
    },
    forget(uuid, name) {
      silent.delete(uuid);
      problems.report(`guest:${name}:${SOURCE}`, undefined);
    },
    close() {
      queue.length = 0;
    },
  };
}

function notSet(names: readonly string[]): BallonetError {
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
  return new BallonetError(
    'OPERATION_DENIED',
    `no stats period is set on ${shown}${more}, and this connection may not set one: their figures stand still until somebody does (virsh dommemstat GUEST --period 1 --live)`,
  );
}

function asBallonetError(error: unknown): BallonetError {
  return error instanceof BallonetError
    ? error
    : new BallonetError('OPERATION_REFUSED', 'the stats period could not be set', { cause: error });
}
