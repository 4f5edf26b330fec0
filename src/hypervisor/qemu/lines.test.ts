import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBallonetError } from '../../model/errors.ts';
import { MiB } from '../../model/units.ts';
import { LineReader } from './lines.ts';

function read(chunks: readonly Buffer[]): string[] {
  const reader = new LineReader();
  const lines: string[] = [];
  for (const chunk of chunks) reader.push(chunk, line => lines.push(line));
  return lines;
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isBallonetError(error)) return error.code;
    throw error;
  }
  return 'none';
}

describe('lines', () => {
  it('are the same however the bytes are cut, characters in two included', () => {
    const text = fc.array(
      fc.string({ unit: 'binary', minLength: 1 }).map(line => line.replaceAll('\n', 'n')),
    );
    fc.assert(
      fc.property(text, fc.array(fc.nat(400)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map(line => `${line}\n`).join(''));
        const places = [...new Set([0, ...cuts.map(cut => Math.min(cut, bytes.length)), bytes.length])];
        const sorted = places.toSorted((a, b) => a - b);
        const chunks = sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
        const whole = bytes.toString().split('\n').slice(0, -1);
        expect(read(chunks)).toEqual(whole.filter(line => line.trim() !== ''));
      }),
    );
  });

  it('do not come without their end', () => {
    expect(read([Buffer.from('{"a":1}\r\n{"b"')])).toEqual(['{"a":1}\r']);
  });

  it('may be a mebibyte long and not a byte more, in one piece or in many', () => {
    const longest = Buffer.alloc(MiB, 0x61);
    expect(read([longest, Buffer.from('\n')])[0]).toHaveLength(MiB);
    expect(codeOf(() => read([longest, Buffer.from('a')]))).toBe('PROTOCOL');
    expect(codeOf(() => read([Buffer.concat([longest, Buffer.from('a\n')])]))).toBe('PROTOCOL');
    const one = Buffer.from('a');
    expect(codeOf(() => read(Array.from({ length: MiB + 1 }, () => one)))).toBe('PROTOCOL');
  });

  it('must be UTF-8', () => {
    expect(codeOf(() => read([Buffer.from([0x22, 0xff, 0x22, 0x0a])]))).toBe('PROTOCOL');
  });
});
