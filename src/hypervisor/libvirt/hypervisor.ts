/** The libvirt driver: our own client of libvirt's RPC protocol. */
import type { Observable } from 'rxjs';
import { Subject } from 'rxjs';
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
  HypervisorEvent,
  LinkState,
  NodeMemory,
} from '../driver.ts';
import { BulkCollector } from './bulk.ts';
import type { Call } from './call.ts';
import type { RpcConnection } from './connection.ts';
import type { Caller } from './domain.ts';
import { LibvirtDomain } from './domain.ts';
import { LIFECYCLE_EVENT } from './events.ts';
import { Link } from './link.ts';
import { LIST_ACTIVE, LIST_INACTIVE } from './numbers.ts';
import { placesOfThisProcess } from './places.ts';
import * as procedures from './procedures.ts';
import { readCredentials } from './sasl-auth-file.ts';
import type { EventSink } from './session.ts';
import { openSession } from './session.ts';
import { isUuid } from './structures.ts';
import { openTransport } from './transport.ts';
import type { Endpoint } from './uri.ts';
import { isLibvirtUri, resolveUri } from './uri.ts';

/** What tests make shorter or smaller. */
export interface Tuning {
  readonly keepaliveIntervalMs: number;
  readonly keepaliveCount: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  readonly maxInFlight: number;
  readonly maxWaiting: number;
  readonly chunkDomains: number;
  /** Time without an answer after which a bulk call that shall not wait asks the domains one by one. */
  readonly bulkLateMs: number;
}

/** Keepalive as libvirt's own clients have it; 4 in flight because of the server's limit of 5 (see connection.ts). */
const TUNING: Tuning = {
  keepaliveIntervalMs: 5000,
  keepaliveCount: 5,
  backoffFirstMs: 200,
  backoffMaxMs: 10_000,
  maxInFlight: 4,
  maxWaiting: 16_384,
  chunkDomains: 256,
  bulkLateMs: 1000,
};

const CALL_TIMEOUT: Seconds = 10;
const ID_MAX = 2 ** 31 - 1;

export const libvirtDriver: Driver = {
  name: 'libvirt',
  accepts: isLibvirtUri,
  connect: (uri, options) => connectLibvirt(uri, options),
};

/**
 * As `connect` of the driver, with other timings.
 *
 * @throws BallonetError URI_INVALID, HYPERVISOR_*, PROTOCOL, OPERATION_UNSUPPORTED (a libvirt before 1.3.3)
 */
export async function connectLibvirt(
  uri: string,
  options: ConnectOptions = {},
  tuning: Partial<Tuning> = {},
): Promise<Hypervisor> {
  const readOnly = options.readOnly ?? false;
  const places = placesOfThisProcess();
  const endpoint = resolveUri(uri, readOnly, places);
  const settings = { ...TUNING, ...tuning };
  const callTimeoutMs = (options.callTimeout ?? CALL_TIMEOUT) * 1000;
  const events = new Subject<HypervisorEvent>();
  const sink: EventSink = {
    event: event => {
      if (event.type === 'lifecycle') bulk.forgetList();
      events.next(event);
    },
    warning: error => options.onWarning?.(error),
    missing: eventId => {
      if (eventId === LIFECYCLE_EVENT) bulk.neverKeepList();
    },
  };

  const openConnection = async (withEvents: boolean): Promise<RpcConnection> => {
    const stream = await openTransport(endpoint.target, places, callTimeoutMs);
    return openSession(stream, {
      ...settings,
      callTimeoutMs,
      handshakeTimeoutMs: callTimeoutMs,
      openUri: endpoint.openUri,
      readOnly,
      credentials: () => readCredentials(endpoint.login, places),
      ...(withEvents && { sink }),
    });
  };
  const openOther = (): Promise<RpcConnection> => openConnection(false);
  const bulk = new BulkCollector(
    settings.chunkDomains,
    settings.bulkLateMs,
    endpoint.privateHost ? undefined : openOther,
  );
  const link = await Link.start(() => openConnection(true), {
    ...settings,
    reconnect: options.reconnect ?? false,
  });
  return new LibvirtHypervisor({
    uri,
    readOnly,
    endpoint,
    link,
    events,
    bulk,
    openWrites: openOther,
  });
}

interface Parts {
  readonly uri: string;
  readonly readOnly: boolean;
  readonly endpoint: Endpoint;
  readonly link: Link;
  readonly events: Subject<HypervisorEvent>;
  readonly bulk: BulkCollector;
  readonly openWrites: () => Promise<RpcConnection>;
}

