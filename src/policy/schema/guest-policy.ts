import { z } from 'zod';
import { MiB } from '../../model/units.ts';
import { ApiVersion, expression, Metadata } from './fields.ts';
import { PolicyException, Schedule } from './layers.ts';
import { Relief, Veto } from './protection.ts';
import { amount, duration, rate, size } from './quantities.ts';
import { Selector } from './selector.ts';
import { timezone } from './times.ts';
import { priority, shares } from './weights.ts';

const Guarantees = z.strictObject({
  min: amount({ ratio: { min: 0.01, max: 1 }, bytes: { min: 16 * MiB } })
    .default({ ratio: 0.25 })
    .describe('The guest is never made smaller than this: a size, or a percentage of its maximum.'),
  max: amount({ ratio: { min: 0.01, max: 1 }, bytes: { min: 16 * MiB } })
    .default({ ratio: 1 })
    .describe('The guest is never made larger than this: a size, or a percentage of its maximum.'),
  reserve: size()
    .default(256 * MiB)
    .describe('Memory that the guest keeps beyond what it uses. Expressions see it as guarantees.reserve.'),
});

const Estimate = z.strictObject({
  signal: z.literal('used').default('used').describe('The figure whose past gives guest.demand.'),
  window: duration({ min: 1, max: 86_400 }).default(600).describe('How far back demand looks.'),
  quantile: z
    .number()
    .min(0.5)
    .max(1)
    .default(0.95)
    .describe("Share of the window's time that demand must cover."),
  growth: duration({ max: 300 })
    .default(2)
    .describe(
      'Demand is at least the present use plus its growth over this time; about the time that growing a guest takes.',
    ),
});

const Variable = z.strictObject({
  name: z
    .string()
    .max(63)
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'a variable is named by letters, digits and underscores' })
    .describe('Name of the variable; expressions read it as vars.NAME.')
    .meta({ examples: ['headroom'] }),
  expression: expression('max(guarantees.reserve, guest.demand * 0.15)').describe(
    'CEL expression that gives a number. It sees the variables above it.',
  ),
});

const Tolerance = z.strictObject({
  percent: z
    .number()
    .min(0)
    .max(50)
    .default(2)
    .describe('Dead band in percent of the present size; the wider of the two counts.'),
  bytes: size()
    .default(16 * MiB)
    .describe('Dead band as a size; the wider of the two counts.'),
});

interface DirectionDefaults {
  readonly stepMax: number;
  readonly stepMin: number;
  readonly cooldown: number;
}

function direction({ stepMax, stepMin, cooldown }: DirectionDefaults, verb: string) {
  return z.strictObject({
    at: z
      .array(z.string())
      .optional()
      .describe(`Pressure levels at which the guest may be ${verb}. An empty list is never.`)
      .meta({ examples: [['soft', 'hard']] }),
    step: z
      .strictObject({
        max: amount({ ratio: { min: 0.001, max: 1 }, bytes: { min: MiB } })
          .default({ ratio: stepMax })
          .describe("Largest change in one move: a size, or a percentage of the guest's maximum."),
        min: size().default(stepMin).describe('Smallest change worth a move.'),
      })
      .prefault({})
      .describe('Limits of one move.'),
    rate: rate()
      .optional()
      .describe('Most memory moved over time. Without it, step and cooldown are the only limits.'),
    cooldown: duration({ max: 86_400 }).default(cooldown).describe('Time between two moves this way.'),
  });
}

const ColdMemory = z.strictObject({
  swap: amount({ ratio: { min: 0.01, max: 4 }, bytes: { min: 16 * MiB } })
    .describe(
      "Swap that every one of these guests has, by your word: a size, or a percentage of its maximum. A guest is made to fill at most half of it, and three quarters while another one is in need. Nothing in a guest's statistics tells its swap, and one that has none is killed when it is squeezed too far.",
    )
    .meta({ examples: ['512MiB', '25%'] }),
  at: z
    .array(z.string())
    .optional()
    .describe(
      'Pressure levels at which guests are squeezed though no other is in need: every one but none, if left out. With an empty list they only give when another one needs it. Whether a guest swaps at all is tried once, at any level at which it may be shrunk.',
    )
    .meta({ examples: [['hard', 'critical']] }),
  step: amount({ ratio: { min: 0.001, max: 0.0625 }, bytes: { min: MiB } })
    .default({ ratio: 0.03125 })
    .describe(
      'Most that one step takes of what a guest uses: a size, or a percentage of its maximum, of which a sixteenth is never passed.',
    ),
  refault: rate()
    .default(4 * MiB)
    .describe(
      'When more than this is read back from swap, or by page faults, the squeeze ends and the guest gets room again.',
    )
    .meta({ examples: ['4MiB/s'] }),
  rest: duration({ min: 1, max: 86_400 })
    .default(60)
    .describe('Time from the end of one squeeze of a guest to the beginning of the next.'),
});

