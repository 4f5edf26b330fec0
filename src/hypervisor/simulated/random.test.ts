import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveSeed, randomAt, randomUuid } from './random.ts';

describe('randomAt', () => {
  it('gives the same numbers for ever', () => {
    // From an independent implementation in Python, whose integers have no width.
    expect([0, 1, 2].map(i => randomAt(1, i) * 2 ** 32)).toEqual([2527132011, 314344336, 2535364964]);
  });

  it('stays in [0, 1) for any seed and index', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (seed, index) => {
        const value = randomAt(seed, index);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThan(1);
      }),
    );
  });

  it('fills ten equal classes evenly', () => {
    const classes = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) {
      const index = Math.floor(randomAt(42, i) * 10);
      classes[index] = (classes[index] ?? 0) + 1;
    }
    // Chi square with 9 degrees of freedom; 27.9 is its 99.9 % point.
    const chiSquare = classes.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(27.9);
  });

  it('does not repeat itself from one index to the next', () => {
    const values = Array.from({ length: 20_000 }, (_, i) => randomAt(7, i) - 0.5);
    const correlation =
      values.slice(1).reduce((sum, value, i) => sum + value * (values[i] ?? 0), 0) / values.length;
    expect(Math.abs(correlation) * 12).toBeLessThan(0.03);
  });
});

describe('deriveSeed', () => {
  it('separates labels and seeds', () => {
    const seeds = new Set(
      [0, 1, 2].flatMap(seed => ['', 'a', 'b', 'web-1', 'web-2'].map(label => deriveSeed(seed, label))),
    );
    expect(seeds.size).toBe(15);
  });
});

describe('randomUuid', () => {
  it('has the form of a version 4 UUID and differs by seed', () => {
    expect(randomUuid(1)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(randomUuid(1)).not.toBe(randomUuid(2));
  });
});
