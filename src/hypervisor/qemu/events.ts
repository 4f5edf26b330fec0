/** QEMU's events in the words of the driver interface. Sources: QEMU, qapi/run-state.json; libvirt, src/qemu/qemu_process.c. */
import type { BallonetError } from '../../model/errors.ts';
import type { DomainRef, HypervisorEvent, LifecycleKind } from '../driver.ts';
import { tooLarge } from './amounts.ts';
import { fieldOf, type Json } from './json.ts';
import { readActual } from './replies.ts';

/** `detail` numbers of libvirt's lifecycle events that stand for something that QEMU tells. */
const SHUTDOWN_DETAIL = { finished: 0, guest: 1, host: 2 } as const;
const STARTED_WAKEUP = 4;
/** `VIR_DOMAIN_EVENT_STOPPED_*`: after a SHUTDOWN event, and out of the blue. */
export const STOPPED_DETAIL = { shutdown: 0, failed: 5 } as const;

/**
 * What an event of a session means; undefined for those that mean nothing here, such as POWERDOWN: a button was pressed, and
 * the guest may not care.
 *
 * @throws BallonetError PROTOCOL
 */
export function readEvent(
  name: string,
  data: Json | undefined,
  domain: DomainRef,
): HypervisorEvent | BallonetError | undefined {
  switch (name) {
    case 'BALLOON_CHANGE':
      return balloon(data, domain);
    case 'RESET':
      return { type: 'reboot', domain };
    case 'STOP':
      return lifecycle(domain, 'suspended');
    case 'RESUME':
      return lifecycle(domain, 'resumed');
    case 'SHUTDOWN':
      return lifecycle(domain, 'shutdown', shutdownDetail(fieldOf(data, 'guest')));
    case 'SUSPEND':
      return lifecycle(domain, 'pmsuspended');
    case 'WAKEUP':
      return lifecycle(domain, 'started', STARTED_WAKEUP);
    case 'GUEST_PANICKED':
      return lifecycle(domain, 'crashed');
    default:
      return undefined;
  }
}

export function lifecycle(domain: DomainRef, kind: LifecycleKind, detail = 0): HypervisorEvent {
  return { type: 'lifecycle', domain, kind, detail };
}

function balloon(data: Json | undefined, domain: DomainRef): HypervisorEvent | BallonetError {
  const actualKib = readActual(data ?? null);
  return actualKib === 'too-large'
    ? tooLarge(`the balloon size of ${domain.name}`)
    : { type: 'balloon', domain, actualKib };
}

function shutdownDetail(byGuest: Json | undefined): number {
  if (typeof byGuest !== 'boolean') return SHUTDOWN_DETAIL.finished;
  return byGuest ? SHUTDOWN_DETAIL.guest : SHUTDOWN_DETAIL.host;
}
