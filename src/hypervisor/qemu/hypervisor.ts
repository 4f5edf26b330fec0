/** The qemu driver: QMP straight to QEMU, without libvirt. */
import { BehaviorSubject, type Observable } from 'rxjs';
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
import { createDomain, type DomainHome } from './domain.ts';
import { FolderWatch, type Place, placeAt, socketsIn } from './folder.ts';
import type { QemuGuest } from './guest.ts';
import { GuestTable } from './guest-table.ts';
import { readNodeMemory } from './node-memory.ts';
import type { QmpSession } from './session.ts';
import { SocketKeeper } from './socket-keeper.ts';
import { timedOut } from './transport.ts';
import { pathOfUri } from './uri.ts';

/** What tests make shorter. */
export interface Tuning {
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  /** How often a folder is looked at even when no change was heard of. */
  readonly rescanMs: number;
  /** How long a new connection waits for the guests of a folder; those that take longer come later. */
  readonly settleMs: number;
  /** Longest wait for one guest in a bulk call: a healthy QEMU answers in a millisecond. */
  readonly nowaitMs: number;
}

const TUNING: Tuning = {
  backoffFirstMs: 200,
  backoffMaxMs: 5000,
  rescanMs: 2000,
  settleMs: 2000,
  nowaitMs: 1000,
};

const CALL_TIMEOUT: Seconds = 10;

export const qemuDriver: Driver = {
  name: 'qemu',
  accepts: uri => uri.protocol === 'qmp:',
  connect: (uri, options) => connectQmp(uri, options),
};

/**
 * As `connect` of the driver, with other timings. `qmp:///FOLDER` is a host of the guests whose sockets NAME.qmp lie in the
 * folder; it is up for as long as the folder can be read, and its guests come and go. `qmp:///PATH/NAME.qmp` is a host of one guest, and up for
 * as long as that answers.
 *
 * @throws BallonetError URI_INVALID, HYPERVISOR_UNREACHABLE, HYPERVISOR_DENIED, HYPERVISOR_TIMEOUT, PROTOCOL
 */
export async function connectQmp(
  uri: string,
  options: ConnectOptions = {},
  tuning: Partial<Tuning> = {},
): Promise<Hypervisor> {
  const place = await placeAt(pathOfUri(uri));
  const hypervisor = new QmpHypervisor(uri, place, options, { ...TUNING, ...tuning });
  try {
    await hypervisor.start();
  } catch (error) {
    await hypervisor.close();
    throw error;
  }
  return hypervisor;
}

class QmpHypervisor implements Hypervisor, DomainHome {
  readonly uri: string;
  readonly readOnly: boolean;
  readonly local = true;
  readonly events: Observable<HypervisorEvent>;
  readonly link: Observable<LinkState>;
  readonly #place: Place;
  readonly #options: ConnectOptions;
  readonly #tuning: Tuning;
  readonly #table: GuestTable;
  readonly #link = new BehaviorSubject<LinkState>({ up: true });
  readonly #keepers = new Map<string, SocketKeeper>();
  #watch: FolderWatch | undefined;
  #failure: BallonetError | undefined;
  #closed = false;

  constructor(uri: string, place: Place, options: ConnectOptions, tuning: Tuning) {
    this.uri = uri;
    this.readOnly = options.readOnly ?? false;
    this.#place = place;
    this.#options = options;
    this.#tuning = tuning;
    this.#table = new GuestTable({ nowaitMs: tuning.nowaitMs, onWarning: error => this.#warn(error) });
    this.events = this.#table.events.asObservable();
    this.link = this.#link.asObservable();
  }

