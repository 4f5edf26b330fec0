import { z } from 'zod';

/** Order in which guests give when the host is short: a whole number, higher gives first. */
export function priority(): z.ZodType<number> {
  return z
    .int()
    .min(0)
    .max(10_000)
    .meta({ examples: [100, 300] });
}

/** Weight within one priority; zero would take everything from a guest. */
export function shares(): z.ZodType<number> {
  return z
    .int()
    .min(1)
    .max(1_000_000)
    .meta({ examples: [100] });
}
