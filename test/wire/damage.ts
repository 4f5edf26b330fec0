/** Random damage to valid messages, for fuzz tests of both sides of the wire. */
import * as fc from 'fast-check';

/** How many damaged messages a test feeds: `usual`, or what BALLONET_FUZZ_MESSAGES says (`npm run fuzz`). */
export function fuzzMessages(usual: number): number {
  const { BALLONET_FUZZ_MESSAGES } = process.env;
  if (BALLONET_FUZZ_MESSAGES === undefined) return usual;
  const messages = Number(BALLONET_FUZZ_MESSAGES);
  if (!Number.isInteger(messages) || messages < 1000)
    throw new Error(`BALLONET_FUZZ_MESSAGES is '${BALLONET_FUZZ_MESSAGES}', not a number of 1000 or more`);
  return messages;
}

/** Enough for any machine that is not stuck. */
export function fuzzTimeoutMs(messages: number): number {
  return 120_000 + messages * 5;
}

/** One act of damage, its place as a share of the message. */
export interface Damage {
  readonly kind: 'byte' | 'word' | 'cut' | 'insert';
  readonly at: number;
  readonly value: number;
}

export const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

/** Words that limits and signs are made of. */
const WORDS = [
  0, 1, 2, 3, 4, 28, 79, 80, 1024, 16_384, 0x1f_ffff, 0x20_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

export const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), at: share, value: fc.nat({ max: 255 }) }),
  fc.record({ kind: fc.constant('word' as const), at: share, value: fc.constantFrom(...WORDS) }),
  fc.record({
    kind: fc.constantFrom('cut' as const, 'insert' as const),
    at: share,
    value: fc.nat({ max: 8 }),
  }),
);

/** A copy of a message with all the damage done to it, one after the other. */
export function harm(message: Buffer, acts: readonly Damage[]): Buffer {
  let bytes = Buffer.from(message);
  for (const { kind, at, value } of acts) {
    const offset = Math.floor(at * bytes.length);
    if (kind === 'byte') bytes.fill(value, offset, offset + 1);
    else if (kind === 'word' && bytes.length >= 4)
      bytes.writeUInt32BE(value, Math.min(offset & ~3, bytes.length - 4));
    else if (kind === 'cut')
      bytes = Buffer.concat([bytes.subarray(0, offset), bytes.subarray(offset + value)]);
    else bytes = Buffer.concat([bytes.subarray(0, offset), Buffer.alloc(value), bytes.subarray(offset)]);
  }
  return bytes;
}
