/**
 * Records of typed parameters. A bulk reply has thousands of parameters of a dozen names, and the next one is of the same
 * domains, so each name and each domain is encoded once.
 */
import type { DomainRef, DomainStats, StatValue } from '../driver.ts';
import { PARAM_TYPE } from '../libvirt/bulk-stats.ts';
import type { WireDomain } from '../libvirt/structures.ts';
import { DOMAIN_LIST_MAX, FIELD_NAME_MAX_BYTES, toWireDomain } from '../libvirt/structures.ts';
import { XdrWriter } from '../libvirt/xdr.ts';

type ParamType = (typeof PARAM_TYPE)[keyof typeof PARAM_TYPE];

/** Names come from drivers and are few; a driver that makes up new ones all the time must not fill the memory. */
const PREFIXES_MAX = 1024;
const INT_MAX = 2 ** 31 - 1;

export class BulkWriter {
  /** Name and type as they are on the wire, by name, one for each type seen. */
  readonly #prefixes = new Map<string, Map<ParamType, Uint8Array>>();

  /** By uuid. */
  readonly #domains = new Map<string, WireDomain>();

  /** @param wanted which parameters of the records go out */
  write(writer: XdrWriter, records: readonly DomainStats[], wanted: (name: string) => boolean): void {
    const wantedNames = new Map<string, boolean>();
    writer.array(records, (_, { domain, params }) => {
      writer.opaque(this.#domain(domain));
      const sent: [name: string, value: StatValue][] = [];
      for (const entry of params) {
        const [name] = entry;
        let wants = wantedNames.get(name);
        if (wants === undefined) {
          wants = wanted(name) && Buffer.byteLength(name) <= FIELD_NAME_MAX_BYTES;
          wantedNames.set(name, wants);
        }
        if (wants) sent.push(entry);
      }
      writer.u32(sent.length);
      for (const [name, value] of sent) this.#param(writer, name, value);
    });
  }

  #domain({ name, uuid, id }: DomainRef): Uint8Array {
    const known = this.#domains.get(uuid);
    if (known?.ref.name === name && known.ref.id === id) return known.bytes;
    if (this.#domains.size >= DOMAIN_LIST_MAX) this.#domains.clear();
    const domain = toWireDomain({ name, uuid, id });
    this.#domains.set(uuid, domain);
    return domain.bytes;
  }

  #param(writer: XdrWriter, name: string, value: StatValue): void {
    const type = typeOf(name, value);
    writer.opaque(this.#prefix(name, type));
    if (typeof value === 'string') writer.string(value);
    else if (typeof value === 'boolean') writer.bool(value);
    else if (type === PARAM_TYPE.int) writer.i32(value);
    else if (type === PARAM_TYPE.ullong) writer.u64(value);
    else if (type === PARAM_TYPE.llong) writer.i64(value);
    else writer.f64(value);
  }

  #prefix(name: string, type: ParamType): Uint8Array {
    let byType = this.#prefixes.get(name);
    if (!byType) {
      if (this.#prefixes.size >= PREFIXES_MAX) this.#prefixes.clear();
      byType = new Map();
      this.#prefixes.set(name, byType);
    }
    let prefix = byType.get(type);
    if (!prefix) {
      prefix = new XdrWriter().string(name, FIELD_NAME_MAX_BYTES).i32(type).bytes();
      byType.set(type, prefix);
    }
    return prefix;
  }
}

/** The type that libvirt gives a parameter of this name: states and reasons are ints, amounts unsigned 64-bit. */
function typeOf(name: string, value: StatValue): ParamType {
  if (typeof value === 'string') return PARAM_TYPE.string;
  if (typeof value === 'boolean') return PARAM_TYPE.boolean;
  // Whole numbers that 64 bits do not hold are doubles too: one odd figure must not cost all records.
  if (!Number.isInteger(value) || value >= 2 ** 64 || value < -(2 ** 63)) return PARAM_TYPE.double;
  if (name.startsWith('state.') && Math.abs(value) <= INT_MAX) return PARAM_TYPE.int;
  return value < 0 ? PARAM_TYPE.llong : PARAM_TYPE.ullong;
}
