/** Amounts of a scenario: a size, a share of the guest's maximum, or a draw that gives every guest of a class its own. */
import { z } from 'zod';
import { GiB, type Ratio, type Seconds, TiB } from '../../model/units.ts';
import type { Amount } from '../../policy/policy-set.ts';
import { amount, duration, size } from '../../policy/schema/quantities.ts';

/** What a class says once and each of its guests has for itself. */
export type Draw<T> =
  | { readonly value: T }
  /** Evenly between the two. */
  | { readonly from: T; readonly to: T }
  /** Log-linear between the percentiles, and beyond them as steep as between them. */
  | { readonly p5: T; readonly p50: T; readonly p95: T };

function drawOf<T>(schema: z.ZodType<T>, what: string, example: string): z.ZodType<Draw<T>> {
  const single = schema.transform((value): Draw<T> => ({ value }));
  return z
    .union(
      [
        single,
        z.strictObject({ from: schema, to: schema }),
        z.strictObject({ p5: schema, p50: schema, p95: schema }),
      ],
      { error: `expected a ${what} such as ${example}, {from: …, to: …} or {p5: …, p50: …, p95: …}` },
    )
    .meta({ title: what, examples: [example] });
}

const LARGEST = 64 * TiB;

/** A guest's memory. */
export function drawnSize(): z.ZodType<Draw<number>> {
  return drawOf(size({ min: 32 * 1024 ** 2, max: LARGEST }), 'size', '4GiB');
}

/** A size or a share of the guest's maximum. */
export function drawnAmount(): z.ZodType<Draw<Amount>> {
  return drawOf(anyAmount(), 'size or percentage', '25%');
}

export function drawnDuration(): z.ZodType<Draw<Seconds>> {
  return drawOf(time(), 'duration', '30s');
}

export function anyAmount(): z.ZodType<Amount> {
  return amount({ ratio: { min: 0, max: 10 }, bytes: { max: LARGEST } });
}

/** A share, written in percent. */
export function share(most: Ratio = 1): z.ZodType<Ratio> {
  return anyAmount()
    .transform((value, context): Ratio => {
      if ('ratio' in value && value.ratio <= most) return value.ratio;
      context.addIssue({
        code: 'custom',
        message: `expected a percentage of at most ${most * 100}%`,
        params: { code: 'POLICY_RANGE' },
      });
      return z.NEVER;
    })
    .meta({ title: 'percentage', type: 'string', pattern: '^\\d+(\\.\\d+)?\\s*%$', examples: ['50%'] });
}

/** A span of a scenario's time. */
export function time(least: Seconds = 0): z.ZodType<Seconds> {
  return duration({ min: least, max: 366 * 86_400 });
}

/** A host has at least this. */
export const HOST_MIN = 256 * 1024 ** 2;
export const HOST_MAX = 64 * 1024 * GiB;
