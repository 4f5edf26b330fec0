import { z } from 'zod';
import { MiB } from '../../model/units.ts';
import type { Amount } from '../policy-set.ts';
import { expression, policyName } from './fields.ts';
import { amount, duration, quantityOr } from './quantities.ts';

/** A condition under which a guest is not shrunk. */
export const Veto = z.strictObject({
  name: policyName().describe('Name of the veto, for decisions and messages; unique within the policy.'),
  when: expression('guest.swap_out_rate > 256 * KiB').describe(
    'CEL condition; while it is true, or cannot be evaluated, the guest is not shrunk. It sees vars.*.',
  ),
  hold: duration({ max: 86_400 })
    .default(0)
    .describe('How long the veto stays in force after the condition was last true.'),
});

/** A condition under which a guest is given memory at once. */
export const Relief = z.strictObject({
  when: expression('guest.distress').describe(
    'CEL condition; while it is true the guest grows before all others, whatever step, rate, cooldown and level say, and gives nothing. What the host has is still the limit.',
  ),
  to: quantityOr<Amount>(
    'max',
    { ratio: 1 },
    amount({ ratio: { min: 0.01, max: 1 }, bytes: { min: 16 * MiB } }),
  )
    .default({ ratio: 1 })
    .describe(
      'Size that it is given: max, a size, or a percentage of its maximum. Never above guarantees.max, nor under its target.',
    ),
});
