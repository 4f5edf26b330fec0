import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DomainStats, StatValue } from '../driver.ts';
import { Layouts } from '../libvirt/bulk-params.ts';
import { readBulkStats } from '../libvirt/bulk-stats.ts';
import { toWireDomain } from '../libvirt/structures.ts';
import { XdrReader, XdrWriter } from '../libvirt/xdr.ts';
import { BulkWriter } from './bulk-writer.ts';

const uuid = fc.uuid();
const name = fc.oneof(
  fc.constantFrom('state.state', 'balloon.current', 'balloon.last-update', 'balloon.x'),
  fc.string({ minLength: 1, maxLength: 20 }),
);
const value: fc.Arbitrary<StatValue> = fc.oneof(
  fc.maxSafeNat(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => (Object.is(number, -0) ? 0 : number)),
  fc.boolean(),
  fc.string(),
);
const record: fc.Arbitrary<DomainStats> = fc.record({
  domain: fc.record({ name: fc.string({ maxLength: 30 }), uuid, id: fc.integer({ min: -1, max: 1000 }) }),
  params: fc
    .uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 20 })
    .map(pairs => new Map(pairs)),
});

describe('bulk records', () => {
  it('have the name and the id that a domain has now', () => {
    const bulkWriter = new BulkWriter();
    const [web, shop] = ['web', 'shop'].map((name, id) => ({
      name,
      uuid: '6f7a6f6e-0000-4000-8000-000000000001',
      id,
    }));
    if (!web || !shop) throw new Error('two names were given');
    for (const domain of [web, web, shop, { ...shop, id: 7 }]) {
      const writer = new XdrWriter();
      bulkWriter.write(writer, [{ domain, params: new Map() }], () => true);
      const bytes = Buffer.from(writer.bytes());
      expect(bytes.subarray(4, -4)).toEqual(Buffer.from(toWireDomain(domain).bytes));
    }
  });

  it('are read by our client as they were given', () => {
    // One writer for all runs: what it remembers of names must never matter.
    const bulkWriter = new BulkWriter();
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), records => {
        const writer = new XdrWriter();
        bulkWriter.write(writer, records, () => true);
        const reader = new XdrReader(writer.bytes());
        const asked = records.map(({ domain }) => toWireDomain(domain));
        const read = readBulkStats(reader, new Layouts(), asked);
        reader.end();
        expect(read.map(({ domain, params }) => [domain, [...params]])).toEqual(
          records.map(({ domain, params }) => [domain, [...params].filter(([, v]) => isExact(v))]),
        );
      }),
    );
  });

  it('leave out what is not wanted and what no field can be called', () => {
    const params = new Map<string, StatValue>([
      ['balloon.current', 1],
      ['state.state', 2],
      [`balloon.${'x'.repeat(80)}`, 3],
    ]);
    const writer = new XdrWriter();
    const domain = { name: 'x', uuid: '00000000-0000-4000-8000-000000000000', id: 1 };
    new BulkWriter().write(writer, [{ domain, params }], text => text.startsWith('balloon.'));
    const [read] = readBulkStats(new XdrReader(writer.bytes()), new Layouts(), [toWireDomain(domain)]);
    expect([...(read?.params ?? [])]).toEqual([['balloon.current', 1]]);
  });
});

/** Whole numbers past 2^53-1 are exact in a double and on the wire, and our client takes none of them. */
function isExact(v: StatValue): boolean {
  const in64Bits = typeof v === 'number' && v < 2 ** 64 && v >= -(2 ** 63);
  return !in64Bits || !Number.isInteger(v) || Number.isSafeInteger(v);
}
