/** The simulated driver: guests that live inside this process, at `sim:///NAME`. */
import { Subject, takeUntil } from 'rxjs';
import { type Clock, systemClock } from '../../model/clock.ts';
import { BallonetError, isBallonetError } from '../../model/errors.ts';
import type { Seconds } from '../../model/units.ts';
import type {
  BulkStatsOptions,
  ConnectOptions,
  Domain,
  DomainRef,
  DomainStats,
  Driver,
  Hypervisor,
  StatsGroup,
} from '../driver.ts';
import { BulkFigures } from './bulk-figures.ts';
import { createDomain, type DomainHome, noDomain, tooLargeFigure } from './domain.ts';
import type { SimulatedGuest } from './guest.ts';
import { SimulatedHost } from './host.ts';
import type { Scenario } from './scenario.ts';
import { bulkParamsOf } from './stats.ts';

/** How often the model is brought up to now when nobody looks, so that events leave in time. Milliseconds. */
const HEARTBEAT_MS = 100;

/** As the libvirt driver's. */
const CALL_TIMEOUT: Seconds = 10;

const NO_PARAMS: ReadonlyMap<string, never> = new Map<string, never>();

/** A scenario with the seed that its guests are drawn with. */
interface SeededScenario {
  readonly scenario: Scenario;
  readonly seed: number;
}

/**
 * Finds a scenario by what stands after `sim:///`.
 *
 * @param seed instead of the scenario's own
 * @throws BallonetError URI_INVALID, naming the scenarios there are; SCENARIO_INVALID, TRACE_INVALID
 */
export type FindScenario = (name: string, seed: number | undefined) => SeededScenario;

/** Guests inside the process. `sim:///NAME?seed=N`: the same name and seed give the same guests for ever. */
export function createSimulatedDriver(find: FindScenario): Driver {
  return {
    name: 'simulated',
    accepts: isSimulated,
    connect: async (uri, options) => connectSimulated(find, uri, options),
  };
}

/** True for the URI of a simulated host. */
export function isSimulated(uri: URL): boolean {
  return uri.protocol === 'sim:';
}

/**
 * As `connect` of the driver.
 *
 * @param raw for a server that passes figures on as they are: those above 2^53-1 are not refused
 * @throws BallonetError URI_INVALID, and of `find`
 */
export function connectSimulated(
  find: FindScenario,
  uri: string,
  options: ConnectOptions,
  raw = false,
): Hypervisor {
  const { name, seed } = parse(uri);
  const host = new SimulatedHost({ ...find(name, seed), clock: systemClock });
  const { readOnly = false, callTimeout } = options;
  return openSimulatedHost(host, { uri, readOnly, callTimeout, raw, heartbeat: true });
}

export interface SimulatedHypervisorOptions {
  readonly scenario: Scenario;
  readonly clock: Clock;
  /** Default 1. */
  readonly seed?: number;
  readonly readOnly?: boolean;
  /** Longest wait for a hung guest, on `clock`. Default 10 s. */
  readonly callTimeout?: Seconds | undefined;
}

/** A connection to simulated guests, with a hand on them: `control` starts, stops and changes guests. */
export type SimulatedHypervisor = Hypervisor & { readonly control: SimulatedHost };

/**
 * Opens a simulated host of its own on the given clock. Nothing runs by itself: the model catches up with the clock when
 * it is looked at (`control.sync()` does only that), so with a clock that a test moves, everything repeats exactly.
 */
export function createSimulatedHypervisor(options: SimulatedHypervisorOptions): SimulatedHypervisor {
  const { scenario, clock, seed = 1, readOnly = false, callTimeout } = options;
  const control = new SimulatedHost({ scenario, clock, seed });
  const uri = `sim:///${scenario.name}`;
  return { ...openSimulatedHost(control, { uri, readOnly, callTimeout }), control };
}

export interface OpenOptions {
  readonly uri: string;
  readonly readOnly: boolean;
  /** Keep the model going by a timer, until the connection is closed. Default false. */
  readonly heartbeat?: boolean;
  /** Longest wait for a hung guest. Default 10 s. */
  readonly callTimeout?: Seconds | undefined;
  /** Hand over figures above 2^53-1 as they are, instead of refusing them as drivers do. Default false. */
  readonly raw?: boolean;
}

