import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, KiB, MiB, TiB } from '../model/units.ts';
import { ago, clockTime, percent, shortSize, size } from './figures.ts';

describe('figures of tables', () => {
  it('show what is not known as a dash', () => {
    expect([size(undefined), ago(undefined), percent(1, undefined), percent(1, 0)]).toEqual([
      '-',
      '-',
      undefined,
      undefined,
    ]);
  });

  it('are short', () => {
    expect(size(1.5 * GiB)).toBe('1.5GiB');
    expect([0, 59, 60, 192, 3600, 7500, 277_200].map(ago)).toEqual([
      '0s',
      '59s',
      '1m00s',
      '3m12s',
      '1h00m',
      '2h05m',
      '3d5h',
    ]);
    expect(percent(1, 3)).toBe('33%');
  });

  it('have three digits in seven characters where room is short', () => {
    const sizes = [
      0,
      1,
      1023,
      KiB,
      512 * MiB,
      1023.4 * MiB,
      1023.6 * MiB,
      1.456 * GiB,
      99.96 * GiB,
      100 * GiB,
    ];
    expect(sizes.map(shortSize)).toEqual([
      '0B',
      '1B',
      '1023B',
      '1KiB',
      '512MiB',
      '1023MiB',
      '1GiB',
      '1.46GiB',
      '100GiB',
      '100GiB',
    ]);
    expect(shortSize(undefined)).toBe('-');
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1000 * TiB, noNaN: true }), bytes => {
        expect(shortSize(bytes)?.length).toBeLessThanOrEqual(7);
      }),
    );
  });

  it('have the day only where it is another one', () => {
    const now = new Date(2026, 4, 17, 12, 0, 0);
    expect(clockTime(new Date(2026, 4, 17, 9, 5, 7).toISOString(), now)).toBe('09:05:07');
    expect(clockTime(new Date(2026, 4, 16, 9, 5, 7).toISOString(), now)).toBe('05-16 09:05:07');
  });
});