/** The kind GuestPolicy: which guests it governs, what they are promised, how large they shall be and how fast they get there. */
export const GuestPolicyDocument = z.strictObject({
  apiVersion: ApiVersion,
  kind: z.literal('GuestPolicy').describe('Kind of the document.'),
  metadata: Metadata,
  spec: z
    .strictObject({
      mode: z
        .enum(['observe', 'enforce'])
        .default('enforce')
        .describe(
          'observe: targets are decided for these guests and nothing moves, whatever the host policy says.',
        ),
      timezone: timezone()
        .default('UTC')
        .describe('Zone of its schedules and of now.hour and now.weekday in its expressions.'),
      precedence: z
        .int()
        .min(0)
        .max(1_000_000)
        .default(100)
        .describe('Of the policies that match a guest, the one with the highest precedence governs it.'),
      match: Selector.describe(
        'Guests that this policy is for: every field given must match, one glob of its list is enough. {} is every guest.',
      ),
      exclude: Selector.optional().describe(
        'Guests of these that it is not for after all; same form as match.',
      ),
      guarantees: Guarantees.prefault({}).describe(
        'Hard limits, which nothing else in a policy can override.',
      ),
      estimate: Estimate.prefault({}).describe('How guest.demand is made from the past.'),
      variables: z.array(Variable).max(32).default([]).describe('Named parts of the target, for readers.'),
      target: expression('guest.demand + vars.headroom')
        .optional()
        .describe('CEL expression: the size in bytes that the guest shall have.'),
      priority: priority()
        .optional()
        .describe('Who gives first when the host is short: a higher number gives earlier.'),
      shares: shares().optional().describe('How guests of one priority split what there is.'),
      idleTax: z
        .number()
        .min(0)
        .max(0.99)
        .default(0.75)
        .describe('0: shares alone count; towards 1: memory that lies idle counts for less and less.'),
      behavior: z
        .strictObject({
          tolerance: Tolerance.prefault({}).describe(
            'Targets this close to the present size are not worth a move.',
          ),
          shrink: direction({ stepMax: 0.1, stepMin: 32 * MiB, cooldown: 15 }, 'shrunk')
            .extend({
              stabilization: duration({ max: 3600 })
                .default(0)
                .describe(
                  'A shrink goes no lower than the highest target of this long. A host that is too small for all targets does not wait for it.',
                ),
            })
            .prefault({})
            .describe('How memory is taken.'),
          grow: direction({ stepMax: 1, stepMin: 0, cooldown: 0 }, 'grown')
            .prefault({})
            .describe('How memory is given.'),
        })
        .prefault({})
        .describe('How fast the guest gets to its target.'),
      vetoes: z
        .array(Veto)
        .max(32)
        .default([])
        .describe('Conditions under which the guest is not shrunk, whoever needs its memory.'),
      cold: ColdMemory.optional().describe(
        'Takes memory that guests use and seldom touch, by having them swap it out, while the host is short or another guest is in need. Without it, what a guest uses is its own. A veto that holds ends it, so one on swapping does not go with it (LINT_COLD).',
      ),
      schedules: z.array(Schedule).max(32).default([]).describe('What is different at some hours.'),
      exceptions: z
        .array(PolicyException)
        .max(64)
        .default([])
        .describe('What is different for some guests until a date.'),
      relief: Relief.optional().describe(
        'When the guest is given memory at once. Without it, a guest in distress gets what it needs, a quarter more, and its reserve.',
      ),
    })
    .describe('What the policy says.'),
});
