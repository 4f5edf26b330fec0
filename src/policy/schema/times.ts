import { z } from 'zod';
import { isZone } from '../zone-time.ts';

const DAYS: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const DAY = DAYS.join('|');

/** Time of day on the clock, in minutes; `24:00` is the end of the day. */
export function timeOfDay(example: string): z.ZodType<number> {
  return z
    .string()
    .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { error: 'a time of day is written as 22:00' })
    .transform(text => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)))
    .meta({ examples: [example] });
}

/** Days of the week as ISO numbers, 1 is Monday; ranges may run over the end of the week. */
export function days(): z.ZodType<ReadonlySet<number>> {
  return z
    .array(
      z.string().regex(new RegExp(`^(${DAY})(-(${DAY}))?$`), {
        error: `a day is one of ${DAYS.join(', ')}, or a range of them: mon-fri`,
      }),
    )
    .min(1)
    .max(7)
    .transform(list => new Set(list.flatMap(daysOf)))
    .meta({ examples: [['mon-fri'], ['sat', 'sun']] });
}

function daysOf(text: string): number[] {
  const [from = 0, to = from] = text.split('-').map(day => DAYS.indexOf(day));
  const length = ((to - from + 7) % 7) + 1;
  return Array.from({ length }, (_, index) => ((from + index) % 7) + 1);
}

/** A name of the time zone database. */
export function timezone(): z.ZodType<string> {
  return z
    .string()
    .max(64)
    .refine(isZone, {
      error: 'there is no such time zone; the names are those of the tz database: Europe/Rome, UTC',
    })
    .meta({ examples: ['Europe/Rome'] });
}

/** A day of the calendar, to the end of which something holds in some zone, or an instant. */
export type Expiry = { readonly day: number } | { readonly wall: number };

const EXPIRY = /^(\d{4})-(\d{2})-(\d{2})(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/;

export function expiry(): z.ZodType<Expiry> {
  return z
    .string()
    .transform((text, context): Expiry => {
      const [, year, month, date, time] = EXPIRY.exec(text) ?? [];
      const midnight = Date.UTC(Number(year), Number(month) - 1, Number(date));
      const real = new Date(midnight).getUTCDate() === Number(date) && Number(month) <= 12;
      const instant = time === undefined ? midnight : Date.parse(text);
      if (real && Number.isFinite(instant))
        return time === undefined ? { day: midnight / 86_400_000 } : { wall: instant / 1000 };
      const message = 'expected a date such as 2026-12-31, or an instant such as 2026-12-31T18:00:00Z';
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .meta({ examples: ['2026-12-31', '2026-12-31T18:00:00+01:00'] });
}
