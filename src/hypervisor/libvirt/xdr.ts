/**
 * XDR (RFC 4506) as libvirt uses it: big endian, every item padded to four bytes with zeros.
 *
 * The reader trusts nothing: each length is held against a limit of ours and against the bytes that are left before
 * anything is allocated, and every departure from the format throws PROTOCOL. No value that it returns refers to the
 * buffer, except those of `opaque` and `rest`.
 */
import { BallonetError } from '../../model/errors.ts';
import { MiB } from '../../model/units.ts';

/** Longest string taken when the caller names no limit of its own (`REMOTE_STRING_MAX` of libvirt 9.0.0). */
const STRING_MAX_BYTES = 4 * MiB;

/** 2^53-1 has 21 bits in its high word. */
const SAFE_HIGH_WORD = 0x1f_ffff;

/** A string together with the words it has on the wire, so that it can be recognised without being decoded again. */
export interface InternedString {
  readonly text: string;
  readonly words: Uint32Array;
}

export class XdrReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #end: number;
  #offset: number;

  constructor(bytes: Buffer, start = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
    this.#offset = start;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.#end - this.#offset;
  }

  /** Where the next item begins. */
  get offset(): number {
    return this.#offset;
  }

  i32(): number {
    const at = this.#take(4);
    return this.#view.getInt32(at);
  }

  u32(): number {
    const at = this.#take(4);
    return this.#view.getUint32(at);
  }

  bool(): boolean {
    const word = this.u32();
    if (word > 1) throw malformed(`${word} stands where 0 or 1 must`);
    return word === 1;
  }

  f64(): number {
    const at = this.#take(8);
    return this.#view.getFloat64(at);
  }

  /** All 64 bits. */
  u64(): bigint {
    const at = this.#take(8);
    return this.#view.getBigUint64(at);
  }

  /**
   * An unsigned 64-bit value as a number, or undefined when it is above 2^53-1. That is no breach of the format: guests
   * choose some of these values themselves, so the caller decides what is lost with it.
   */
  exactU64(): number | undefined {
    const at = this.#take(8);
    const high = this.#view.getUint32(at);
    return high > SAFE_HIGH_WORD ? undefined : high * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  /** A signed 64-bit value as a number, or undefined when its magnitude is above 2^53-1. */
  exactI64(): number | undefined {
    const at = this.#take(8);
    const value = this.#view.getInt32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4);
    return Number.isSafeInteger(value) ? value : undefined;
  }

  /** Fixed-length bytes; a view of the message, to be copied if it is kept. */
  opaque(length: number): Buffer {
    const at = this.#takePadded(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Bytes that are UTF-8 by convention; ill-formed ones become U+FFFD, since names are shown, never matched by bytes. */
  string(maxBytes = STRING_MAX_BYTES): string {
    const length = this.#length(maxBytes, 'string');
    const at = this.#takePadded(length);
    return this.#bytes.toString('utf8', at, at + length);
  }

  /** A string that is likely `previous` again: then that very object is returned and nothing is decoded. */
  interned(previous: InternedString | undefined, maxBytes: number): InternedString {
    if (previous && this.#startsWith(previous.words)) {
      this.#offset += previous.words.length * 4;
      return previous;
    }
    const start = this.#offset;
    const text = this.string(maxBytes);
    const words = new Uint32Array((this.#offset - start) / 4);
    for (let i = 0; i < words.length; i++) words[i] = this.#view.getUint32(start + i * 4);
    return { text, words };
  }

  /** All that is left, unread; a view of the message. */
  rest(): Buffer {
    const at = this.#take(this.remaining);
    return this.#bytes.subarray(at);
  }

  /** Skips `expected` if it comes next, and says whether it did. */
  skipIfEqual(expected: Uint8Array): boolean {
    const end = this.#offset + expected.length;
    if (end > this.#end || this.#bytes.compare(expected, 0, expected.length, this.#offset, end) !== 0)
      return false;
    this.#offset = end;
    return true;
  }

  optional<T>(item: (reader: this) => T): T | undefined {
    return this.bool() ? item(this) : undefined;
  }

  /** `minItemBytes` is the least an item can take; a count that the rest of the message cannot hold is refused at once. */
  array<T>(maxItems: number, minItemBytes: number, item: (reader: this) => T): T[] {
    const count = this.count(maxItems, minItemBytes);
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(item(this));
    return items;
  }

  /** The count word of an array, checked as `array` does. */
  count(maxItems: number, minItemBytes: number): number {
    const count = this.#length(maxItems, 'array');
    if (count * minItemBytes > this.remaining)
      throw malformed(`an array of ${count} items does not fit in the message`);
    return count;
  }

  /** Must be called when all has been read: bytes left over are an error. */
  end(): void {
    if (this.remaining !== 0) throw malformed(`${this.remaining} bytes are left over`);
  }

  #length(max: number, what: string): number {
    const length = this.u32();
    if (length > max) throw malformed(`a length of ${length} exceeds the ${what} limit of ${max}`);
    return length;
  }

  #take(length: number): number {
    const at = this.#offset;
    if (at + length > this.#end) throw malformed('the message is too short');
    this.#offset = at + length;
    return at;
  }

  #takePadded(length: number): number {
    const padded = (length + 3) & ~3;
    const at = this.#take(padded);
    for (let i = at + length; i < at + padded; i++) {
      if (this.#bytes[i] !== 0) throw malformed('the padding is not zero');
    }
    return at;
  }

  #startsWith(words: Uint32Array): boolean {
    const at = this.#offset;
    if (words.length * 4 > this.#end - at) return false;
    for (let i = 0; i < words.length; i++) {
      if (this.#view.getUint32(at + i * 4) !== words[i]) return false;
    }
    return true;
  }
}

/** Appends to a buffer of its own that grows as needed. */
export class XdrWriter {
  #bytes: Buffer;
  #offset: number;

  /** `reserve` bytes at the front are left for a header. */
  constructor(reserve = 0, capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(Math.max(capacity, reserve));
    this.#bytes.fill(0, 0, reserve);
    this.#offset = reserve;
  }

  i32(value: number): this {
    const at = this.#claim(4);
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#claim(4);
    this.#bytes.writeUInt32BE(value, at);
    return this;
  }

  bool(value: boolean): this {
    return this.u32(value ? 1 : 0);
  }

  f64(value: number): this {
    const at = this.#claim(8);
    this.#bytes.writeDoubleBE(value, at);
    return this;
  }

  /** @throws BallonetError VALUE_OUT_OF_RANGE for a number that is not whole, negative, or 2^64 and more */
  u64(value: number | bigint): this {
    const at = this.#claim(8);
    if (typeof value === 'bigint') {
      this.#bytes.writeBigUInt64BE(value, at);
      return this;
    }
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** 64)
      throw new BallonetError('VALUE_OUT_OF_RANGE', `${value} is not an unsigned 64-bit number`);
    // Two words, since a BigInt for each figure of a bulk reply would cost more than all the rest of it.
    this.#bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at);
    this.#bytes.writeUInt32BE(value % 0x1_0000_0000, at + 4);
    return this;
  }

  i64(value: number | bigint): this {
    const at = this.#claim(8);
    this.#bytes.writeBigInt64BE(BigInt(value), at);
    return this;
  }

  opaque(bytes: Uint8Array): this {
    const padded = (bytes.length + 3) & ~3;
    const at = this.#claim(padded);
    this.#bytes.set(bytes, at);
    this.#bytes.fill(0, at + bytes.length, at + padded);
    return this;
  }

  /** @throws BallonetError VALUE_OUT_OF_RANGE when it is longer than the protocol allows */
  string(text: string, maxBytes = STRING_MAX_BYTES): this {
    const length = Buffer.byteLength(text);
    if (length > maxBytes) {
      throw new BallonetError(
        'VALUE_OUT_OF_RANGE',
        `a text of ${length} bytes exceeds the limit of ${maxBytes}`,
      );
    }
    const padded = (length + 3) & ~3;
    this.u32(length);
    const at = this.#claim(padded);
    this.#bytes.write(text, at);
    this.#bytes.fill(0, at + length, at + padded);
    return this;
  }

  optional<T>(value: T | undefined, item: (writer: this, value: T) => void): this {
    this.bool(value !== undefined);
    if (value !== undefined) item(this, value);
    return this;
  }

  array<T>(items: readonly T[], item: (writer: this, value: T) => void): this {
    this.u32(items.length);
    for (const value of items) item(this, value);
    return this;
  }

  /** What has been written, the reserve included; a view that must not be written past. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#offset);
  }

  #claim(length: number): number {
    const at = this.#offset;
    const needed = at + length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, needed));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#offset = needed;
    return at;
  }
}

/** The error of a peer that breaks the format. */
export function malformed(what: string, cause?: unknown): BallonetError {
  return new BallonetError('PROTOCOL', `the peer sent a malformed message: ${what}`, { cause });
}