/** One more connection to a simulated host; several may look at the same one. */
export function openSimulatedHost(
  host: SimulatedHost,
  { uri, readOnly, heartbeat, callTimeout = CALL_TIMEOUT, raw = false }: OpenOptions,
): Hypervisor {
  const owner = {};
  const closed = new Subject<void>();
  let open = true;
  const timer = heartbeat ? setInterval(() => host.sync(), HEARTBEAT_MS) : undefined;

  function mustBeOpen(): void {
    if (!open) throw new BallonetError('HYPERVISOR_CLOSED', `the connection to ${uri} is closed`);
    host.mustAnswer();
  }

  const home: DomainHome = {
    readOnly,
    raw,
    answers: guest => host.answers(guest, callTimeout, owner),
    guest(ref: DomainRef): SimulatedGuest {
      mustBeOpen();
      return host.byUuid(ref.uuid) ?? noDomain(`uuid ${ref.uuid} (${ref.name})`);
    },
  };

  // Guests give the same reference until they are started anew, and collectors ask for handles every tick.
  const handles = new WeakMap<DomainRef, Domain>();
  function handle(ref: DomainRef): Domain {
    const known = handles.get(ref);
    if (known !== undefined) return known;
    const made = createDomain(home, ref);
    handles.set(ref, made);
    return made;
  }

  return {
    uri,
    readOnly,
    local: false,
    events: host.events.pipe(takeUntil(closed)),
    link: host.link.pipe(takeUntil(closed)),
    domain: handle,
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
      return bulkStats(host, home, options);
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
      host.dropWaits(owner, new BallonetError('HYPERVISOR_CLOSED', `the connection to ${uri} is closed`));
      closed.next();
      closed.complete();
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

/**
 * A domain asked for that is no more is left out of the answer, as libvirt does it. With NOWAIT a guest is passed over while
 * another call is stuck in it; else it is waited for, and the others' records are as fresh as its own when it answers.
 */
async function bulkStats(
  host: SimulatedHost,
  home: DomainHome,
  { groups = ['state', 'balloon'], domains, nowait = true }: BulkStatsOptions,
): Promise<DomainStats[]> {
  const whole = groups.includes('state') && groups.includes('balloon');
  const recordOf = (guest: SimulatedGuest) =>
    whole && !guest.faulty && guest.active ? wholeRecord(guest) : record(guest, groups, home.raw);
  const asked = present(host, domains);
  const hung = groups.includes('balloon')
    ? asked.filter(guest => guest.hung && !(nowait && guest.jobHeld))
    : [];
  if (hung.length === 0) return asked.map(recordOf);

  const errors = new Map<SimulatedGuest, BallonetError>();
  await Promise.all(
    hung.map(async guest => {
      try {
        await home.answers(guest);
      } catch (error) {
        if (!isBallonetError(error, 'HYPERVISOR_TIMEOUT')) throw error;
        errors.set(guest, error);
      }
    }),
  );
  const [first] = errors.values();
  if (first && errors.size === asked.length) throw first;
  return present(host, domains).map(guest => {
    const error = errors.get(guest);
    return error ? { domain: guest.ref, params: NO_PARAMS, error } : recordOf(guest);
  });
}

/** Those of the domains that a bulk answer has. */
function present(host: SimulatedHost, domains: BulkStatsOptions['domains']): SimulatedGuest[] {
  const guests = domains
    ? domains.map(({ uuid }) => host.byUuid(uuid)).filter(guest => guest !== undefined)
    : host.guests().filter(guest => guest.active);
  return guests.some(guest => guest.faulty) ? guests.filter(guest => !guest.fault('missing')) : guests;
}

/** Of a guest that has nothing wrong with it. */
function wholeRecord(guest: SimulatedGuest): DomainStats {
  const figures = new BulkFigures(guest);
  return { domain: guest.ref, params: figures, figures };
}

function record(guest: SimulatedGuest, groups: readonly StatsGroup[], raw: boolean): DomainStats {
  const params = bulkParamsOf(guest, groups);
  if (raw || !guest.fault('garbage')) return { domain: guest.ref, params };
  const kept = [...params].filter(
    ([, value]) => typeof value !== 'number' || value <= Number.MAX_SAFE_INTEGER,
  );
  if (kept.length === params.size) return { domain: guest.ref, params };
  return { domain: guest.ref, params: new Map(kept), error: tooLargeFigure(`a figure of ${guest.name}`) };
}

function parse(uri: string): { readonly name: string; readonly seed: number | undefined } {
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
  const seed = searchParams.get('seed') ?? undefined;
  if (seed !== undefined && !/^\d{1,9}$/.test(seed))
    throw new BallonetError('URI_INVALID', `'${uri}': seed is not a whole number`);
  return { name: decoded(uri, pathname.slice(1)), seed: seed === undefined ? undefined : Number(seed) };
}

function decoded(uri: string, name: string): string {
  try {
    return decodeURIComponent(name);
  } catch (cause) {
    throw new BallonetError('URI_INVALID', `'${uri}': the percent signs in it are no encoding`, { cause });
  }
}
