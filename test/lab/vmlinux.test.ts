import { describe, expect, it } from 'vitest';
import { extractVmlinux } from './vmlinux.ts';

/** A bzImage of one setup sector, with this LZ4 block as its payload and this size written behind it. */
function image(block: readonly number[], size: number): Buffer {
  const payload = Buffer.alloc(8 + block.length + 4);
  payload.writeUInt32LE(0x184c2102, 0);
  payload.writeUInt32LE(block.length, 4);
  Buffer.from(block).copy(payload, 8);
  payload.writeUInt32LE(size, 8 + block.length);
  const setup = Buffer.alloc(1024);
  setup.writeUInt8(1, 0x1f1);
  setup.write('HdrS', 0x202, 'latin1');
  setup.writeUInt32LE(0, 0x248);
  setup.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([setup, payload]);
}

const A = 0x61;
const B = 0x62;

describe('unpacking the guest kernel', () => {
  it('copies literals, and matches that overlap what they make', () => {
    // Two literals, a match of 4 + 2 bytes two back, one literal at the end.
    expect(extractVmlinux(image([0x22, A, B, 2, 0, 0x10, A], 9)).toString()).toBe('ababababa');
  });

  it('reads lengths of more than one byte', () => {
    const literals = Array<number>(15 + 255 + 7).fill(B);
    expect(extractVmlinux(image([0xf0, 255, 7, ...literals], literals.length)).toString()).toBe(
      'b'.repeat(277),
    );
  });

  it.each([
    ['ends within a sequence', image([0x22, A, B, 2], 9)],
    ['reaches out of its block', image([0x12, A, 2, 0, 0x10, A], 8)],
    ['is shorter than it says', image([0x20, A, B], 3)],
    ['has another compression', Buffer.concat([image([0x20, A, B], 2)]).fill(0x1f, 1024, 1028)],
    ['is no bzImage', Buffer.alloc(2048)],
  ])('refuses an image that %s', (_, broken) => {
    expect(() => extractVmlinux(broken)).toThrow(/^The guest kernel/);
  });
});