  /** Connects to what is there. @throws BallonetError */
  async start(): Promise<void> {
    const { kind, path } = this.#place;
    const paths = kind === 'socket' ? [path] : await socketsIn(path);
    const attempts = Promise.all(paths.map(socket => this.#keep(socket).first));
    await (kind === 'socket' ? attempts : atMost(attempts, this.#tuning.settleMs));
    // A daemon waits for its guests. A command that asks once is told why it got none.
    const waits = kind === 'folder' && this.#options.reconnect;
    if (!waits && this.#table.all().length === 0) await attempts;
    if (!waits && this.#table.all().length === 0) this.#explainNone(kind);
    for (const keeper of this.#keepers.values()) if (!keeper.tried) this.#warn(this.#slow(keeper.path));
    this.#table.announce();
    if (kind === 'folder' && this.#options.reconnect) this.#watchFolder(path);
  }

  async domains({ active }: { readonly active?: boolean } = {}): Promise<Domain[]> {
    const guests = this.#guests();
    // A guest is known by its QEMU: there are none that do not run.
    return active === false ? [] : guests.map(({ ref }) => this.domain(ref));
  }

  async lookup(nameIdOrUuid: string): Promise<Domain> {
    this.#mustBeUp();
    const guest = this.#table.find(nameIdOrUuid);
    if (!guest) throw new BallonetError('DOMAIN_NOT_FOUND', `there is no domain '${nameIdOrUuid}'`);
    return this.domain(guest.ref);
  }

  domain(ref: DomainRef): Domain {
    return createDomain(this, ref);
  }

  guest({ uuid, name }: DomainRef): QemuGuest {
    this.#mustBeUp();
    const guest = this.#table.byUuid(uuid);
    if (!guest) throw new BallonetError('DOMAIN_NOT_FOUND', `there is no domain with uuid ${uuid} (${name})`);
    return guest;
  }

  async allDomainStats(options: BulkStatsOptions = {}): Promise<DomainStats[]> {
    const { domains, groups = ['state', 'balloon'], nowait = true } = options;
    const all = this.#guests();
    const guests = domains
      ? domains.map(({ uuid }) => this.#table.byUuid(uuid)).filter(guest => guest !== undefined)
      : all;
    const records = await Promise.all(guests.map(guest => guest.record(groups, nowait)));
    // One that ended meanwhile is left out, as libvirt does it.
    return records.filter((_, i) => guests[i]?.session.failure === undefined);
  }

  async nodeMemory(): Promise<NodeMemory> {
    this.#mustBeUp();
    return readNodeMemory();
  }

  async version(): Promise<string> {
    const versions = new Set(this.#guests().map(({ session }) => session.version));
    return versions.size === 0 ? 'QEMU' : `QEMU ${[...versions].toSorted().join(', ')}`;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch?.close();
    for (const keeper of this.#keepers.values()) keeper.close();
    this.#link.complete();
    this.#table.events.complete();
  }

  #guests(): QemuGuest[] {
    this.#mustBeUp();
    return this.#table.all();
  }

  #mustBeUp(): void {
    if (this.#closed)
      throw new BallonetError('HYPERVISOR_CLOSED', 'the connection was closed from this side');
    const { value } = this.#link;
    if (value.up) return;
    const code = isBallonetError(value.error, 'HYPERVISOR_CLOSED')
      ? 'HYPERVISOR_CLOSED'
      : 'HYPERVISOR_UNREACHABLE';
    throw new BallonetError(code, `not connected: ${value.error.message}`, { cause: value.error });
  }

  /** An empty folder is a host without guests, and so is one of sockets that QEMUs left behind. */
  #explainNone(kind: Place['kind']): void {
    const failure = this.#failure;
    if (failure && (kind === 'socket' || !isLeftBehind(failure))) throw failure;
  }

  #slow(path: string): BallonetError {
    return timedOut(
      path,
      `it has not greeted within ${this.#tuning.settleMs / 1000} s and is left out until it does`,
    );
  }

  #watchFolder(folder: string): void {
    this.#watch = new FolderWatch({
      folder,
      everyMs: this.#tuning.rescanMs,
      onScan: (paths, touched) => {
        this.#goUp();
        this.#adopt(paths, touched);
      },
      onError: error => this.#goDown(error),
    });
  }

  #adopt(paths: readonly string[], touched: ReadonlySet<string>): void {
    for (const path of paths) {
      const keeper = this.#keepers.get(path);
      if (!keeper) this.#keep(path);
      else if (touched.has(path)) keeper.hurry();
    }
    for (const [path, keeper] of this.#keepers) {
      // A guest whose socket was removed lives on until its connection ends.
      if (keeper.connected || paths.includes(path)) continue;
      keeper.close();
      this.#keepers.delete(path);
    }
  }

  #keep(path: string): SocketKeeper {
    let reserved: number | undefined = this.#table.reserveId();
    let guest: QemuGuest | undefined;
    const keeper = new SocketKeeper({
      ...this.#tuning,
      path,
      timeoutMs: (this.#options.callTimeout ?? CALL_TIMEOUT) * 1000,
      reconnect: this.#options.reconnect ?? false,
      onUp: async (session: QmpSession) => {
        // A QEMU that was started anew is a new start of the domain, and has another id, as in libvirt.
        const id = reserved ?? this.#table.reserveId();
        guest = await this.#table.admit(session, path, id);
        reserved = undefined;
        if (this.#place.kind === 'socket') this.#goUp();
      },
      onDown: error => {
        if (this.#closed) return;
        if (error.code !== 'HYPERVISOR_CLOSED') this.#warn(error);
        if (guest) this.#table.dismiss(guest);
        if (this.#place.kind === 'socket') this.#goDown(error);
      },
      onFailure: error => {
        if (!this.#failure || isLeftBehind(this.#failure)) this.#failure = error;
        if (!isLeftBehind(error)) this.#warn(error);
      },
    });
    this.#keepers.set(path, keeper);
    return keeper;
  }

  #goUp(): void {
    if (!this.#link.value.up) this.#link.next({ up: true });
  }

  #goDown(error: BallonetError): void {
    const before = this.#link.value;
    // An outage is told once, and again only if its reason changes.
    if (before.up || !isBallonetError(before.error, error.code)) this.#link.next({ up: false, error });
    if (this.#options.reconnect) return;
    this.#link.complete();
    this.#table.events.complete();
  }

  #warn(error: BallonetError): void {
    this.#options.onWarning?.(error);
  }
}

/** A socket on which nothing listens is what a guest that is off leaves behind. */
function isLeftBehind(error: BallonetError): boolean {
  return error.code === 'HYPERVISOR_UNREACHABLE';
}

async function atMost(work: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<void>(resolve => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, elapsed]);
  clearTimeout(timer);
}
