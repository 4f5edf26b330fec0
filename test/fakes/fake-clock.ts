import type { Clock, Instant } from '../../src/model/clock.ts';
import type { Seconds } from '../../src/model/units.ts';

/** A clock that stands still until it is told to move. The wall clock can be set without the monotonic one noticing. */
export interface FakeClock extends Clock {
  advance(seconds: Seconds): void;
  setWall(wall: Seconds): void;
}

export function createFakeClock(start: Instant = { monotonic: 1000, wall: 1_700_000_000 }): FakeClock {
  let { monotonic, wall } = start;
  return {
    now: () => ({ monotonic, wall }),
    advance(seconds) {
      monotonic += seconds;
      wall += seconds;
    },
    setWall(instant) {
      wall = instant;
    },
  };
}
