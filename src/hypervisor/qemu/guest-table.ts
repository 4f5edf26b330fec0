/** The guests of a connection: who is there, under which id, and what happens to them. */
import { Subject } from 'rxjs';
import { BallonetError } from '../../model/errors.ts';
import type { DomainRef, HypervisorEvent } from '../driver.ts';
import { queryThreads } from './commands.ts';
import { lifecycle, readEvent, STOPPED_DETAIL } from './events.ts';
import { QemuGuest } from './guest.ts';
import { identify } from './identity.ts';
import { ProcessFinder } from './process.ts';
import type { QmpSession } from './session.ts';

export interface GuestTableOptions {
  /** As `GuestParts` has it. */
  readonly nowaitMs: number;
  readonly onWarning: (error: BallonetError) => void;
}

export class GuestTable {
  readonly events = new Subject<HypervisorEvent>();
  readonly #options: GuestTableOptions;
  readonly #finder = new ProcessFinder();
  readonly #byUuid = new Map<string, QemuGuest>();
  readonly #shutDown = new WeakSet<QemuGuest>();
  #lastId = 0;
  #announcing = false;

  constructor(options: GuestTableOptions) {
    this.#options = options;
  }

  /** Guests that come from now on are told of; those before were there when the connection was made. */
  announce(): void {
    this.#announcing = true;
  }

  /** A number for a guest to come, so that ids go by the order of the sockets and not by who answers first. */
  reserveId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** By id. */
  all(): QemuGuest[] {
    return [...this.#byUuid.values()].toSorted((a, b) => a.ref.id - b.ref.id);
  }

  byUuid(uuid: string): QemuGuest | undefined {
    return this.#byUuid.get(uuid);
  }

  /** In the order of virsh: id, then uuid, then name. */
  find(text: string): QemuGuest | undefined {
    const guests = this.all();
    return (
      guests.find(({ ref }) => String(ref.id) === text) ??
      this.#byUuid.get(text.toLowerCase()) ??
      guests.find(({ ref }) => ref.name === text)
    );
  }

  /**
   * Takes in the QEMU at the other end of a session.
   *
   * @throws BallonetError HYPERVISOR_*, PROTOCOL, OPERATION_REFUSED (another guest has its uuid)
   */
  async admit(session: QmpSession, path: string, id: number): Promise<QemuGuest> {
    const [{ name, uuid }, threads] = await Promise.all([
      identify(session, path),
      session.call(queryThreads()),
    ]);
    const other = this.#byUuid.get(uuid);
    if (other) {
      throw new BallonetError(
        'OPERATION_REFUSED',
        `QEMU at ${path} has the uuid ${uuid} of '${other.ref.name}', which is there already: give each a -uuid, or a -name, of its own`,
      );
    }
    const ref: DomainRef = { name, uuid, id };
    const { nowaitMs, onWarning } = this.#options;
    const pid = this.#finder.find(path, threads);
    const guest = new QemuGuest({ ref, session, pid, nowaitMs, onHang: onWarning });
    this.#byUuid.set(uuid, guest);
    session.onEvent((event, data) => {
      if (event === 'SHUTDOWN') this.#shutDown.add(guest);
      const read = readEvent(event, data, ref);
      if (read instanceof BallonetError) onWarning(read);
      else if (read) this.events.next(read);
    });
    if (this.#announcing) this.events.next(lifecycle(ref, 'started'));
    return guest;
  }

  /** The guest's QEMU has closed its connection, or broke the protocol. */
  dismiss(guest: QemuGuest): void {
    this.#byUuid.delete(guest.ref.uuid);
    // As libvirt: an end without a SHUTDOWN event before it is a failure.
    const detail = this.#shutDown.has(guest) ? STOPPED_DETAIL.shutdown : STOPPED_DETAIL.failed;
    this.events.next(lifecycle(guest.ref, 'stopped', detail));
  }
}
