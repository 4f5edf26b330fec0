import { z } from 'zod';
import { MiB } from '../../model/units.ts';
import { expression, policyName } from './fields.ts';
import { amount, duration, rate, size } from './quantities.ts';
import { Selector } from './selector.ts';
import { days, expiry, timeOfDay, timezone } from './times.ts';
import { priority, shares } from './weights.ts';

function direction() {
  return z.strictObject({
    at: z
      .array(z.string())
      .optional()
      .describe('Pressure levels at which the guest may move this way.')
      .meta({ examples: [['soft', 'hard']] }),
    step: z
      .strictObject({
        max: amount({ ratio: { min: 0.001, max: 1 }, bytes: { min: MiB } })
          .optional()
          .describe('Largest change in one move.'),
        min: size().optional().describe('Smallest change worth a move.'),
      })
      .optional()
      .describe('Limits of one move.'),
    rate: rate().optional().describe('Most memory moved over time.'),
    cooldown: duration({ max: 86_400 }).optional().describe('Time between two moves this way.'),
  });
}

const guarantee = () => amount({ ratio: { min: 0.01, max: 1 }, bytes: { min: 16 * MiB } }).optional();

/** The fields of a policy that a schedule or an exception may set. What it does not set stays as it is. */
const Overlay = z.strictObject({
  mode: z.enum(['observe', 'enforce']).optional().describe('observe: these guests are not moved.'),
  priority: priority().optional().describe('Who gives first when the host is short.'),
  shares: shares().optional().describe('How guests of one priority split what there is.'),
  idleTax: z
    .number()
    .min(0)
    .max(0.99)
    .optional()
    .describe('How little idle memory counts.')
    .meta({ examples: [0.5] }),
  target: expression('guest.max')
    .optional()
    .describe('CEL expression: the size in bytes that the guest shall have.'),
  guarantees: z
    .strictObject({
      min: guarantee().describe('The guest is never made smaller than this.'),
      max: guarantee().describe('The guest is never made larger than this.'),
      reserve: size().optional().describe('Memory that the guest keeps beyond what it uses.'),
    })
    .optional()
    .describe('Hard limits.'),
  behavior: z
    .strictObject({
      tolerance: z
        .strictObject({
          percent: z
            .number()
            .min(0)
            .max(50)
            .optional()
            .describe('Dead band in percent of the present size.')
            .meta({ examples: [2] }),
          bytes: size().optional().describe('Dead band as a size.'),
        })
        .optional()
        .describe('Targets this close to the present size are not worth a move.'),
      shrink: direction()
        .extend({
          stabilization: duration({ max: 3600 })
            .optional()
            .describe('How long a target must have been as low.'),
        })
        .optional()
        .describe('How memory is taken.'),
      grow: direction().optional().describe('How memory is given.'),
    })
    .optional()
    .describe('How fast the guest gets to its target.'),
});

export const Schedule = z.strictObject({
  name: policyName().describe('Name of the schedule, for decisions and messages; unique within the policy.'),
  days: days().prefault(['mon-sun']).describe('Days on which it begins: mon to sun, and ranges of them.'),
  from: timeOfDay('22:00')
    .prefault('00:00')
    .describe('Time of day at which it begins, on clocks of its zone.'),
  to: timeOfDay('06:00')
    .prefault('24:00')
    .describe(
      'Time of day at which it ends; on the next day when it is before `from`. 24:00 is the end of the day.',
    ),
  timezone: timezone()
    .optional()
    .describe('Its zone, whose summer time it follows. Default: that of the policy.'),
  set: Overlay.describe(
    'What it sets; what it leaves out stays as it is. Later schedules go over earlier ones.',
  ),
});

export const PolicyException = z.strictObject({
  name: policyName().describe('Name of the exception, for decisions and messages; unique within the policy.'),
  match: Selector.describe('Guests of this policy that it is for; same form as match of the policy.'),
  reason: z
    .string()
    .min(1)
    .max(1000)
    .describe('Why there is an exception: a ticket, a name.')
    .meta({ examples: ['CHG-1234'] }),
  expires: expiry().describe(
    'When it ends: a date, which it still covers, in the zone of the policy, or an instant with its offset. An expired exception does nothing.',
  ),
  set: Overlay.describe('What it sets, over the policy and its schedules.'),
});
