import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../model/units.ts';
import { watermarksOf } from './watermarks.ts';

describe('watermarksOf', () => {
  it('gives what khugepaged recommends: 44 MiB for two zones, 66 MiB for three, at most 5 %', () => {
    expect(watermarksOf(1 * GiB, 52 * MiB).min).toBe(44 * MiB);
    expect(watermarksOf(4 * GiB, 190 * MiB).min).toBe(66 * MiB);
    expect(watermarksOf(600 * MiB, 40 * MiB).min).toBe(28 * MiB);
  });

  it('gives the root of the size where huge pages are off', () => {
    expect(watermarksOf(512 * MiB, 42 * MiB).min / MiB).toBeCloseTo(2.7, 1);
  });
});
