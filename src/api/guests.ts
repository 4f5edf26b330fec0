/** Finds the guest that somebody means. */
import type { TickEvent } from '../engine/engine.ts';
import type { History } from '../engine/history.ts';
import { BallonetError } from '../model/errors.ts';
import type { GuestSample } from '../model/snapshot.ts';

/** @throws BallonetError DAEMON_NOT_READY */
export function seen(history: History): TickEvent {
  const tick = history.tick();
  if (tick === undefined)
    throw new BallonetError(
      'DAEMON_NOT_READY',
      'the daemon has not yet seen its guests: ask again in a moment',
    );
  return tick;
}

/**
 * By id, uuid or name, in this order, as virsh does.
 *
 * @throws BallonetError DOMAIN_NOT_FOUND
 */
export function guestOf({ snapshot: { guests } }: Pick<TickEvent, 'snapshot'>, domain: string): GuestSample {
  const found = findGuest(guests, domain);
  if (found === undefined) throw noSuchGuest(domain);
  return found;
}

function findGuest(guests: readonly GuestSample[], domain: string): GuestSample | undefined {
  return (
    (/^\d+$/.test(domain) ? guests.find(({ id }) => id === Number(domain)) : undefined) ??
    guests.find(({ uuid }) => uuid === domain.toLowerCase()) ??
    guests.find(({ name }) => name === domain)
  );
}

/**
 * The uuid that is meant, also of a guest that is gone and still remembered.
 *
 * @param remembered what is known of guests, the latest last
 * @throws BallonetError DOMAIN_NOT_FOUND
 */
export function uuidOf(
  tick: TickEvent | undefined,
  domain: string,
  remembered: readonly { readonly name?: string | undefined; readonly uuid?: string | undefined }[],
): string {
  const present = findGuest(tick?.snapshot.guests ?? [], domain)?.uuid;
  const known = present ?? remembered.findLast(({ name, uuid }) => name === domain || uuid === domain)?.uuid;
  if (known === undefined) throw noSuchGuest(domain);
  return known;
}

function noSuchGuest(domain: string): BallonetError {
  return new BallonetError('DOMAIN_NOT_FOUND', `no guest has the name, id or uuid '${domain}'`);
}
