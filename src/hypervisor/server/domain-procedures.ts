/** Procedures about one domain. */

import { parseDomainXml } from '../domain-xml.ts';
import type { Affect, Domain, DomainRef } from '../driver.ts';
import { DOMAIN_STATES } from '../driver.ts';
import { JOB_FIGURES, JOB_TYPE, METADATA_ELEMENT, PROCEDURE } from '../libvirt/numbers.ts';
import { readDomain } from '../libvirt/structures.ts';
import type { XdrReader } from '../libvirt/xdr.ts';
import { byUuid } from './lookup.ts';
import { AFFECT, SERVED, XML } from './numbers.ts';
import { type Procedure, procedure, type Reply } from './procedure.ts';
import { refused, VIR_ERR } from './refusal.ts';
import { requireKnownFlags } from './selection.ts';
import type { Session } from './session.ts';

const NO_XML_TITLE = 'Requested metadata element is not present';
/** `VIR_DOMAIN_METADATA_TITLE`. */
const METADATA_TITLE = 1;
/** Longest text that a question about metadata may carry. */
const TEXT_MAX_BYTES = 64 * 1024;
/** `virDomainInfo` and GET_MAX_VCPUS have 16 bits for processors. */
const VCPUS_MAX = 65_535;

/** By number. */
export const DOMAIN_PROCEDURES: Readonly<Record<number, Procedure>> = {
  [PROCEDURE.domainGetInfo]: domainProcedure('virDomainGetInfo', async domain => {
    const { state, maxMemKib, memoryKib, vcpus, cpuTimeNs } = await domain.info();
    return writer =>
      void writer
        .u32(DOMAIN_STATES.indexOf(state))
        .u64(maxMemKib)
        .u64(memoryKib)
        .u32(Math.min(vcpus, VCPUS_MAX))
        .u64(BigInt.asUintN(64, cpuTimeNs));
  }),
  [PROCEDURE.domainGetJobInfo]: domainProcedure('virDomainGetJobInfo', async domain => {
    const type = (await domain.job()) ? JOB_TYPE.unbounded : JOB_TYPE.none;
    return writer => {
      writer.i32(type);
      for (let i = 0; i < JOB_FIGURES; i++) writer.u64(0);
    };
  }),
  [SERVED.domainGetState]: flaggedProcedure('virDomainGetState', 0, async (domain, _, session) => {
    const [record] = await session.hypervisor.allDomainStats({ groups: ['state'], domains: [domain] });
    const state = record?.params.get('state.state');
    const reason = record?.params.get('state.reason');
    // A driver without the state group, or a domain that is no more: the second throws here.
    const number = typeof state === 'number' ? state : DOMAIN_STATES.indexOf((await domain.info()).state);
    return writer => void writer.i32(number).i32(typeof reason === 'number' ? reason : 0);
  }),
  [PROCEDURE.domainGetXml]: flaggedProcedure(
    'virDomainGetXMLDesc',
    XML.secure | XML.inactive | XML.updateCpu | XML.migratable,
    domainXml,
  ),
  [SERVED.domainGetMaxMemory]: domainProcedure('virDomainGetMaxMemory', async domain => {
    const { maxMemKib } = await domain.info();
    return writer => void writer.u64(maxMemKib);
  }),
  [SERVED.domainGetMaxVcpus]: domainProcedure('virDomainGetMaxVcpus', async domain => {
    const { vcpus } = await domain.info();
    return writer => void writer.i32(vcpus);
  }),
  [SERVED.domainGetOsType]: domainProcedure('virDomainGetOSType', async domain => {
    const type = /<os(?:\s[^>]*)?>\s*<type[^>]*>([\w-]{1,32})<\/type>/.exec(await domain.xml())?.[1];
    return writer => void writer.string(type ?? 'hvm');
  }),
  [SERVED.domainIsActive]: domainProcedure('virDomainIsActive', async (domain, session) => {
    const { id } = await byUuid(session.hypervisor, domain.uuid);
    return writer => void writer.i32(id >= 0 ? 1 : 0);
  }),
  // What no driver here tells is answered as it is with a domain that has a stored definition and nothing else.
  [SERVED.domainIsPersistent]: constant('virDomainIsPersistent', 1),
  [SERVED.domainIsUpdated]: constant('virDomainIsUpdated', 0),
  [SERVED.domainGetAutostart]: constant('virDomainGetAutostart', 0),
  [SERVED.domainHasManagedSave]: flaggedConstant('virDomainHasManagedSaveImage', 0),
  [SERVED.domainHasCurrentSnapshot]: flaggedConstant('virDomainHasCurrentSnapshot', 0),
  // No messages; the reply is an empty array.
  [SERVED.domainGetMessages]: flaggedProcedure('virDomainGetMessages', 3, async (domain, _, session) => {
    await byUuid(session.hypervisor, domain.uuid);
    return writer => void writer.u32(0);
  }),
  // No label, and nothing is enforced.
  [SERVED.domainGetSecurityLabel]: domainProcedure('virDomainGetSecurityLabel', async (domain, session) => {
    await byUuid(session.hypervisor, domain.uuid);
    return writer => void writer.u32(0).i32(0);
  }),
  [PROCEDURE.domainGetMetadata]: procedure(
    'virDomainGetMetadata',
    r => ({
      domain: readDomain(r),
      type: r.i32(),
      uri: r.optional(item => item.string(TEXT_MAX_BYTES)),
      flags: r.u32(),
    }),
    async ({ domain, type, uri, flags }, { hypervisor }) => {
      requireKnownFlags(flags, AFFECT.live | AFFECT.config, 'virDomainGetMetadata');
      const text = await metadataOf(hypervisor.domain(domain), type, uri);
      if (text === undefined) {
        throw refused('OPERATION_REFUSED', VIR_ERR.noDomainMetadata, `metadata not found: ${NO_XML_TITLE}`);
      }
      return writer => void writer.string(text);
    },
  ),
  [PROCEDURE.domainSetMetadata]: procedure(
    'virDomainSetMetadata',
    r => ({
      domain: readDomain(r),
      type: r.i32(),
      element: r.optional(item => item.string(TEXT_MAX_BYTES)),
      prefix: r.optional(item => item.string(TEXT_MAX_BYTES)),
      uri: r.optional(item => item.string(TEXT_MAX_BYTES)),
      flags: r.u32(),
    }),
    async ({ domain, type, element, prefix, uri, flags }, { hypervisor }) => {
      requireKnownFlags(flags, AFFECT.live, 'virDomainSetMetadata');
      const handle = hypervisor.domain(domain);
      if (type !== METADATA_ELEMENT || prefix === undefined || uri === undefined || !handle.setMetadata) {
        throw refused(
          'OPERATION_UNSUPPORTED',
          VIR_ERR.operationUnsupported,
          'Operation not supported: only an element with a prefix and a namespace can be set',
        );
      }
      await handle.setMetadata(uri, prefix, element);
      return undefined;
    },
    { changes: true },
  ),
  [SERVED.domainSetMemory]: procedure(
    'virDomainSetMemory',
    r => ({ domain: readDomain(r), kib: r.exactU64() }),
    ({ domain, kib }, session) => setMemory(session, domain, kib, AFFECT.live, 'virDomainSetMemory'),
    { changes: true },
  ),
  [PROCEDURE.setMemoryFlags]: procedure(
    'virDomainSetMemoryFlags',
    r => ({ domain: readDomain(r), kib: r.exactU64(), flags: r.u32() }),
    ({ domain, kib, flags }, session) => setMemory(session, domain, kib, flags, 'virDomainSetMemoryFlags'),
    { changes: true },
  ),
  [PROCEDURE.setMemoryStatsPeriod]: procedure(
    'virDomainSetMemoryStatsPeriod',
    r => ({ domain: readDomain(r), seconds: r.i32(), flags: r.u32() }),
    setPeriod,
    { changes: true },
  ),
};

