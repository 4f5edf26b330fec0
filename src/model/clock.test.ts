import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';

describe('systemClock', () => {
  it('never goes back, and gives instants whose differences are exact', () => {
    const instants = Array.from({ length: 200 }, () => systemClock.now().monotonic);
    for (const [i, instant] of instants.entries()) {
      expect(instant).toBeGreaterThanOrEqual(instants[i - 1] ?? 0);
      // An instant on another clock, far away, and back: only a common binary grid keeps every bit.
      expect(instant - 1_000_000 + 1_000_000).toBe(instant);
    }
  });

  it('gives Unix time in seconds', () => {
    expect(Math.abs(systemClock.now().wall * 1000 - Date.now())).toBeLessThan(60_000);
  });
});
