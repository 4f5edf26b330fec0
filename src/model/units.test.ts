import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesToKib,
  formatDuration,
  formatSize,
  GiB,
  KiB,
  kibToBytes,
  MiB,
  parseDuration,
  parsePercent,
  parseRate,
  parseSize,
  TiB,
} from './units.ts';

const problem = { problem: expect.any(String) };

describe('parseSize', () => {
  it.each([
    ['512MiB', 512 * MiB],
    ['4GiB', 4 * GiB],
    ['1.5 GiB', 1.5 * GiB],
    [' 2TiB ', 2 * TiB],
    ['1000kB', 1e6],
    ['0B', 0],
    ['0.1MiB', 104_858],
  ])('reads %s', (text, value) => {
    expect(parseSize(text)).toEqual({ value });
  });

  it.each([
    '512',
    '',
    'MiB',
    '-1MiB',
    '1e3MiB',
    '5 mib',
    '5M',
    '1,5GiB',
    '0x10B',
    '5constructor',
    '5toString',
  ])('refuses %j', text => {
    expect(parseSize(text)).toEqual(problem);
  });

  it('refuses what a number cannot hold exactly', () => {
    expect(parseSize('9007199254740991B')).toEqual({ value: Number.MAX_SAFE_INTEGER });
    expect(parseSize('9007199254740993B')).toEqual(problem);
    expect(parseSize('8192TiB')).toEqual(problem);
    expect(parseSize(`${'9'.repeat(400)}GiB`)).toEqual(problem);
  });

  it('reads every whole number of MiB back as it was', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 }), n => {
        expect(parseSize(`${n}MiB`)).toEqual({ value: n * MiB });
      }),
    );
  });

  it('never gives anything but a size or a problem', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        const parsed = parseSize(text);
        if ('value' in parsed) expect(Number.isSafeInteger(parsed.value) && parsed.value >= 0).toBe(true);
        else expect(parsed.problem).not.toBe('');
      }),
    );
  });
});

describe('parseDuration', () => {
  it.each([
    ['500ms', 0.5],
    ['30s', 30],
    ['5m', 300],
    ['1.5h', 5400],
    ['1d', 86_400],
  ])('reads %s', (text, value) => {
    expect(parseDuration(text)).toEqual({ value });
  });

  it.each(['30', '', '5min', '-5s', '5constructor', '5valueOf', `${'9'.repeat(400)}d`])(
    'refuses %j',
    text => {
      expect(parseDuration(text)).toEqual(problem);
    },
  );
});

describe('parseRate', () => {
  it.each([
    ['1GiB/min', GiB / 60],
    ['1GiB/m', GiB / 60],
    ['64MiB/s', 64 * MiB],
    ['36GiB/h', GiB / 100],
  ])('reads %s', (text, value) => {
    expect(parseRate(text)).toEqual({ value });
  });

  it.each(['1GiB', '1GiB/day', '1/s', '1GiB/s/s', '/s', ''])('refuses %j', text => {
    expect(parseRate(text)).toEqual(problem);
  });
});

describe('parsePercent', () => {
  it('reads a share', () => {
    expect(parsePercent('25%')).toEqual({ value: 0.25 });
    expect(parsePercent('12.5 %')).toEqual({ value: 0.125 });
  });

  it.each(['25', '%', '-5%', '25%%', `${'9'.repeat(400)}%`])('refuses %j', text => {
    expect(parsePercent(text)).toEqual(problem);
  });
});

describe('KiB at the edge', () => {
  it('rounds down, so that a target never passes a limit', () => {
    expect(bytesToKib(2 * KiB - 1)).toBe(1);
    expect(bytesToKib(kibToBytes(12_345))).toBe(12_345);
  });
});

describe('formatting', () => {
  it.each([
    [0, '0B'],
    [1023, '1023B'],
    [1.5 * GiB, '1.5GiB'],
    [512 * MiB, '512MiB'],
    [100 * MiB, '100MiB'],
    [-2 * TiB, '-2TiB'],
    [1.234 * GiB, '1.23GiB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  it.each([
    [0, '0s'],
    [0.25, '250ms'],
    [90, '90s'],
    [300, '5m'],
    [7200, '2h'],
    [100, '100s'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it('writes whole units so that they can be read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1023 }), fc.constantFrom(1, KiB, MiB, GiB, TiB), (n, unit) => {
        expect(parseSize(formatSize(n * unit))).toEqual({ value: n * unit });
      }),
    );
  });
});
