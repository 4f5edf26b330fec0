import type { Seconds } from './units.ts';

/** One moment on both clocks. Intervals are measured on the monotonic one; the wall clock only meets `last_update` and schedules. */
export interface Instant {
  /** Seconds since the host booted, or another arbitrary start; never goes back, whatever is done to the wall clock. */
  readonly monotonic: Seconds;
  /** Unix time, seconds. */
  readonly wall: Seconds;
}

/** The port through which everything that needs the time gets it. */
export interface Clock {
  now(): Instant;
}

/** CLOCK_MONOTONIC, not the time since this process began: a later process of the same boot reads instants kept by this one. */
export const systemClock: Clock = {
  now: () => ({ monotonic: Number(process.hrtime.bigint()) / 1e9, wall: Date.now() / 1000 }),
};
