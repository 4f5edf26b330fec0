import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { threshold } from './threshold.ts';

describe('threshold', () => {
  it('finds the least index from which on something holds, in few looks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        (count, least) => {
          let looks = 0;
          const found = threshold(count, index => {
            looks++;
            return index >= least;
          });
          expect(found).toBe(least <= count ? least : undefined);
          expect(looks).toBeLessThanOrEqual(26);
        },
      ),
    );
  });

  it('never gives an index for which it does not hold, and stays in the range', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.func(fc.boolean()), (count, holds) => {
        const found = threshold(count, holds);
        if (found === undefined) return;
        expect(found >= 1 && found <= count && holds(found)).toBe(true);
      }),
    );
  });
});
