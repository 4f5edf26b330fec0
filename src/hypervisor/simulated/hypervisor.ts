/** The simulated driver: guests that live inside this process, at `sim:///NAME`. */
import { BehaviorSubject, Subject, takeUntil } from 'rxjs';
import { type Clock, systemClock } from '../../model/clock.ts';
import { BallonetError } from '../../model/errors.ts';
import type {
  BulkStatsOptions,
  Domain,
  DomainRef,
  DomainStats,
  Driver,
  Hypervisor,
  LinkState,
} from '../driver.ts';
import { createDomain, noDomain } from './domain.ts';
import type { SimulatedGuest } from './guest.ts';
import { SimulatedHost } from './host.ts';
import type { Scenario } from './scenario.ts';
import { scenarioNamed } from './scenarios.ts';
import { bulkParamsOf } from './stats.ts';

/** How often the model is brought up to now when nobody looks, so that events leave in time. Milliseconds. */
const HEARTBEAT_MS = 100;

/** The seed of `sim:///NAME` without `?seed=`: every start shows the same guests. */
const DEFAULT_SEED = 1;

/** Guests inside the process. `sim:///NAME?seed=N`: the same name and seed give the same guests for ever. */
export const simulatedDriver: Driver = {
  name: 'simulated',
  accepts: uri => uri.protocol === 'sim:',
  connect: async (uri, options) => {
    const { scenario, seed } = parse(uri);
    const host = new SimulatedHost({ scenario, seed, clock: systemClock });
    return openSimulatedHost(host, { uri, readOnly: options.readOnly ?? false, heartbeat: true });
  },
};

export interface SimulatedHypervisorOptions {
  readonly scenario: Scenario;
  readonly clock: Clock;
  /** Default 1. */
  readonly seed?: number;
  readonly readOnly?: boolean;
}

/** A connection to simulated guests, with a hand on them: `control` starts, stops and changes guests. */
export type SimulatedHypervisor = Hypervisor & { readonly control: SimulatedHost };

/**
 * Opens a simulated host of its own on the given clock. Nothing runs by itself: the model catches up with the clock when
 * it is looked at (`control.sync()` does only that), so with a clock that a test moves, everything repeats exactly.
 */
export function createSimulatedHypervisor(options: SimulatedHypervisorOptions): SimulatedHypervisor {
  const { scenario, clock, seed = DEFAULT_SEED, readOnly = false } = options;
  const control = new SimulatedHost({ scenario, clock, seed });
  return { ...openSimulatedHost(control, { uri: `sim:///${scenario.name}`, readOnly }), control };
}

export interface OpenOptions {
  readonly uri: string;
  readonly readOnly: boolean;
  /** Keep the model going by a timer, until the connection is closed. Default false. */
  readonly heartbeat?: boolean;
}

/** One more connection to a simulated host; several may look at the same one. */
export function openSimulatedHost(
  host: SimulatedHost,
  { uri, readOnly, heartbeat }: OpenOptions,
): Hypervisor {
  const closed = new Subject<void>();
  const link = new BehaviorSubject<LinkState>({ up: true });
  let open = true;
  const timer = heartbeat ? setInterval(() => host.sync(), HEARTBEAT_MS) : undefined;

  function mustBeOpen(): void {
    if (!open) throw new BallonetError('HYPERVISOR_CLOSED', `the connection to ${uri} is closed`);
  }

  const home = {
    readOnly,
    guest(ref: DomainRef): SimulatedGuest {
      mustBeOpen();
      return host.byUuid(ref.uuid) ?? noDomain(`uuid ${ref.uuid} (${ref.name})`);
    },
  };

  return {
    uri,
    readOnly,
    local: false,
    events: host.events.pipe(takeUntil(closed)),
    link: link.asObservable(),
    domain: ref => createDomain(home, ref),
    async domains({ active } = {}): Promise<Domain[]> {
      mustBeOpen();
      const guests = host.guests().filter(guest => active === undefined || guest.active === active);
      return guests.map(guest => createDomain(home, guest.ref));
    },
    async lookup(text): Promise<Domain> {
      mustBeOpen();
      return createDomain(home, lookup(host.guests(), text).ref);
    },
    async allDomainStats(options = {}): Promise<DomainStats[]> {
      mustBeOpen();
      return bulkStats(host, options);
    },
    async nodeMemory() {
      mustBeOpen();
      return host.nodeMemory();
    },
    async version() {
      mustBeOpen();
      return 'simulated host';
    },
    async close() {
      open = false;
      clearInterval(timer);
      closed.next();
      closed.complete();
      link.complete();
    },
  };
}

/** By id, uuid or name, tried in this order as virsh does. */
function lookup(guests: readonly SimulatedGuest[], text: string): SimulatedGuest {
  const id = /^\d+$/.test(text) ? Number(text) : undefined;
  const uuid = text.toLowerCase();
  return (
    guests.find(guest => guest.active && guest.id === id) ??
    guests.find(guest => guest.uuid === uuid) ??
    guests.find(guest => guest.name === text) ??
    noDomain(`name, id or uuid '${text}'`)
  );
}

/** A domain asked for that is no more is left out of the answer, as libvirt does it. */
function bulkStats(
  host: SimulatedHost,
  { groups = ['state', 'balloon'], domains }: BulkStatsOptions,
): DomainStats[] {
  const guests = domains
    ? domains.map(({ uuid }) => host.byUuid(uuid)).filter(guest => guest !== undefined)
    : host.guests().filter(guest => guest.active);
  return guests.map(guest => ({ domain: guest.ref, params: bulkParamsOf(guest, groups) }));
}

function parse(uri: string): { readonly scenario: Scenario; readonly seed: number } {
  const { hostname, pathname, searchParams } = new URL(uri);
  if (hostname !== '') {
    throw new BallonetError(
      'URI_INVALID',
      `'${uri}' has two slashes too few or a host; write sim:///${hostname}`,
    );
  }
  for (const key of searchParams.keys()) {
    if (key !== 'seed')
      throw new BallonetError('URI_INVALID', `'${uri}': unknown parameter '${key}'; known: seed`);
  }
  const seed = searchParams.get('seed') ?? String(DEFAULT_SEED);
  if (!/^\d{1,9}$/.test(seed)) throw new BallonetError('URI_INVALID', `'${uri}': seed is not a whole number`);
  return { scenario: scenarioNamed(pathname.slice(1)), seed: Number(seed) };
}
