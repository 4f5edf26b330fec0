/** Events of libvirt: which are asked for, and how they are read. */
import { BallonetError } from '../../model/errors.ts';
import type { HypervisorEvent } from '../driver.ts';
import { LIFECYCLE_KINDS } from '../driver.ts';
import { PROCEDURE } from './numbers.ts';
import { outOfRange, readDomain } from './structures.ts';
import type { XdrReader } from './xdr.ts';

/** `virDomainEventID` of the events that tell of domains coming and going. */
export const LIFECYCLE_EVENT = 0;

/** `virDomainEventID` numbers of the events that are registered on every connection. */
export const EVENTS = [
  { id: LIFECYCLE_EVENT, procedure: PROCEDURE.eventLifecycle },
  { id: 1, procedure: PROCEDURE.eventReboot },
  { id: 13, procedure: PROCEDURE.eventBalloonChange },
] as const;

/** What the domain event message says; `problem` for one that is well-formed and cannot be used. */
export type ReadEvent =
  | { readonly callbackId: number; readonly event: HypervisorEvent }
  | { readonly callbackId: number; readonly problem: BallonetError };

/**
 * Reads a domain event; undefined for a procedure that is none of those registered.
 *
 * @throws BallonetError PROTOCOL
 */
export function readEvent(procedure: number, reader: XdrReader): ReadEvent | undefined {
  if (!EVENTS.some(event => event.procedure === procedure)) return undefined;
  const callbackId = reader.i32();
  const domain = readDomain(reader);
  const result = readRest(procedure, domain, reader);
  reader.end();
  return result instanceof BallonetError ? { callbackId, problem: result } : { callbackId, event: result };
}

function readRest(
  procedure: number,
  domain: HypervisorEvent['domain'],
  reader: XdrReader,
): HypervisorEvent | BallonetError {
  switch (procedure) {
    case PROCEDURE.eventLifecycle: {
      const number = reader.i32();
      const detail = reader.i32();
      const kind = LIFECYCLE_KINDS[number];
      if (kind) return { type: 'lifecycle', domain, kind, detail };
      return new BallonetError(
        'OPERATION_UNSUPPORTED',
        `lifecycle event ${number} of ${domain.name} is of a kind not known`,
      );
    }
    case PROCEDURE.eventBalloonChange: {
      // QEMU derives the amount from what the guest's driver writes, so it can be anything.
      const actualKib = reader.exactU64();
      return actualKib === undefined
        ? outOfRange(`the balloon size of ${domain.name}`)
        : { type: 'balloon', domain, actualKib };
    }
    default:
      return { type: 'reboot', domain };
  }
}
