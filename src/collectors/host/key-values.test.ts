import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFlatKeyed, parseMeminfoLines, parseNumber } from './key-values.ts';

const fixture = (path: string) =>
  readFileSync(new URL(`../../../test/fixtures/${path}`, import.meta.url), 'utf8');

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_()]{0,20}$/);
const entries = fc.uniqueArray(fc.tuple(name, fc.maxSafeNat()), { selector: ([key]) => key });

describe('flat files of the kernel', () => {
  it('reads every line of a real /proc/vmstat', () => {
    const text = fixture('host-v1/proc/vmstat');

    expect(parseFlatKeyed(text).size).toBe(text.trim().split('\n').length);
    expect(parseFlatKeyed(text).get('pswpout')).toBe(0);
  });

  it('reads every line of a real /proc/meminfo', () => {
    const text = fixture('host-v1/proc/meminfo');

    expect(parseMeminfoLines(text).size).toBe(text.trim().split('\n').length);
    expect(parseMeminfoLines(text).get('MemTotal')).toBe(24684096);
    expect(parseMeminfoLines(text).get('Active(file)')).toBeGreaterThan(0);
  });

  it('gives back what was written, whatever the names and numbers', () => {
    fc.assert(
      fc.property(entries, pairs => {
        const flat = parseFlatKeyed(pairs.map(([key, value]) => `${key} ${value}\n`).join(''));
        const lines = parseMeminfoLines(pairs.map(([key, value]) => `${key}:   ${value} kB\n`).join(''));

        expect([...flat]).toEqual(pairs);
        expect([...lines]).toEqual(pairs);
      }),
    );
  });

  it('takes only whole numbers out of arbitrary text, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        for (const value of [...parseFlatKeyed(text).values(), ...parseMeminfoLines(text).values()]) {
          expect(value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= 0)).toBe(
            true,
          );
        }
      }),
    );
  });

  it('does not round a number that a double cannot hold', () => {
    expect(parseNumber('9007199254740991\n')).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseNumber('9223372036854771712\n')).toBe(Number.POSITIVE_INFINITY);
    expect(parseNumber('-1\n')).toBeUndefined();
    expect(parseNumber('max\n')).toBeUndefined();
    expect(parseNumber('')).toBeUndefined();
  });
});
