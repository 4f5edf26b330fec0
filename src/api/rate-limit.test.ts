import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../test/fakes/fake-clock.ts';
import { createRateLimit } from './rate-limit.ts';

describe('the rate limit', () => {
  it('never lets a caller do more than the burst and what the time since has brought', () => {
    const steps = fc.array(fc.record({ wait: fc.double({ min: 0, max: 3, noNaN: true }), asks: fc.nat(20) }));
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 10 }),
        (all, perSecond, burst) => {
          const clock = createFakeClock();
          const allow = createRateLimit({ perSecond, burst }, clock);
          let [allowed, elapsed] = [0, 0];
          for (const { wait, asks } of all) {
            clock.advance(wait);
            elapsed += wait;
            for (let i = 0; i < asks; i += 1) if (allow('a')) allowed += 1;
            expect(allowed).toBeLessThanOrEqual(burst + elapsed * perSecond + 1e-6);
          }
          clock.advance(1);
          expect(allow('a')).toBe(true);
        },
      ),
    );
  });

  it('counts callers apart', () => {
    const allow = createRateLimit({ perSecond: 1, burst: 1 }, createFakeClock());
    expect(['a', 'a', 'b'].map(caller => allow(caller))).toEqual([true, false, true]);
  });

  it('forgets the quietest of many callers', () => {
    const allow = createRateLimit({ perSecond: 1, burst: 1 }, createFakeClock());
    allow('first');
    for (let i = 0; i < 1000; i += 1) allow(String(i));
    expect([allow('999'), allow('first')]).toEqual([false, true]);
  });
});
