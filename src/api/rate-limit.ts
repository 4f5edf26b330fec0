import type { Clock } from '../model/clock.ts';
import type { Seconds } from '../model/units.ts';

export interface Rate {
  readonly perSecond: number;
  /** As many may come at once after a quiet time. */
  readonly burst: number;
}

/** Callers that are remembered; one who has been quiet longest is forgotten, with a bucket that was full by then or nearly. */
const CALLERS_MAX = 1000;

/** A token bucket for each caller. @returns a function that says whether one more request of the caller is allowed */
export function createRateLimit(rate: Rate, clock: Clock): (caller: string) => boolean {
  const buckets = new Map<string, { tokens: number; at: Seconds }>();
  return caller => {
    const now = clock.now().monotonic;
    const { tokens, at } = buckets.get(caller) ?? { tokens: rate.burst, at: now };
    const filled = Math.min(rate.burst, tokens + (now - at) * rate.perSecond);
    const allowed = filled >= 1;
    // Set anew, so that the first of the map is the one that has been quiet longest.
    buckets.delete(caller);
    buckets.set(caller, { tokens: allowed ? filled - 1 : filled, at: now });
    if (buckets.size > CALLERS_MAX) {
      const [quietest] = buckets.keys();
      if (quietest !== undefined) buckets.delete(quietest);
    }
    return allowed;
  };
}
