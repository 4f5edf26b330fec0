/** Finding domains. Handles come from the client, so nothing of them but the uuid is believed, as in libvirtd. */
import { isBallonetError } from '../../model/errors.ts';
import type { Domain, DomainRef, Hypervisor } from '../driver.ts';
import { refused, VIR_ERR } from './refusal.ts';

/** Where a driver's lookup found something by another of the three keys, the right one may still be there. */
async function lookupExactly(
  hypervisor: Hypervisor,
  text: string,
  fits: (domain: DomainRef) => boolean,
): Promise<Domain> {
  try {
    const found = await hypervisor.lookup(text);
    if (fits(found)) return found;
  } catch (error) {
    if (!isBallonetError(error, 'DOMAIN_NOT_FOUND')) throw error;
    throw notFound(error);
  }
  const domain = (await hypervisor.domains()).find(fits);
  if (!domain) throw notFound();
  return domain;
}

export function byName(hypervisor: Hypervisor, name: string): Promise<Domain> {
  return lookupExactly(hypervisor, name, domain => domain.name === name);
}

export function byId(hypervisor: Hypervisor, id: number): Promise<Domain> {
  return lookupExactly(hypervisor, String(id), domain => domain.id === id && id >= 0);
}

export function byUuid(hypervisor: Hypervisor, uuid: string): Promise<Domain> {
  return lookupExactly(hypervisor, uuid, domain => domain.uuid === uuid);
}

function notFound(cause?: unknown): Error {
  return refused('DOMAIN_NOT_FOUND', VIR_ERR.noDomain, 'Domain not found', cause);
}
