/**
 * The procedures of libvirt's remote program that Ballonet calls: number, arguments and result of each. All of them are
 * old (libvirt 1.3.3 and before), since the protocol only ever grows. Source: libvirt 9.0.0, src/remote/remote_protocol.x.
 */
import type { MemoryStat } from '../../model/memory-stats.ts';
import type { Kib, Seconds } from '../../model/units.ts';
import type { Affect, DomainInfo, DomainRef, DomainStats, NodeMemory } from '../driver.ts';
import type { Layouts } from './bulk-params.ts';
import { readBulkStats } from './bulk-stats.ts';
import type { Call } from './call.ts';
import type { DomainListMemory } from './domain-list.ts';
import { readDomainList } from './domain-list.ts';
import { AFFECT_FLAGS, JOB_FIGURES, JOB_TYPE, METADATA_ELEMENT, PROCEDURE } from './numbers.ts';
import { LIBVIRT_ERROR } from './remote-error.ts';
import type { WireDomain } from './structures.ts';
import {
  readDomain,
  readDomainInfo,
  readMemoryStats,
  readNodeMemory,
  uuidBytes,
  writeDomain,
} from './structures.ts';

const OPEN_READ_ONLY = 1;
const AUTH_TYPES_MAX = 20;
/** All domains of NUMA nodes together (`VIR_NODE_MEMORY_STATS_ALL_CELLS`). */
const ALL_CELLS = -1;

function nothing(): void {}

export function authList(): Call<number[]> {
  return {
    procedure: PROCEDURE.authList,
    name: 'AUTH_LIST',
    read: r => r.array(AUTH_TYPES_MAX, 4, item => item.i32()),
  };
}

export function authPolkit(): Call<boolean> {
  return { procedure: PROCEDURE.authPolkit, name: 'AUTH_POLKIT', read: r => r.i32() !== 0 };
}

export function supportsFeature(feature: number): Call<boolean> {
  return {
    procedure: PROCEDURE.supportsFeature,
    name: 'CONNECT_SUPPORTS_FEATURE',
    write: w => w.i32(feature),
    read: r => r.i32() !== 0,
  };
}

export function open(uri: string, readOnly: boolean): Call<void> {
  return {
    procedure: PROCEDURE.open,
    name: 'CONNECT_OPEN',
    write: w => w.optional(uri, (writer, text) => writer.string(text)).u32(readOnly ? OPEN_READ_ONLY : 0),
    read: nothing,
    // VIR_ERR_RPC is what the server says to one that has not logged in.
    refusals: {
      [LIBVIRT_ERROR.rpc]: 'HYPERVISOR_DENIED',
      [LIBVIRT_ERROR.operationDenied]: 'HYPERVISOR_DENIED',
      [LIBVIRT_ERROR.accessDenied]: 'HYPERVISOR_DENIED',
    },
    otherwise: 'HYPERVISOR_UNREACHABLE',
  };
}

export function close(): Call<void> {
  return { procedure: PROCEDURE.close, name: 'CONNECT_CLOSE', read: nothing };
}

/** A version as libvirt packs it: major * 1000000 + minor * 1000 + release. */
export function libraryVersion(): Call<bigint> {
  return { procedure: PROCEDURE.getLibVersion, name: 'CONNECT_GET_LIB_VERSION', read: r => r.u64() };
}

export function registerEvent(event: number): Call<number> {
  return {
    procedure: PROCEDURE.eventRegister,
    name: 'CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY',
    write: w => w.i32(event).bool(false),
    read: r => r.i32(),
  };
}

export function registerCloseCallback(): Call<void> {
  return {
    procedure: PROCEDURE.registerCloseCallback,
    name: 'CONNECT_REGISTER_CLOSE_CALLBACK',
    read: nothing,
  };
}

export function listAllDomains(flags: number): Call<DomainRef[]> {
  return {
    procedure: PROCEDURE.listAllDomains,
    name: 'CONNECT_LIST_ALL_DOMAINS',
    write: w => w.i32(1).u32(flags),
    read: r => readDomainList(r, readDomain),
  };
}

/** As `listAllDomains`, for bulk calls: cheap while the list does not change. */
export function listWireDomains(flags: number, memory: DomainListMemory): Call<readonly WireDomain[]> {
  return { ...listAllDomains(flags), read: r => memory.read(r) };
}

export function lookupById(id: number): Call<DomainRef> {
  return {
    procedure: PROCEDURE.lookupById,
    name: 'DOMAIN_LOOKUP_BY_ID',
    write: w => w.i32(id),
    read: readDomain,
  };
}

export function lookupByName(name: string): Call<DomainRef> {
  return {
    procedure: PROCEDURE.lookupByName,
    name: 'DOMAIN_LOOKUP_BY_NAME',
    write: w => w.string(name),
    read: readDomain,
  };
}

export function lookupByUuid(uuid: string): Call<DomainRef> {
  return {
    procedure: PROCEDURE.lookupByUuid,
    name: 'DOMAIN_LOOKUP_BY_UUID',
    write: w => w.opaque(uuidBytes(uuid)),
    read: readDomain,
  };
}

