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

/** Counts of the monotonic clock in a second: a power of two, about a microsecond each. */
const COUNTS_PER_SECOND = 2 ** 20;

/**
 * CLOCK_MONOTONIC, not the time since this process began: a later process of the same boot reads instants kept by this one.
 *
 * Instants are whole multiples of 2^-20 s, so that their differences are exact doubles: one that is kept as an age, or moved to
 * another clock, comes back to the bit. (Unix time in milliseconds as seconds lies on a grid of 2^-22 s by its size alone.)
 */
export const systemClock: Clock = {
  now: () => ({
    monotonic: Math.round(Number(process.hrtime.bigint()) * (COUNTS_PER_SECOND / 1e9)) / COUNTS_PER_SECOND,
    wall: Date.now() / 1000,
  }),
};

/** Calls `then` once, when so much time has passed; the function returned calls it off. */
export type Timer = (seconds: Seconds, then: () => void) => () => void;

export const systemTimer: Timer = (seconds, then) => {
  const timeout = setTimeout(then, seconds * 1000);
  return () => clearTimeout(timeout);
};
