import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleOf } from '../../test/fakes/samples.ts';
import { absoluteReserve, kernelShare, needFloor } from './floor.ts';
import { ABSENT, known } from './snapshot.ts';
import { GiB, MiB } from './units.ts';

describe('absolute reserve', () => {
  it('is a fiftieth of the guest between 32 and 256 MiB', () => {
    expect(absoluteReserve(256 * MiB)).toBe(32 * MiB);
    expect(absoluteReserve(5 * GiB)).toBeCloseTo(102.4 * MiB, 0);
    expect(absoluteReserve(64 * GiB)).toBe(256 * MiB);
  });
});

describe('kernel share', () => {
  it('is what MemTotal lacks of the present size', () => {
    const sample = sampleOf({ readings: { current: known(GiB), total: known(GiB - 70 * MiB) } });
    expect(kernelShare(sample)).toBe(70 * MiB);
  });

  it('is what MemTotal lacks of the full size where auto-deflate leaves ballooned pages in it', () => {
    const sample = sampleOf({
      balloon: { device: 'virtio', autodeflate: true },
      readings: { max: known(2 * GiB), current: known(GiB), total: known(2 * GiB - 70 * MiB) },
    });
    expect(kernelShare(sample)).toBe(70 * MiB);
  });

  it('is not known without either figure, and never negative', () => {
    expect(kernelShare(sampleOf({ readings: { total: ABSENT } }))).toBeUndefined();
    expect(kernelShare(sampleOf({ readings: { current: ABSENT } }))).toBeUndefined();
    expect(kernelShare(sampleOf({ readings: { total: known(4 * GiB) } }))).toBe(0);
  });
});

describe('need floor', () => {
  it('is use, kernel share and absolute reserve, and never above the maximum', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 * GiB }), fc.integer({ min: 0, max: GiB }), (used, kernel) => {
        const sample = sampleOf({ readings: { max: known(4 * GiB), used: known(used) } });
        expect(needFloor(sample, kernel)).toBe(Math.min(4 * GiB, used + kernel + absoluteReserve(4 * GiB)));
      }),
    );
  });

  it('is not known when the use is not, or is not to be trusted', () => {
    expect(needFloor(sampleOf({ readings: { used: ABSENT } }), 0)).toBeUndefined();
    const stale = { value: 0, ageSeconds: 60, quality: 'stale' } as const;
    expect(needFloor(sampleOf({ readings: { used: stale } }), 0)).toBeUndefined();
  });
});
