/** Procedures that register for events. The replies are there at once, so that no event can overtake them. */
import { PROCEDURE } from '../libvirt/numbers.ts';
import { readDomain } from '../libvirt/structures.ts';
import { SERVED } from './numbers.ts';
import { type Procedure, procedure } from './procedure.ts';

/** By number. */
export const EVENT_PROCEDURES: Readonly<Record<number, Procedure>> = {
  [PROCEDURE.eventRegister]: procedure(
    'virConnectDomainEventRegisterAny',
    r => ({ eventId: r.i32(), domain: r.optional(readDomain) }),
    ({ eventId, domain }, { callbacks }) => {
      const id = callbacks.register(eventId, domain);
      return writer => void writer.i32(id);
    },
  ),
  [SERVED.eventDeregister]: procedure(
    'virConnectDomainEventDeregisterAny',
    r => r.i32(),
    (id, { callbacks }) => {
      callbacks.deregister(id);
      return undefined;
    },
  ),
};