type DomainAnswer = (domain: Domain, session: Session) => Promise<Reply>;

function domainProcedure(name: string, answer: DomainAnswer): Procedure {
  return procedure(name, readDomain, (ref, session) => answer(session.hypervisor.domain(ref), session));
}

/** A procedure that takes a domain and a flags word, of which `known` bits may be set. */
function flaggedProcedure(
  name: string,
  known: number,
  answer: (domain: Domain, flags: number, session: Session) => Promise<Reply>,
): Procedure {
  return procedure(
    name,
    (r: XdrReader) => ({ ref: readDomain(r), flags: r.u32() }),
    async ({ ref, flags }, session) => {
      requireKnownFlags(flags, known, name);
      return answer(session.hypervisor.domain(ref), flags, session);
    },
  );
}

function constant(name: string, value: number): Procedure {
  return domainProcedure(name, async (domain, session) => {
    await byUuid(session.hypervisor, domain.uuid);
    return writer => void writer.i32(value);
  });
}

function flaggedConstant(name: string, value: number): Procedure {
  return flaggedProcedure(name, 0, async (domain, _, session) => {
    await byUuid(session.hypervisor, domain.uuid);
    return writer => void writer.i32(value);
  });
}

async function metadataOf(
  domain: Domain,
  type: number,
  uri: string | undefined,
): Promise<string | undefined> {
  if (type === METADATA_TITLE) return parseDomainXml(await domain.xml()).title;
  return type === METADATA_ELEMENT && uri !== undefined ? domain.metadata?.(uri) : undefined;
}

