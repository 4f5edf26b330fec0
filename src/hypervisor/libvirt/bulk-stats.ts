/**
 * Bulk statistics: one record of typed parameters a domain. This is the hot path, so it avoids decoding what it has
 * decoded before: field names repeat from record to record, and a reply names the domains that were asked for.
 */
import type { DomainRef, DomainStats, StatValue } from '../driver.ts';
import type { Layouts } from './bulk-params.ts';
import { BulkParams, Layout } from './bulk-params.ts';
import type { WireDomain } from './structures.ts';
import { DOMAIN_MIN_BYTES, FIELD_NAME_MAX_BYTES, outOfRange, readDomain } from './structures.ts';
import type { InternedString, XdrReader } from './xdr.ts';
import { malformed } from './xdr.ts';

/** libvirt allows 262144 parameters a domain; the groups that we ask for have about 20. */
const PARAMS_MAX = 1024;
const TEXT_VALUE_MAX_BYTES = 64 * 1024;
/** Name length word, type word, the smallest value. */
const PARAM_MIN_BYTES = 12;
const RECORD_MIN_BYTES = DOMAIN_MIN_BYTES + 4;

/** Type words of libvirt's typed parameters (`virTypedParameterType`). */
export const PARAM_TYPE = { int: 1, uint: 2, llong: 3, ullong: 4, double: 5, boolean: 6, string: 7 } as const;

/**
 * Reads the records of one reply. A value above 2^53-1 is left out of its record, whose `error` says so: guests choose
 * some of the values, and one of them must not be able to spoil the others' records.
 *
 * @throws BallonetError PROTOCOL
 */
export function readBulkStats(
  reader: XdrReader,
  layouts: Layouts,
  asked: readonly WireDomain[],
): DomainStats[] {
  const count = reader.count(asked.length, RECORD_MIN_BYTES);
  const records: DomainStats[] = [];
  for (let i = 0; i < count; i++) records.push(readRecord(reader, layouts, asked[i]));
  return records;
}

function readRecord(reader: XdrReader, layouts: Layouts, expected: WireDomain | undefined): DomainStats {
  const domain = expected && reader.skipIfEqual(expected.bytes) ? expected.ref : readDomain(reader);
  const count = reader.count(PARAMS_MAX, PARAM_MIN_BYTES);
  const known = layouts.get(count);
  /** Made when a name is not the known layout's. */
  let names: InternedString[] | undefined;
  const values: StatValue[] = [];
  /** Places of values that cannot be had. */
  let lost: number[] | undefined;
  for (let i = 0; i < count; i++) {
    const name = reader.interned(known?.names[i], FIELD_NAME_MAX_BYTES);
    if (name !== known?.names[i]) names ??= known?.names.slice(0, i) ?? [];
    names?.push(name);
    const value = readValue(reader);
    if (value === undefined) {
      lost ??= [];
      lost.push(i);
    }
    values.push(value ?? 0);
  }
  const layout = known && !names ? known : layouts.keep(new Layout(names ?? []));
  return lost
    ? withoutLost(domain, layout, values, lost)
    : { domain, params: new BulkParams(layout, values) };
}

function withoutLost(
  domain: DomainRef,
  layout: Layout,
  values: readonly StatValue[],
  lost: readonly number[],
): DomainStats {
  const names = lost.map(place => layout.names[place]?.text).join(', ');
  const params = new Map(new BulkParams(layout, values));
  for (const [name, place] of layout.places) if (lost.includes(place)) params.delete(name);
  return { domain, params, error: outOfRange(`${names} of ${domain.name}`) };
}

function readValue(reader: XdrReader): StatValue | undefined {
  const type = reader.i32();
  switch (type) {
    case PARAM_TYPE.int:
      return reader.i32();
    case PARAM_TYPE.uint:
      return reader.u32();
    case PARAM_TYPE.llong:
      return reader.exactI64();
    case PARAM_TYPE.ullong:
      return reader.exactU64();
    case PARAM_TYPE.double:
      return reader.f64();
    case PARAM_TYPE.boolean:
      return reader.i32() !== 0;
    case PARAM_TYPE.string:
      return reader.string(TEXT_VALUE_MAX_BYTES);
    default:
      throw malformed(`${type} is not a parameter type`);
  }
}
