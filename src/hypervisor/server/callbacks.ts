/** The event callbacks of one client, and the messages that go to them. */
import type { DomainRef, HypervisorEvent } from '../driver.ts';
import { LIFECYCLE_KINDS } from '../driver.ts';
import { EVENTS } from '../libvirt/events.ts';
import { PROCEDURE } from '../libvirt/numbers.ts';
import { writeDomain } from '../libvirt/structures.ts';
import type { XdrWriter } from '../libvirt/xdr.ts';
import { refused, VIR_ERR } from './refusal.ts';

/**
 * `VIR_DOMAIN_EVENT_ID_LAST` of libvirt 9.0.0. All of them can be registered, as with libvirt's drivers, since
 * `virsh event --all` gives up when one cannot; three are ever sent.
 */
const EVENT_IDS = 27;
/** Far more than clients have, and little memory. */
const CALLBACKS_MAX = 1024;

interface Callback {
  readonly id: number;
  readonly eventId: number;
  /** Left out: events of every domain. */
  readonly uuid: string | undefined;
}

/** A message to send: the procedure, and its content. */
export interface EventMessage {
  readonly procedure: number;
  readonly write: (writer: XdrWriter) => void;
}

export class EventCallbacks {
  readonly #callbacks = new Map<number, Callback>();
  #nextId = 0;

  /** How many there are. */
  get size(): number {
    return this.#callbacks.size;
  }

  /**
   * Registers for an event of one domain or of all. Whether the domain exists does not matter, as with libvirt.
   *
   * @returns the callback's id
   * @throws BallonetError OPERATION_REFUSED with libvirt's number
   */
  register(eventId: number, domain: DomainRef | undefined): number {
    if (eventId < 0 || eventId >= EVENT_IDS)
      throw refused('OPERATION_REFUSED', VIR_ERR.internal, `internal error: unsupported event ID ${eventId}`);
    const uuid = domain?.uuid;
    for (const known of this.#callbacks.values()) {
      if (known.eventId === eventId && known.uuid === uuid) {
        throw refused(
          'OPERATION_REFUSED',
          VIR_ERR.invalidArgument,
          'invalid argument: event callback already tracked',
        );
      }
    }
    if (this.#callbacks.size >= CALLBACKS_MAX)
      throw refused('OPERATION_REFUSED', VIR_ERR.internal, 'internal error: too many event callbacks');
    const id = this.#nextId++;
    this.#callbacks.set(id, { id, eventId, uuid });
    return id;
  }

  /** @throws BallonetError OPERATION_REFUSED with libvirt's number */
  deregister(id: number): void {
    if (!this.#callbacks.delete(id)) {
      throw refused(
        'OPERATION_REFUSED',
        VIR_ERR.internal,
        `internal error: domain event callback ${id} not registered`,
      );
    }
  }

  /** The messages that tell this client of an event: one for each callback that asked for it. */
  messages(event: HypervisorEvent): EventMessage[] {
    const [eventId, number] = NUMBERS[event.type];
    return [...this.#callbacks.values()]
      .filter(
        ({ eventId: wanted, uuid }) =>
          wanted === eventId && (uuid ?? event.domain.uuid) === event.domain.uuid,
      )
      .map(({ id }) => ({ procedure: number, write: writer => writeEvent(writer, id, event) }));
  }
}

/** Event id and procedure of each event, as our client reads them. */
const NUMBERS: Readonly<Record<HypervisorEvent['type'], readonly [eventId: number, procedure: number]>> = {
  lifecycle: [eventIdOf(PROCEDURE.eventLifecycle), PROCEDURE.eventLifecycle],
  reboot: [eventIdOf(PROCEDURE.eventReboot), PROCEDURE.eventReboot],
  balloon: [eventIdOf(PROCEDURE.eventBalloonChange), PROCEDURE.eventBalloonChange],
};

function eventIdOf(number: number): number {
  return EVENTS.find(event => event.procedure === number)?.id ?? -1;
}

function writeEvent(writer: XdrWriter, callbackId: number, event: HypervisorEvent): void {
  writer.i32(callbackId);
  writeDomain(writer, event.domain);
  if (event.type === 'lifecycle') writer.i32(LIFECYCLE_KINDS.indexOf(event.kind)).i32(event.detail);
  else if (event.type === 'balloon') writer.u64(event.actualKib);
}
