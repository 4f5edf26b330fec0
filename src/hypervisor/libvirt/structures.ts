/**
 * The structures that libvirt's messages are made of. Sizes are the least that an item can take on the wire; limits are
 * our own, at or below those of the protocol.
 */
import { BallonetError } from '../../model/errors.ts';
import type { MemoryStat } from '../../model/memory-stats.ts';
import type { DomainInfo, DomainRef, DomainState, NodeMemory } from '../driver.ts';
import { DOMAIN_STATES } from '../driver.ts';
import { uuidText } from '../uuid.ts';
import type { XdrReader } from './xdr.ts';
import { malformed, XdrWriter } from './xdr.ts';

/** `REMOTE_DOMAIN_LIST_MAX` of libvirt 9.0.0. */
export const DOMAIN_LIST_MAX = 16_384;
/** Domain names are file names in every driver that keeps them on disk; this leaves room for those that do not. */
const DOMAIN_NAME_MAX_BYTES = 4096;
const UUID_BYTES = 16;
/** Name length word, uuid, id. */
export const DOMAIN_MIN_BYTES = 4 + UUID_BYTES + 4;
const ERROR_TEXT_MAX_BYTES = 256 * 1024;
/** `VIR_NODE_MEMORY_STATS_FIELD_LENGTH` is 80. */
export const FIELD_NAME_MAX_BYTES = 79;

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isUuid(text: string): boolean {
  return UUID_TEXT.test(text);
}

/** @throws BallonetError DOMAIN_NOT_FOUND when the text is no uuid, since then no domain can have it */
export function uuidBytes(uuid: string): Buffer {
  if (!isUuid(uuid)) throw new BallonetError('DOMAIN_NOT_FOUND', `'${uuid}' is not a uuid`);
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

export function readUuid(reader: XdrReader): string {
  return uuidText(reader.opaque(UUID_BYTES).toString('hex'));
}

export function readDomain(reader: XdrReader): DomainRef {
  return { name: reader.string(DOMAIN_NAME_MAX_BYTES), uuid: readUuid(reader), id: reader.i32() };
}

export function writeDomain(writer: XdrWriter, domain: DomainRef): void {
  writer.string(domain.name, DOMAIN_NAME_MAX_BYTES).opaque(uuidBytes(domain.uuid)).i32(domain.id);
}

/** A domain with its bytes on the wire, for calls that name thousands of them. */
export interface WireDomain {
  readonly ref: DomainRef;
  readonly bytes: Uint8Array;
}

export function toWireDomain(ref: DomainRef): WireDomain {
  const writer = new XdrWriter();
  writeDomain(writer, ref);
  return { ref, bytes: writer.bytes() };
}

/** `remote_error`: the parts of it that are of use. */
export interface RemoteError {
  readonly code: number;
  readonly message: string;
}

export function readRemoteError(reader: XdrReader): RemoteError {
  const code = reader.i32();
  reader.i32(); // domain: which part of libvirt raised it
  const message = reader.optional(readErrorText);
  reader.i32(); // level
  reader.optional(readDomain);
  for (let i = 0; i < 3; i++) reader.optional(readErrorText);
  reader.i32();
  reader.i32();
  reader.optional(network => {
    network.string(DOMAIN_NAME_MAX_BYTES);
    network.opaque(UUID_BYTES);
  });
  return { code, message: message ?? 'no message' };
}

function readErrorText(reader: XdrReader): string {
  return reader.string(ERROR_TEXT_MAX_BYTES);
}

/** @throws BallonetError VALUE_OUT_OF_RANGE when a value is above 2^53-1; a guest can bring that about */
export function readMemoryStats(reader: XdrReader, maxStats: number): MemoryStat[] {
  const tooLarge: number[] = [];
  const stats = reader.array(maxStats, 12, item => {
    const tag = item.i32();
    const value = item.exactU64();
    if (value === undefined) tooLarge.push(tag);
    return { tag, value: value ?? 0 };
  });
  if (tooLarge.length > 0) throw outOfRange(`memory statistic ${tooLarge.join(', ')}`);
  return stats;
}

function readDomainState(reader: XdrReader): DomainState {
  const number = reader.u32();
  const state = DOMAIN_STATES[number];
  if (state === undefined) throw malformed(`${number} is not a domain state`);
  return state;
}

/** @throws BallonetError VALUE_OUT_OF_RANGE as `readMemoryStats` */
export function readDomainInfo(reader: XdrReader): DomainInfo {
  // `unsigned char` and `unsigned short` take a whole word each: rpcgen knows no smaller item.
  const state = readDomainState(reader);
  const maxMemKib = reader.exactU64();
  const memoryKib = reader.exactU64();
  const vcpus = reader.u32();
  const cpuTimeNs = reader.u64();
  if (maxMemKib === undefined || memoryKib === undefined) throw outOfRange("the domain's memory size");
  return { state, maxMemKib, memoryKib, vcpus, cpuTimeNs };
}

/** Node memory statistics by libvirt's field names (`VIR_NODE_MEMORY_STATS_*`). */
export function readNodeMemory(reader: XdrReader): NodeMemory {
  const fields = new Map<string, number>();
  const count = reader.count(1024, 12);
  for (let i = 0; i < count; i++) {
    const name = reader.string(FIELD_NAME_MAX_BYTES);
    const value = reader.exactU64();
    if (value === undefined) throw outOfRange(`the host's memory figure ${name}`);
    fields.set(name, value);
  }
  reader.i32(); // how many fields there are; it repeats the count
  const [totalKib, freeKib, buffersKib, cachedKib] = ['total', 'free', 'buffers', 'cached'].map(name =>
    fields.get(name),
  );
  if (totalKib === undefined) {
    throw new BallonetError('OPERATION_UNSUPPORTED', "the hypervisor does not tell the host's total memory");
  }
  return {
    totalKib,
    ...(freeKib !== undefined && { freeKib }),
    ...(buffersKib !== undefined && { buffersKib }),
    ...(cachedKib !== undefined && { cachedKib }),
  };
}

export function outOfRange(what: string): BallonetError {
  return new BallonetError('VALUE_OUT_OF_RANGE', `${what} is above 2^53-1 and was not taken`);
}