export function domainXml(domain: DomainRef): Call<string> {
  return {
    procedure: PROCEDURE.domainGetXml,
    name: 'DOMAIN_GET_XML_DESC',
    write: w => {
      writeDomain(w, domain);
      w.u32(0);
    },
    read: r => r.string(),
  };
}

/** The element of a namespace in the live metadata. */
export function domainMetadata(domain: DomainRef, namespace: string): Call<string> {
  return {
    procedure: PROCEDURE.domainGetMetadata,
    name: 'DOMAIN_GET_METADATA',
    write: w => {
      writeDomain(w, domain);
      w.i32(METADATA_ELEMENT)
        .optional(namespace, (writer, text) => writer.string(text))
        .u32(AFFECT_FLAGS.live);
    },
    read: r => r.string(),
  };
}

/** Sets the element of a namespace in the live metadata; without an element takes it out. */
export function setDomainMetadata(
  domain: DomainRef,
  namespace: string,
  prefix: string,
  element: string | undefined,
): Call<void> {
  return {
    procedure: PROCEDURE.domainSetMetadata,
    name: 'DOMAIN_SET_METADATA',
    write: w => {
      writeDomain(w, domain);
      w.i32(METADATA_ELEMENT);
      for (const text of [element, prefix, namespace])
        w.optional(text, (writer, value) => writer.string(value));
      w.u32(AFFECT_FLAGS.live);
    },
    read: nothing,
  };
}

export function domainInfo(domain: DomainRef): Call<DomainInfo> {
  return {
    procedure: PROCEDURE.domainGetInfo,
    name: 'DOMAIN_GET_INFO',
    write: w => writeDomain(w, domain),
    read: readDomainInfo,
  };
}

/** True while a job is under way: `virDomainGetJobInfo` says of which kind, and none or a finished one otherwise. */
export function domainJob(domain: DomainRef): Call<boolean> {
  return {
    procedure: PROCEDURE.domainGetJobInfo,
    name: 'DOMAIN_GET_JOB_INFO',
    write: w => writeDomain(w, domain),
    read: r => {
      const type = r.i32();
      for (let i = 0; i < JOB_FIGURES; i++) r.u64();
      return type === JOB_TYPE.bounded || type === JOB_TYPE.unbounded;
    },
  };
}

export function memoryStats(domain: DomainRef, maxStats: number, flags: number): Call<MemoryStat[]> {
  return {
    procedure: PROCEDURE.memoryStats,
    name: 'DOMAIN_MEMORY_STATS',
    write: w => {
      writeDomain(w, domain);
      w.u32(maxStats).u32(flags);
    },
    read: r => readMemoryStats(r, maxStats),
  };
}

/** Always AFFECT_LIVE: with 0 or AFFECT_CONFIG libvirt could make the squeezed size the size to boot with. */
export function setMemoryLive(domain: DomainRef, kib: Kib): Call<void> {
  return {
    procedure: PROCEDURE.setMemoryFlags,
    name: 'DOMAIN_SET_MEMORY_FLAGS',
    write: w => {
      writeDomain(w, domain);
      w.u64(kib).u32(AFFECT_FLAGS.live);
    },
    read: nothing,
    // INVALID_ARG is what libvirt says of an amount that is 0 or above the maximum.
    refusals: { [LIBVIRT_ERROR.invalidArgument]: 'VALUE_OUT_OF_RANGE' },
  };
}

export function setMemoryStatsPeriod(domain: DomainRef, seconds: Seconds, affect: Affect): Call<void> {
  return {
    procedure: PROCEDURE.setMemoryStatsPeriod,
    name: 'DOMAIN_SET_MEMORY_STATS_PERIOD',
    write: w => {
      writeDomain(w, domain);
      w.i32(seconds).u32(AFFECT_FLAGS[affect]);
    },
    read: nothing,
  };
}

/** How many figures `nodeMemory` must ask for; libvirt refuses any other number. */
export function nodeMemoryCount(): Call<number> {
  return {
    procedure: PROCEDURE.nodeGetMemoryStats,
    name: 'NODE_GET_MEMORY_STATS',
    write: w => w.i32(0).i32(ALL_CELLS).u32(0),
    read: r => {
      r.count(0, 12);
      return r.i32();
    },
  };
}

export function nodeMemory(count: number): Call<NodeMemory> {
  return {
    procedure: PROCEDURE.nodeGetMemoryStats,
    name: 'NODE_GET_MEMORY_STATS',
    write: w => w.i32(count).i32(ALL_CELLS).u32(0),
    read: readNodeMemory,
  };
}

export function allDomainStats(
  asked: readonly WireDomain[],
  groups: number,
  flags: number,
  layouts: Layouts,
): Call<DomainStats[]> {
  return {
    procedure: PROCEDURE.getAllDomainStats,
    name: 'CONNECT_GET_ALL_DOMAIN_STATS',
    write: w =>
      w
        .array(asked, (writer, domain) => writer.opaque(domain.bytes))
        .u32(groups)
        .u32(flags),
    read: r => readBulkStats(r, layouts, asked),
  };
}
