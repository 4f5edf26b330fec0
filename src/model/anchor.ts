import type { Instant } from './clock.ts';
import type { Seconds } from './units.ts';

/** A moment on both clocks, and the boot of the host whose monotonic clock it was. */
export interface Anchor extends Instant {
  readonly bootId: string;
}

/**
 * What must be added to an instant noted at `then` for the monotonic clock of `now`.
 *
 * Within one boot that is nothing, whatever was done to the wall clock. Over a reboot the wall clock says how long it took; one
 * that has gone back says nothing, and the instants count as just noted: cooldowns then last longer, never shorter.
 */
export function shiftBetween(then: Anchor, now: Anchor): Seconds {
  // A monotonic clock that has gone back is another one, as in a container with a time namespace of its own.
  if (then.bootId === now.bootId && then.monotonic <= now.monotonic) return 0;
  return now.monotonic - then.monotonic - Math.max(0, now.wall - then.wall);
}
