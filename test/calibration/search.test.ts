import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { search } from './search.ts';

const value = fc.double({ min: -10, max: 10, noNaN: true });

it('finds the bottom of a bowl, or the bound nearest to it', () => {
  fc.assert(
    fc.property(value, value, (x, y) => {
      const bounds = { least: -4, most: 4, start: 0 };
      const [a = 0, b = 0] = search(
        [
          { name: 'a', ...bounds },
          { name: 'b', ...bounds },
        ],
        ([p = 0, q = 0]) => (p - x) ** 2 + 3 * (q - y) ** 2,
      );
      expect(Math.abs(a - Math.min(4, Math.max(-4, x)))).toBeLessThan(0.1);
      expect(Math.abs(b - Math.min(4, Math.max(-4, y)))).toBeLessThan(0.1);
    }),
    { numRuns: 50 },
  );
});
