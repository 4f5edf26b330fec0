/** The domains of a fake daemon, and their bytes on the wire. */
import type { DomainRef } from '../../src/hypervisor/driver.ts';
import { PARAM_TYPE } from '../../src/hypervisor/libvirt/bulk-stats.ts';
import { uuidBytes, writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import { XdrReader, XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import { GiB, KiB } from '../../src/model/units.ts';

export interface FakeDomain extends DomainRef {
  memoryKib: number;
  periodSeconds: number;
}

export const MAX_KIB = (2 * GiB) / KiB;

/** Bulk keys in the order in which libvirt's QEMU driver gives them. */
const BALLOON_KEYS = [
  'balloon.current',
  'balloon.maximum',
  'balloon.swap_in',
  'balloon.swap_out',
  'balloon.major_fault',
  'balloon.minor_fault',
  'balloon.unused',
  'balloon.available',
  'balloon.usable',
  'balloon.last-update',
  'balloon.disk_caches',
  'balloon.hugetlb_pgalloc',
  'balloon.hugetlb_pgfail',
  'balloon.rss',
] as const;

export class FakeHost {
  readonly domains: FakeDomain[];
  readonly #byUuid: Map<string, number>;
  #list: Buffer | undefined;
  #bulk: { readonly bytes: Buffer; readonly starts: readonly number[] } | undefined;

  constructor(count: number) {
    this.domains = Array.from({ length: count }, (_, i) => ({
      name: `instance-${i.toString(16).padStart(8, '0')}`,
      uuid: `ba110000-0000-4000-8000-${i.toString(16).padStart(12, '0')}`,
      id: i + 1,
      memoryKib: MAX_KIB,
      periodSeconds: 0,
    }));
    this.#byUuid = new Map(this.domains.map(({ uuid }, i) => [key(uuidBytes(uuid)), i]));
  }

  /** By uuid alone, as libvirt's server looks domains up. */
  read(reader: XdrReader): FakeDomain | undefined {
    return this.domains[this.#index(reader) ?? -1];
  }

  setMemory(domain: FakeDomain, kib: number): void {
    domain.memoryKib = kib;
    this.#bulk = undefined;
  }

  list(): Buffer {
    if (!this.#list) {
      const writer = new XdrWriter();
      writer.array(this.domains, writeDomain).u32(this.domains.length);
      this.#list = writer.bytes();
    }
    return this.#list;
  }

  /** The records of the domains that a bulk request names, or of all when it names none. */
  bulk(request: Buffer): Buffer[] {
    this.#bulk ??= this.#encodeBulk();
    const { bytes, starts } = this.#bulk;
    const reader = new XdrReader(request);
    const indices: number[] = [];
    const count = reader.u32();
    for (let i = 0; i < count; i++) {
      const index = this.#index(reader);
      if (index !== undefined) indices.push(index);
    }
    if (count === 0) return [counted(this.domains.length), bytes];
    const first = indices[0] ?? 0;
    if (indices.every((index, i) => index === first + i)) {
      return [counted(indices.length), bytes.subarray(starts[first], starts[first + indices.length])];
    }
    return [
      counted(indices.length),
      ...indices.map(index => bytes.subarray(starts[index], starts[index + 1])),
    ];
  }

  #index(reader: XdrReader): number | undefined {
    reader.string();
    const index = this.#byUuid.get(key(reader.opaque(16)));
    reader.i32();
    return index;
  }

  #encodeBulk(): { readonly bytes: Buffer; readonly starts: readonly number[] } {
    const writer = new XdrWriter();
    const starts = [0];
    for (const domain of this.domains) {
      writeDomain(writer, domain);
      writer.u32(2 + BALLOON_KEYS.length);
      for (const name of ['state.state', 'state.reason']) writer.string(name).i32(PARAM_TYPE.int).i32(1);
      for (const name of BALLOON_KEYS) writer.string(name).i32(PARAM_TYPE.ullong).u64(figure(domain, name));
      starts.push(writer.bytes().length);
    }
    return { bytes: writer.bytes(), starts };
  }
}

function figure(domain: FakeDomain, name: (typeof BALLOON_KEYS)[number]): number {
  if (name === 'balloon.current') return domain.memoryKib;
  if (name === 'balloon.maximum') return MAX_KIB;
  return MAX_KIB - domain.id;
}

function counted(count: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(count);
  return bytes;
}

function key(uuid: Buffer): string {
  return uuid.toString('latin1');
}
