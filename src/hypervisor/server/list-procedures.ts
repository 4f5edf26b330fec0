/** Procedures that list domains and look them up. */
import type { DomainRef } from '../driver.ts';
import { PROCEDURE } from '../libvirt/numbers.ts';
import { DOMAIN_LIST_MAX, readUuid, writeDomain } from '../libvirt/structures.ts';
import { byId, byName, byUuid } from './lookup.ts';
import { LIST, SERVED } from './numbers.ts';
import { nothing, type Procedure, procedure, type Reply } from './procedure.ts';
import { refused, VIR_ERR } from './refusal.ts';
import { LIST_FILTERS, requireKnownFlags, selectDomains } from './selection.ts';
import type { Session } from './session.ts';

const one =
  (domain: DomainRef): Reply =>
  writer =>
    writeDomain(writer, domain);

/** By number. */
export const LIST_PROCEDURES: Readonly<Record<number, Procedure>> = {
  [PROCEDURE.listAllDomains]: procedure(
    'virConnectListAllDomains',
    r => ({ withDomains: r.i32() !== 0, flags: r.u32() }),
    async ({ withDomains, flags }, { hypervisor }) => {
      requireKnownFlags(flags, LIST_FILTERS, 'virConnectListAllDomains');
      const domains = await selectDomains(hypervisor, flags);
      requireListable(domains.length);
      return writer => void writer.array(withDomains ? domains : [], writeDomain).u32(domains.length);
    },
  ),
  [SERVED.numOfDomains]: count('virConnectNumOfDomains', LIST.active),
  [SERVED.numOfDefinedDomains]: count('virConnectNumOfDefinedDomains', LIST.inactive),
  [SERVED.listDomains]: procedure(
    'virConnectListDomains',
    r => r.i32(),
    async (max, session) => {
      const domains = await listed(session, LIST.active, max);
      return writer => void writer.array(domains, (w, { id }) => w.i32(id));
    },
  ),
  [SERVED.listDefinedDomains]: procedure(
    'virConnectListDefinedDomains',
    r => r.i32(),
    async (max, session) => {
      const domains = await listed(session, LIST.inactive, max);
      return writer => void writer.array(domains, (w, { name }) => w.string(name));
    },
  ),
  [PROCEDURE.lookupById]: procedure(
    'virDomainLookupByID',
    r => r.i32(),
    async (id, { hypervisor }) => one(await byId(hypervisor, id)),
  ),
  [PROCEDURE.lookupByName]: procedure(
    'virDomainLookupByName',
    r => r.string(),
    async (name, { hypervisor }) => one(await byName(hypervisor, name)),
  ),
  [PROCEDURE.lookupByUuid]: procedure('virDomainLookupByUUID', readUuid, async (uuid, { hypervisor }) =>
    one(await byUuid(hypervisor, uuid)),
  ),
};

function count(name: string, flags: number): Procedure {
  return procedure(name, nothing, async (_, { hypervisor }) => {
    const { length } = await selectDomains(hypervisor, flags);
    return writer => void writer.i32(length);
  });
}

async function listed({ hypervisor }: Session, flags: number, max: number): Promise<readonly DomainRef[]> {
  if (max > DOMAIN_LIST_MAX)
    throw refused('OPERATION_REFUSED', VIR_ERR.rpc, 'maxnames > REMOTE_DOMAIN_LIST_MAX');
  return (await selectDomains(hypervisor, flags)).slice(0, Math.max(0, max));
}

/** @throws BallonetError OPERATION_REFUSED as a libvirtd does with more domains than a reply may hold */
export function requireListable(length: number): void {
  if (length > DOMAIN_LIST_MAX) {
    throw refused(
      'OPERATION_REFUSED',
      VIR_ERR.internal,
      `internal error: Too many domains '${length}' for limit '${DOMAIN_LIST_MAX}'`,
    );
  }
}