async function domainXml(domain: Domain, flags: number, { hypervisor, opened }: Session): Promise<Reply> {
  if ((flags & XML.secure) !== 0 && opened?.readOnly) {
    throw refused(
      'OPERATION_DENIED',
      VIR_ERR.operationDenied,
      'operation forbidden: virDomainGetXMLDesc with secure flag',
    );
  }
  // The drivers give one XML: that of the running domain while it runs.
  if ((flags & XML.inactive) !== 0 && (await byUuid(hypervisor, domain.uuid)).id >= 0)
    requireKnownFlags(XML.inactive, 0, 'virDomainGetXMLDesc');
  const xml = await domain.xml();
  return writer => void writer.string(xml);
}

async function setMemory(
  { hypervisor }: Session,
  ref: DomainRef,
  kib: number | undefined,
  flags: number,
  name: string,
): Promise<undefined> {
  requireKnownFlags(flags, AFFECT.live | AFFECT.config | AFFECT.maximum, name);
  if (kib === 0) {
    throw refused('VALUE_OUT_OF_RANGE', VIR_ERR.invalidArgument, `memory in ${name} must not be zero`);
  }
  if (kib === undefined) {
    throw refused(
      'VALUE_OUT_OF_RANGE',
      VIR_ERR.invalidArgument,
      'invalid argument: cannot set memory higher than max memory',
    );
  }
  const live = (flags & AFFECT.live) !== 0 || (flags === 0 && (await byUuid(hypervisor, ref.uuid)).id >= 0);
  if (!live || (flags & (AFFECT.config | AFFECT.maximum)) !== 0) {
    throw refused(
      'OPERATION_UNSUPPORTED',
      VIR_ERR.operationUnsupported,
      'Operation not supported: only the balloon of a running domain can be set',
    );
  }
  await hypervisor.domain(ref).setMemory(kib, { live: true });
  return undefined;
}

async function setPeriod(
  {
    domain: ref,
    seconds,
    flags,
  }: { readonly domain: DomainRef; readonly seconds: number; readonly flags: number },
  { hypervisor }: Session,
): Promise<undefined> {
  requireKnownFlags(flags, AFFECT.live | AFFECT.config, 'virDomainSetMemoryStatsPeriod');
  if (seconds < 0) {
    throw refused(
      'VALUE_OUT_OF_RANGE',
      VIR_ERR.invalidArgument,
      'period in virDomainSetMemoryStatsPeriod must be zero or greater',
    );
  }
  const domain = hypervisor.domain(ref);
  const affects: Affect[] = [];
  if ((flags & AFFECT.live) !== 0) affects.push('live');
  if ((flags & AFFECT.config) !== 0) affects.push('config');
  for (const affect of affects.length === 0 ? (['current'] as const) : affects)
    await domain.setMemoryStatsPeriod(seconds, { affect });
  return undefined;
}
