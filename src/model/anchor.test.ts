import { describe, expect, it } from 'vitest';
import { type Anchor, shiftBetween } from './anchor.ts';

const THEN: Anchor = { bootId: 'a', monotonic: 1000, wall: 5000 };

/** Age at `now` of an instant that was 10 s old at THEN. */
function age(now: Anchor): number {
  return now.monotonic - (990 + shiftBetween(THEN, now));
}

describe('an instant kept over a restart', () => {
  it('within one boot goes by the monotonic clock, whatever the wall clock does', () => {
    expect(age({ bootId: 'a', monotonic: 1030, wall: 5030 })).toBe(40);
    expect(age({ bootId: 'a', monotonic: 1030, wall: 99_999 })).toBe(40);
    expect(age({ bootId: 'a', monotonic: 1030, wall: 0 })).toBe(40);
  });

  it('over a reboot ages by the wall clock', () => {
    expect(age({ bootId: 'b', monotonic: 20, wall: 5300 })).toBe(310);
    expect(age({ bootId: 'b', monotonic: 90_000, wall: 5300 })).toBe(310);
  });

  it('over a reboot that set the wall clock back does not get younger than it was', () => {
    expect(age({ bootId: 'b', monotonic: 20, wall: 4000 })).toBe(10);
  });

  it('of a monotonic clock that has gone back counts as of another boot', () => {
    expect(age({ bootId: 'a', monotonic: 5, wall: 5300 })).toBe(310);
  });
});
