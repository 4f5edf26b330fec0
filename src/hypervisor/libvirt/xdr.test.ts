import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBallonetError } from '../../model/errors.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

const U64_MAX = 2n ** 64n - 1n;

/** A value, how it is written, and how it is read. */
type Item = { readonly value: unknown; write(w: XdrWriter): void; read(r: XdrReader): unknown };

const item: fc.Arbitrary<Item> = fc.oneof(
  fc
    .integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
    .map((value): Item => ({ value, write: w => void w.i32(value), read: r => r.i32() })),
  fc
    .integer({ min: 0, max: 2 ** 32 - 1 })
    .map((value): Item => ({ value, write: w => void w.u32(value), read: r => r.u32() })),
  fc.boolean().map((value): Item => ({ value, write: w => void w.bool(value), read: r => r.bool() })),
  fc.double().map((value): Item => ({ value, write: w => void w.f64(value), read: r => r.f64() })),
  fc
    .bigInt({ min: 0n, max: U64_MAX })
    .map((value): Item => ({ value, write: w => void w.u64(value), read: r => r.u64() })),
  fc.maxSafeNat().map((value): Item => ({ value, write: w => void w.u64(value), read: r => r.exactU64() })),
  fc
    .maxSafeInteger()
    .map((value): Item => ({ value, write: w => void w.i64(value), read: r => r.exactI64() })),
  fc
    .string({ unit: 'grapheme', maxLength: 200 })
    .map((value): Item => ({ value, write: w => void w.string(value), read: r => r.string() })),
  fc.option(fc.nat(), { nil: undefined }).map(
    (value): Item => ({
      value,
      write: w => void w.optional(value, (writer, n) => writer.u32(n)),
      read: r => r.optional(reader => reader.u32()),
    }),
  ),
  fc.array(fc.string({ unit: 'binary', maxLength: 9 }), { maxLength: 20 }).map(
    (value): Item => ({
      value,
      write: w => void w.array(value, (writer, text) => writer.string(text)),
      read: r => r.array(20, 4, reader => reader.string()),
    }),
  ),
);

function expectProtocolError(read: () => unknown): void {
  expect(read).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
}

function reader(...bytes: number[]): XdrReader {
  return new XdrReader(Buffer.from(bytes));
}

describe('XDR', () => {
  it('reads back whatever it has written, to the last byte', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 40 }), fc.integer({ min: 0, max: 28 }), (items, reserve) => {
        const writer = new XdrWriter(reserve, 1);
        for (const each of items) each.write(writer);
        const r = new XdrReader(writer.bytes(), reserve);
        for (const each of items) expect(each.read(r)).toEqual(each.value);
        expect(r.remaining).toBe(0);
        r.end();
      }),
    );
  });

  it('pads every item to four bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9 }), bytes => {
        const written = new XdrWriter().opaque(bytes).bytes();
        expect(written.length % 4).toBe(0);
        expect(new XdrReader(written).opaque(bytes.length)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('ends in a value or PROTOCOL for any bytes at all', () => {
    const reads: ((r: XdrReader) => unknown)[] = [
      r => r.bool(),
      r => r.string(64),
      r => r.optional(x => x.u64()),
      r => r.array(8, 4, x => x.string(8)),
      r => r.opaque(7),
      r => r.end(),
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...reads), (bytes, read) => {
        try {
          read(new XdrReader(Buffer.from(bytes)));
        } catch (error) {
          expect(isBallonetError(error, 'PROTOCOL')).toBe(true);
        }
      }),
    );
  });
});

describe('64-bit values', () => {
  it('are exact up to 2^53-1 and absent above it, never rounded', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: U64_MAX }), value => {
        const read = new XdrReader(new XdrWriter().u64(value).bytes()).exactU64();
        expect(read).toBe(value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined);
      }),
    );
    const edge = new XdrWriter()
      .u64(2n ** 53n - 1n)
      .u64(2n ** 53n)
      .bytes();
    const r = new XdrReader(edge);
    expect(r.exactU64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(r.exactU64()).toBeUndefined();
  });

  it('that are signed are exact in the same range on both sides of zero', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), value => {
        const read = new XdrReader(new XdrWriter().i64(value).bytes()).exactI64();
        const exact = value >= -BigInt(Number.MAX_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
        expect(read).toBe(exact ? Number(value) : undefined);
      }),
    );
  });
});

describe('the reader', () => {
  it('refuses a boolean that is neither 0 nor 1', () => expectProtocolError(() => reader(0, 0, 0, 2).bool()));

  it('refuses padding that is not zero', () =>
    expectProtocolError(() => reader(0, 0, 0, 1, 65, 0, 0, 1).string()));

  it('refuses a string longer than its limit even when it is there', () => {
    expectProtocolError(() => new XdrReader(new XdrWriter().string('12345').bytes()).string(4));
  });

  it('refuses a length beyond the message before it allocates', () => {
    expectProtocolError(() => reader(0, 63, 255, 255).string());
    expectProtocolError(() => reader(0, 0, 16, 0).array(16_384, 24, r => r.u32()));
  });

  it('refuses bytes that are left over', () => expectProtocolError(() => reader(0, 0, 0, 0).end()));

  it('gives an interned string back as the same object, and tells another one apart', () => {
    const bytes = new XdrWriter()
      .string('balloon.current')
      .string('balloon.current')
      .string('balloon.currenT')
      .bytes();
    const r = new XdrReader(bytes);
    const first = r.interned(undefined, 79);
    const second = r.interned(first, 79);
    const third = r.interned(second, 79);
    expect(second).toBe(first);
    expect(third.text).toBe('balloon.currenT');
    r.end();
  });

  it('does not take an interned string for a longer one that begins alike', () => {
    const first = new XdrReader(new XdrWriter().string('vcpu').bytes()).interned(undefined, 79);
    const r = new XdrReader(new XdrWriter().string('vcpu.maximum').bytes());
    expect(r.interned(first, 79).text).toBe('vcpu.maximum');
  });

  it('skips expected bytes only when they are all there', () => {
    const r = reader(1, 2, 3, 4);
    expect(r.skipIfEqual(Buffer.from([1, 2, 3, 4, 5]))).toBe(false);
    expect(r.skipIfEqual(Buffer.from([1, 2, 3, 5]))).toBe(false);
    expect(r.skipIfEqual(Buffer.from([1, 2, 3, 4]))).toBe(true);
    r.end();
  });
});

describe('the writer', () => {
  it('refuses a text beyond its limit', () => {
    expect(() => new XdrWriter().string('12345', 4)).toThrow(
      expect.objectContaining({ code: 'VALUE_OUT_OF_RANGE' }),
    );
  });
});
