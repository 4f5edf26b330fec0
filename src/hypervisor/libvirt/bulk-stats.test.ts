import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Layouts } from './bulk-params.ts';
import { PARAM_TYPE, readBulkStats } from './bulk-stats.ts';
import type { WireDomain } from './structures.ts';
import { toWireDomain, writeDomain } from './structures.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

const ALPHA = toWireDomain({ name: 'alpha', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 1 });
const BETA = toWireDomain({ name: 'beta', uuid: '00000000-0000-4000-8000-000000000002', id: 2 });

type Param = readonly [name: string, type: number, write: (w: XdrWriter) => void];

function record(writer: XdrWriter, domain: WireDomain, params: readonly Param[]): void {
  writeDomain(writer, domain.ref);
  writer.array(params, (w, [name, type, write]) => {
    w.string(name).i32(type);
    write(w);
  });
}

function ullong(name: string, value: number | bigint): Param {
  return [name, PARAM_TYPE.ullong, w => void w.u64(value)];
}

function one(domain: WireDomain, params: readonly Param[]): (w: XdrWriter) => void {
  return w => {
    w.u32(1);
    record(w, domain, params);
  };
}

/** A record that claims `count` parameters and brings `bytes` zeros. */
function claiming(count: number, bytes: number): (w: XdrWriter) => void {
  return w => {
    w.u32(1);
    writeDomain(w, ALPHA.ref);
    w.u32(count).opaque(Buffer.alloc(bytes));
  };
}

function read(write: (w: XdrWriter) => void, asked: readonly WireDomain[], layouts = new Layouts()) {
  const writer = new XdrWriter();
  write(writer);
  const reader = new XdrReader(writer.bytes());
  const records = readBulkStats(reader, layouts, asked);
  reader.end();
  return records;
}

describe('a bulk record', () => {
  it('keeps every type of parameter by its own name', () => {
    const params: readonly Param[] = [
      ['state.state', PARAM_TYPE.int, w => void w.i32(-1)],
      ['a', PARAM_TYPE.uint, w => void w.u32(4_294_967_295)],
      ['b', PARAM_TYPE.llong, w => void w.i64(-5)],
      ullong('balloon.last-update', 1_700_000_000),
      ['c', PARAM_TYPE.double, w => void w.f64(0.5)],
      ['d', PARAM_TYPE.boolean, w => void w.i32(1)],
      ['__proto__', PARAM_TYPE.string, w => void w.string('x')],
    ];

    const [only] = read(one(ALPHA, params), [ALPHA]);

    expect(only?.domain).toBe(ALPHA.ref);
    expect([...(only?.params ?? [])]).toEqual([
      ['state.state', -1],
      ['a', 4_294_967_295],
      ['b', -5],
      ['balloon.last-update', 1_700_000_000],
      ['c', 0.5],
      ['d', true],
      ['__proto__', 'x'],
    ]);
    expect(only?.error).toBeUndefined();
  });

  it('is read rightly when field names shift from record to record', () => {
    const names = fc.array(fc.constantFrom('balloon.current', 'balloon.maximum', 'balloon.rss', 'x', ''), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.array(names, { maxLength: 8 }), shapes => {
        const unique = shapes.map(shape => [...new Set(shape)]);
        const records = read(
          w => {
            w.u32(unique.length);
            for (const shape of unique)
              record(
                w,
                BETA,
                shape.map((name, i) => ullong(name, i)),
              );
          },
          unique.map(() => BETA),
        );
        expect(records.map(({ params }) => [...params])).toEqual(
          unique.map(shape => shape.map((name, i) => [name, i])),
        );
      }),
    );
  });

  it('keeps its own values when other records have the same names, or as many', () => {
    const records = read(
      w => {
        w.u32(4);
        for (const [domain, names] of [
          [ALPHA, ['a', 'b']],
          [BETA, ['a', 'b']],
          [ALPHA, ['a', 'c']],
          [BETA, ['a', 'b']],
        ] as const)
          record(
            w,
            domain,
            names.map((name, i) => ullong(name, domain.ref.id * 10 + i)),
          );
      },
      [ALPHA, BETA, ALPHA, BETA],
    );

    expect(records.map(({ params }) => ['a', 'b', 'c'].map(name => params.get(name)))).toEqual([
      [10, 11, undefined],
      [20, 21, undefined],
      [10, undefined, 11],
      [20, 21, undefined],
    ]);
  });

  it('names the domain as it is now when it differs from the one asked for', () => {
    const restarted = toWireDomain({ ...ALPHA.ref, id: 9 });
    const [only] = read(one(restarted, []), [ALPHA]);
    expect(only?.domain).toEqual(restarted.ref);
  });

  it('leaves out a value above 2^53-1 and says so, and the other records stay whole', () => {
    const records = read(
      w => {
        w.u32(2);
        record(w, ALPHA, [ullong('balloon.unused', 18_014_398_509_481_980n), ullong('balloon.rss', 7)]);
        record(w, BETA, [ullong('balloon.unused', 5)]);
      },
      [ALPHA, BETA],
    );

    expect(records.map(({ params }) => Object.fromEntries(params))).toEqual([
      { 'balloon.rss': 7 },
      { 'balloon.unused': 5 },
    ]);
    expect([records[0]?.params.has('balloon.unused'), records[0]?.params.size]).toEqual([false, 1]);
    expect(records.map(({ error }) => error?.code)).toEqual(['VALUE_OUT_OF_RANGE', undefined]);
  });

  it.each<[string, (w: XdrWriter) => void]>([
    ['more records than domains asked for', w => void w.u32(2).opaque(Buffer.alloc(64))],
    ['an unknown parameter type', one(ALPHA, [['x', 8, v => void v.u64(0)]])],
    ['a field name of 80 bytes', one(ALPHA, [ullong('x'.repeat(80), 0)])],
    ['more parameters than the limit', claiming(1025, 20_000)],
    ['more parameters than bytes', claiming(100, 40)],
  ])('with %s is PROTOCOL', (_, write) => {
    expect(() => read(write, [ALPHA])).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
  });
});
