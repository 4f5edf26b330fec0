/** Memory over time. Columns have one figure a row, oldest first; null where it is not known. */
import { z } from 'zod';
import { document, SCHEMAS, Seconds, Time } from './common.ts';

const Column = z
  .array(z.number().nullable())
  .register(SCHEMAS, { id: 'Column', description: 'Bytes, one a row, oldest first; null: not known.' });

const rows = {
  at: Time.describe('of the last row'),
  stepSeconds: Seconds.describe('from one row to the next'),
};

export const HostHistoryQuery = z.strictObject({
  range: z.enum(['hour', 'day']).default('hour').describe('rows of 5 s, or of 2 minutes'),
});

const GUEST_COLUMN_NAMES = ['size', 'target', 'wanted', 'used', 'held', 'min', 'max'] as const;

export const GuestsHistoryQuery = z.strictObject({
  points: z.coerce.number().int().min(2).max(240).default(40).describe('at most so many rows'),
  column: z.enum(GUEST_COLUMN_NAMES).default('used'),
  largest: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('only the guests with most in the last row; the rest is added up in `others`'),
});

export const HostHistory = document('HostHistory', "What the host's memory was used for.", {
  ...rows,
  total: Column,
  guestsUsed: Column.describe('held by guests and in use by them'),
  guestsCache: Column.describe('held by guests for their page caches'),
  guestsHeadroom: Column.describe('held by guests and free in them'),
  others: Column.describe('used by the host itself and by other processes'),
  reclaimable: Column.describe('what the kernel of the host gives back when asked'),
  free: Column,
  ballooned: Column.describe("what the balloons hold, beyond the host's total"),
  level: z.array(z.string().nullable()).describe('pressure level'),
});

export const GuestHistory = document('GuestHistory', "One guest's memory.", {
  ...rows,
  domain: z.string(),
  uuid: z.string(),
  columns: z.record(z.enum(GUEST_COLUMN_NAMES), Column),
});

export const GuestsHistory = document('GuestsHistory', 'One figure of all guests.', {
  ...rows,
  items: z.array(z.object({ domain: z.string(), uuid: z.string(), values: Column })),
  others: Column.optional(),
});
