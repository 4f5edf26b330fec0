/** Lists of domains, and a memory of the last one: on most ticks the list is the same, byte for byte. */
import type { WireDomain } from './structures.ts';
import { DOMAIN_LIST_MAX, DOMAIN_MIN_BYTES, readDomain } from './structures.ts';
import { XdrReader } from './xdr.ts';

export function readDomainList<T>(reader: XdrReader, item: (reader: XdrReader) => T): T[] {
  const domains = reader.array(DOMAIN_LIST_MAX, DOMAIN_MIN_BYTES, item);
  reader.u32(); // how many there are; it repeats the count
  return domains;
}

export class DomainListMemory {
  #bytes: Buffer = Buffer.alloc(0);
  #domains: readonly WireDomain[] = [];

  /** Reads a whole reply. The result is the same object as before when nothing has changed. */
  read(reader: XdrReader): readonly WireDomain[] {
    const reply = reader.rest();
    if (reply.equals(this.#bytes)) return this.#domains;
    // The message's buffer is not ours to keep.
    const bytes = Buffer.from(reply);
    const own = new XdrReader(bytes);
    const domains = readDomainList(own, item => {
      const start = item.offset;
      const ref = readDomain(item);
      return { ref, bytes: bytes.subarray(start, item.offset) };
    });
    own.end();
    this.#bytes = bytes;
    this.#domains = domains;
    return domains;
  }
}