class LibvirtHypervisor implements Hypervisor, Caller {
  readonly uri: string;
  readonly readOnly: boolean;
  readonly local: boolean;
  readonly events: Observable<HypervisorEvent>;
  readonly link: Observable<LinkState>;
  readonly #parts: Parts;
  #writes: Promise<RpcConnection> | undefined;
  #nodeMemoryCount: number | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.uri = parts.uri;
    this.readOnly = parts.readOnly;
    this.local = parts.endpoint.local;
    this.link = parts.link.state;
    this.events = parts.events.asObservable();
    this.link.subscribe({
      next: ({ up }) => {
        // The far end may be another libvirt now, and a change must not be sent where questions cannot go.
        if (up) return;
        this.#nodeMemoryCount = undefined;
        parts.bulk.forgetList();
        parts.bulk.close();
        this.#dropWrites();
      },
      complete: () => parts.events.complete(),
    });
  }

  async domains(options: { readonly active?: boolean } = {}): Promise<Domain[]> {
    const { active } = options;
    const flags = active === undefined ? 0 : active ? LIST_ACTIVE : LIST_INACTIVE;
    const refs = await this.read(procedures.listAllDomains(flags));
    return refs.map(ref => this.domain(ref));
  }

  /** The order of virsh (`virshLookupDomainInternal`): id, then uuid, then name; a name may look like either. */
  async lookup(nameIdOrUuid: string): Promise<Domain> {
    const calls: Call<DomainRef>[] = [procedures.lookupByName(nameIdOrUuid)];
    if (isUuid(nameIdOrUuid)) calls.unshift(procedures.lookupByUuid(nameIdOrUuid));
    if (/^\d+$/.test(nameIdOrUuid) && Number(nameIdOrUuid) <= ID_MAX)
      calls.unshift(procedures.lookupById(Number(nameIdOrUuid)));
    let notFound: unknown;
    for (const call of calls) {
      try {
        return this.domain(await this.read(call));
      } catch (error) {
        if (!isBallonetError(error, 'DOMAIN_NOT_FOUND')) throw error;
        notFound = error;
      }
    }
    throw new BallonetError('DOMAIN_NOT_FOUND', `there is no domain '${nameIdOrUuid}'`, { cause: notFound });
  }

  domain(ref: DomainRef): Domain {
    return new LibvirtDomain(this, ref);
  }

  async allDomainStats(options: BulkStatsOptions = {}): Promise<DomainStats[]> {
    return this.#parts.bulk.collect(this.#parts.link.connection(), options);
  }

  async nodeMemory(): Promise<NodeMemory> {
    this.#nodeMemoryCount ??= await this.read(procedures.nodeMemoryCount());
    return this.read(procedures.nodeMemory(this.#nodeMemoryCount));
  }

  /**
   * The daemon's libvirt. Not the driver's own version too: to tell it, libvirt probes QEMU, and the first time that can
   * take longer than a call may.
   */
  async version(): Promise<string> {
    const packed = await this.read(procedures.libraryVersion());
    return `libvirt ${packed / 1_000_000n}.${(packed / 1000n) % 1000n}.${packed % 1000n}`;
  }

  async close(): Promise<void> {
    const writes = this.#writes;
    this.#writes = undefined;
    this.#parts.bulk.close();
    await Promise.all([
      this.#parts.link.close(),
      writes?.then(connection => connection.close()).catch(() => {}),
    ]);
  }

  async read<T>(call: Call<T>): Promise<T> {
    return this.#parts.link.connection().call(call);
  }

  async write<T>(call: Call<T>): Promise<T> {
    if (this.readOnly) throw new BallonetError('OPERATION_DENIED', 'the connection is read-only');
    const reads = this.#parts.link.connection();
    if (this.#parts.endpoint.privateHost) return reads.call(call);
    const connection = await this.#writesConnection();
    return connection.call(call);
  }

  /** Made when the first change is due, and again when it has ended while the link is up. */
  #writesConnection(): Promise<RpcConnection> {
    if (this.#writes) return this.#writes;
    const opening = this.#parts.openWrites();
    this.#writes = opening;
    const forget = (): void => {
      if (this.#writes === opening) this.#writes = undefined;
    };
    opening
      .then(
        connection => connection.ended,
        () => undefined,
      )
      .then(forget, forget);
    return opening;
  }

  #dropWrites(): void {
    const error = new BallonetError('HYPERVISOR_CLOSED', 'the connection to libvirt was lost');
    this.#writes
      ?.then(
        connection => connection.fail(error),
        () => undefined,
      )
      .catch(() => {});
    this.#writes = undefined;
  }
}
