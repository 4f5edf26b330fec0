/** Calls that are refused, by this server and by libvirtd. */

import type { DomainRef } from '../../src/hypervisor/driver.ts';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import { BULK, SERVED } from '../../src/hypervisor/server/numbers.ts';
import type { FrameParts } from './fake-client.ts';
import type { SeenRefusal, ServeClient, Write } from './serve-client.ts';

/** `virErrorDomain`: the RPC layer, libvirt's test driver, the API's own checks. */
export const [RPC, DOMAIN] = [7, 20];
const TEST = 12;

export interface RefusalCase {
  readonly what: string;
  readonly procedure: number;
  /** Arguments, after a domain's where `domain` is set. */
  readonly write?: Write;
  readonly domain?: true;
  /** What is not right in the header. */
  readonly parts?: FrameParts;
  /** `virErrorNumber`. */
  readonly number: number;
  /** `virErrorDomain`, where both sides say the same. */
  readonly origin?: number;
  /** libvirtd does otherwise, and why. */
  readonly unlike?: string;
}

const { setMemoryFlags, getAllDomainStats, eventRegister } = PROCEDURE;

export const REFUSALS: readonly RefusalCase[] = [
  { what: 'a procedure past the last', procedure: 9999, number: 39, origin: RPC },
  { what: 'procedure 0', procedure: 0, number: 39, origin: RPC },
  { what: 'a negative procedure', procedure: -3, number: 39, origin: RPC },
  {
    what: 'a procedure that is not served',
    procedure: 34,
    number: 3,
    origin: DOMAIN,
    unlike: 'its drivers suspend domains',
  },
  { what: 'an unknown program', procedure: 3, parts: { program: 0x1234_5678 }, number: 39, origin: RPC },
  { what: 'another version', procedure: 3, parts: { version: 2 }, number: 39, origin: RPC },
  { what: 'a call with the status of an error', procedure: 3, parts: { status: 1 }, number: 39, origin: RPC },
  {
    what: 'arguments cut short',
    procedure: PROCEDURE.lookupByName,
    write: w => w.u32(50),
    number: 39,
    origin: RPC,
  },
  {
    what: 'arguments too long',
    procedure: SERVED.getType,
    write: w => w.u32(1),
    number: 39,
    origin: RPC,
    unlike: 'it does not look past what it needs',
  },
  {
    what: 'a second open',
    procedure: PROCEDURE.open,
    write: w => w.bool(false).u32(0),
    number: 1,
    origin: RPC,
  },
  {
    what: 'a login',
    procedure: SERVED.authSaslInit,
    number: 45,
    origin: RPC,
  },
  {
    what: 'a name that nobody has',
    procedure: PROCEDURE.lookupByName,
    write: w => w.string('nope'),
    number: 42,
    origin: TEST,
  },
  {
    what: 'an id that nobody has',
    procedure: PROCEDURE.lookupById,
    write: w => w.i32(77),
    number: 42,
    origin: TEST,
  },
  {
    what: 'a uuid that nobody has',
    procedure: PROCEDURE.lookupByUuid,
    write: w => w.opaque(Buffer.alloc(16)),
    number: 42,
    origin: TEST,
  },
  { what: 'no memory', procedure: setMemoryFlags, domain: true, write: w => w.u64(0).u32(1), number: 8 },
  {
    what: 'more than the maximum',
    procedure: setMemoryFlags,
    domain: true,
    write: w => w.u64(2 ** 40).u32(1),
    number: 8,
    origin: TEST,
  },
  {
    what: 'more than can be counted',
    procedure: setMemoryFlags,
    domain: true,
    write: w => w.u64(2n ** 64n - 1n).u32(1),
    number: 8,
    unlike: 'it has another number for what does not fit in bytes',
  },
  {
    what: 'unknown flags',
    procedure: setMemoryFlags,
    domain: true,
    write: w => w.u64(1024).u32(256),
    number: 8,
    origin: TEST,
  },
  {
    what: 'the stored size',
    procedure: setMemoryFlags,
    domain: true,
    write: w => w.u64(1024).u32(2),
    number: 84,
    unlike: 'its drivers store it',
  },
  {
    what: 'a negative period',
    procedure: PROCEDURE.setMemoryStatsPeriod,
    domain: true,
    write: w => w.i32(-1).u32(1),
    number: 8,
  },
  {
    what: 'flags for statistics',
    procedure: PROCEDURE.memoryStats,
    domain: true,
    write: w => w.u32(13).u32(1),
    number: 8,
    origin: TEST,
  },
  {
    what: 'too many statistics',
    procedure: PROCEDURE.memoryStats,
    domain: true,
    write: w => w.u32(1025).u32(0),
    number: 1,
    origin: RPC,
  },
  {
    what: 'unknown list flags',
    procedure: PROCEDURE.listAllDomains,
    write: w => w.i32(1).u32(2 ** 30),
    number: 8,
    origin: TEST,
  },
  {
    what: 'unknown bulk flags',
    procedure: getAllDomainStats,
    write: w => w.u32(0).u32(1).u32(256),
    number: 8,
    origin: TEST,
  },
  {
    what: 'groups that nobody has, enforced',
    procedure: getAllDomainStats,
    write: w =>
      w
        .u32(0)
        .u32(2 ** 20)
        .u32(BULK.enforce),
    number: 74,
    origin: TEST,
  },
  {
    what: 'more names than bytes',
    procedure: getAllDomainStats,
    write: w => w.u32(5).u32(0).u32(0),
    number: 39,
    origin: RPC,
  },
  {
    what: 'unknown XML flags',
    procedure: PROCEDURE.domainGetXml,
    domain: true,
    write: w => w.u32(4096),
    number: 8,
    origin: TEST,
  },
  {
    what: 'flags for a state',
    procedure: SERVED.domainGetState,
    domain: true,
    write: w => w.u32(1),
    number: 8,
    origin: TEST,
  },
  {
    what: 'an unknown event',
    procedure: eventRegister,
    write: w => w.i32(999).bool(false),
    number: 1,
    origin: RPC,
  },
  {
    what: 'a negative event',
    procedure: eventRegister,
    write: w => w.i32(-1).bool(false),
    number: 1,
    origin: RPC,
  },
  {
    what: 'a callback that is not there',
    procedure: SERVED.eventDeregister,
    write: w => w.i32(999),
    number: 1,
    origin: RPC,
  },
  {
    what: 'node figures by a wrong number',
    procedure: PROCEDURE.nodeGetMemoryStats,
    write: w => w.i32(3).i32(-1).u32(0),
    number: 8,
    unlike: 'its test driver has no such figures',
  },
  {
    what: 'metadata that is not there',
    procedure: PROCEDURE.domainGetMetadata,
    domain: true,
    write: w => w.i32(0).bool(false).u32(0),
    number: 80,
    origin: DOMAIN,
  },
];

/** Makes the call of a case, and gives the refusal. */
export function refusalOf(
  client: ServeClient,
  { procedure, write, domain, parts }: RefusalCase,
  ref: DomainRef,
): Promise<SeenRefusal> {
  return client.refusal(
    procedure,
    writer => {
      if (domain) writeDomain(writer, ref);
      write?.(writer);
    },
    parts,
  );
}
