import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from './framing.ts';
import { HEADER_BYTES, MESSAGE_MAX_BYTES } from './wire.ts';

function messageOf(payload: Uint8Array): Buffer {
  const message = Buffer.concat([Buffer.alloc(HEADER_BYTES), payload]);
  message.writeUInt32BE(message.length);
  return message;
}

function lengthWord(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

describe('framing', () => {
  it('delivers the same messages however the stream is cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 60 }).map(messageOf), { maxLength: 12 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
        const stream = Buffer.concat(sent);
        const frames = new FrameReader();
        const received: Buffer[] = [];
        for (let offset = 0, i = 0; offset < stream.length; i++) {
          const end = offset + (cuts[i % cuts.length] ?? 1);
          frames.push(stream.subarray(offset, end), message => received.push(Buffer.from(message)));
          offset = end;
        }
        expect(received).toEqual(sent);
      }),
    );
  });

  it('hands over a message that lies in one chunk without a copy', () => {
    const chunk = Buffer.concat([messageOf(Buffer.from('abcd')), messageOf(Buffer.alloc(0))]);
    const received: Buffer[] = [];

    new FrameReader().push(chunk, message => received.push(message));

    expect(received.map(message => message.buffer)).toEqual([chunk.buffer, chunk.buffer]);
    expect(received.map(message => message.byteOffset - chunk.byteOffset)).toEqual([0, HEADER_BYTES + 4]);
  });

  it('puts messages that come in pieces into the same memory, one after the other, unless they are huge', () => {
    const frames = new FrameReader();
    const memory: ArrayBufferLike[] = [];
    for (const size of [1000, 10, 1000, 2 ** 21, 1000]) {
      const message = messageOf(Buffer.alloc(size, size));
      frames.push(message.subarray(0, 30), () => {});
      frames.push(message.subarray(30), received => {
        expect(received.equals(message)).toBe(true);
        memory.push(received.buffer);
      });
    }
    expect(memory.map(buffer => buffer === memory[0])).toEqual([true, true, true, false, true]);
  });

  it.each([0, 27, MESSAGE_MAX_BYTES + 1, 0xffff_ffff])(
    'refuses a length of %i, whole or in pieces',
    length => {
      const refusal = expect.objectContaining({ code: 'PROTOCOL' });
      expect(() => new FrameReader().push(lengthWord(length), () => {})).toThrow(refusal);

      const frames = new FrameReader();
      frames.push(lengthWord(length).subarray(0, 3), () => {});
      expect(() => frames.push(lengthWord(length).subarray(3), () => {})).toThrow(refusal);
    },
  );

  it('takes the shortest message and one of the longest length', () => {
    const received: number[] = [];
    const frames = new FrameReader();
    frames.push(messageOf(Buffer.alloc(0)), message => received.push(message.length));
    frames.push(lengthWord(MESSAGE_MAX_BYTES), message => received.push(message.length));
    frames.push(Buffer.alloc(MESSAGE_MAX_BYTES - 4), message => received.push(message.length));
    expect(received).toEqual([HEADER_BYTES, MESSAGE_MAX_BYTES]);
  });
});
