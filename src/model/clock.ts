import type { Seconds } from './units.ts';

/** One moment on both clocks. Intervals are measured on the monotonic one; the wall clock only meets `last_update` and schedules. */
export interface Instant {
  /** Seconds since an arbitrary start; never goes back, whatever is done to the wall clock. */
  readonly monotonic: Seconds;
  /** Unix time, seconds. */
  readonly wall: Seconds;
}

/** The port through which everything that needs the time gets it. */
export interface Clock {
  now(): Instant;
}

export const systemClock: Clock = {
  now: () => ({ monotonic: performance.now() / 1000, wall: Date.now() / 1000 }),
};
