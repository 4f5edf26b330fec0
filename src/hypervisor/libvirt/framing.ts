/**
 * Cuts a byte stream into messages by their length word. The length is checked before anything is allocated for it, and
 * at most one partial message is held, so a peer can make this process keep no more than one message's bytes.
 */
import { MiB } from '../../model/units.ts';
import { HEADER_BYTES, MESSAGE_MAX_BYTES } from './wire.ts';
import { malformed } from './xdr.ts';

const LENGTH_BYTES = 4;

export interface FrameLimits {
  /** Longest message taken. Default: the protocol's own limit. */
  readonly messageMaxBytes?: number;
  /**
   * A partial message longer than this gets memory of its own, which does not stay. Default 1 MiB. With 0, what is delivered
   * is never overwritten and may be kept.
   */
  readonly scratchMaxBytes?: number;
}

export class FrameReader {
  readonly #messageMax: number;
  readonly #scratchMax: number;
  readonly #lengthWord = Buffer.alloc(LENGTH_BYTES);
  #lengthHave = 0;
  #message: Buffer | undefined;
  #messageHave = 0;
  /** Holds one partial message after the other: memory for each would be returned by the garbage collector only. */
  #scratch: Buffer = Buffer.alloc(0);

  constructor({ messageMaxBytes = MESSAGE_MAX_BYTES, scratchMaxBytes = MiB }: FrameLimits = {}) {
    this.#messageMax = messageMaxBytes;
    this.#scratchMax = scratchMaxBytes;
  }

  /** A message has begun and is not whole yet. */
  get partial(): boolean {
    return this.#message !== undefined || this.#lengthHave > 0;
  }

  /**
   * Hands each whole message to `deliver`, as a view of `chunk` or of a buffer that the next message will be in, so
   * `deliver` must not keep it.
   *
   * @throws BallonetError PROTOCOL for a length that no message can have; the stream is of no use after it
   */
  push(chunk: Buffer, deliver: (message: Buffer) => void): void {
    let offset = 0;
    while (offset < chunk.length) {
      const left = chunk.length - offset;
      if (this.#message === undefined && this.#lengthHave === 0 && left >= LENGTH_BYTES) {
        const length = this.#checkedLength(chunk.readUInt32BE(offset));
        if (length <= left) {
          deliver(chunk.subarray(offset, offset + length));
          offset += length;
          continue;
        }
      }
      offset +=
        this.#message === undefined
          ? this.#readLength(chunk, offset)
          : this.#readBody(this.#message, chunk, offset, deliver);
    }
  }

  #readLength(chunk: Buffer, offset: number): number {
    const copied = chunk.copy(this.#lengthWord, this.#lengthHave, offset);
    this.#lengthHave += copied;
    if (this.#lengthHave === LENGTH_BYTES) {
      this.#message = this.#room(this.#checkedLength(this.#lengthWord.readUInt32BE()));
      this.#lengthWord.copy(this.#message);
      this.#messageHave = LENGTH_BYTES;
      this.#lengthHave = 0;
    }
    return copied;
  }

  #room(length: number): Buffer {
    if (length > this.#scratchMax) return Buffer.allocUnsafe(length);
    if (length > this.#scratch.length) this.#scratch = Buffer.allocUnsafe(length);
    return this.#scratch.subarray(0, length);
  }

  #readBody(message: Buffer, chunk: Buffer, offset: number, deliver: (message: Buffer) => void): number {
    const copied = chunk.copy(message, this.#messageHave, offset);
    this.#messageHave += copied;
    if (this.#messageHave === message.length) {
      this.#message = undefined;
      deliver(message);
    }
    return copied;
  }

  #checkedLength(length: number): number {
    if (length < HEADER_BYTES || length > this.#messageMax) {
      throw malformed(`a message length of ${length} is outside ${HEADER_BYTES}..${this.#messageMax}`);
    }
    return length;
  }
}
