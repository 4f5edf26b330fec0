import { z } from 'zod';
import { GiB } from '../../model/units.ts';
import { ApiVersion, expression, Metadata } from './fields.ts';
import { countOrPercent, duration, pool, rate, size } from './quantities.ts';
import { priority, shares } from './weights.ts';

const Level = z.strictObject({
  name: z
    .string()
    .max(63)
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'a level is named by letters, digits and underscores' })
    .describe('Name of the level, for `at` in guest policies. `none` is the level when no other is entered.')
    .meta({ examples: ['soft', 'hard', 'critical'] }),
  when: expression('host.available_ratio < 0.08').describe(
    'CEL condition over host.*; true while the host is this short.',
  ),
  for: duration({ max: 3600 })
    .default(0)
    .describe('How long the condition must hold without a break before the level is entered.'),
  keepFor: duration({ max: 86_400 })
    .default(60)
    .describe(
      'How long the condition must be false before the level is left. Keeps the host from going back and forth.',
    ),
});

const Reserve = z.strictObject({
  bytes: size().optional().describe('Memory that is never planned away, as a size.'),
  percent: z
    .number()
    .min(0)
    .max(90)
    .optional()
    .describe('Memory that is never planned away, in percent of the pool.')
    .meta({ examples: [6] }),
  select: z.enum(['max', 'min']).default('max').describe('Which of the two counts when both are given.'),
});

const Limits = z.strictObject({
  reclaimRate: rate()
    .optional()
    .describe(
      'Most memory taken from all guests together over time; a minute of it can be taken at once. Memory for a guest in distress does not wait for it.',
    ),
  concurrentMoves: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Most guests on their way at once. Growth counts, and is never kept waiting.')
    .meta({ examples: [8] }),
  guestsPerTick: countOrPercent()
    .optional()
    .describe(
      'Most guests that shrink in one tick: a number of guests, or a percentage of those there are, rounded up.',
    ),
});

const Defaults = z.strictObject({
  priority: priority().default(100).describe('Priority of guest policies that give none.'),
  shares: shares().default(100).describe('Shares of guest policies that give none.'),
});

/** The kind HostPolicy: what the host keeps, how pressure is told, how often it is looked at. One per policy set. */
export const HostPolicyDocument = z.strictObject({
  apiVersion: ApiVersion,
  kind: z.literal('HostPolicy').describe('Kind of the document.'),
  metadata: Metadata,
  spec: z
    .strictObject({
      mode: z
        .enum(['observe', 'enforce'])
        .default('observe')
        .describe(
          'observe decides and records and touches nothing; enforce moves balloons. A daemon that enforces can be told to observe, and back, while it runs; one that began with observe asked for no rights and must be restarted to enforce.',
        ),
      interval: duration({ min: 0.1, max: 600 })
        .default(1)
        .describe('Length of one tick. Guests are asked for statistics as often.'),
      memory: pool()
        .default({ kind: 'auto' })
        .describe(
          'The pool that guests share: auto (all of the host), cgroup:/path, or a size. A size is for guests alone: what QEMU needs beside them comes from outside it.',
        ),
      reserve: Reserve.prefault({ bytes: `${GiB}B`, percent: 6 }).describe(
        'Memory of the pool that is never planned away.',
      ),
      staleAfter: duration({ max: 3600 })
        .optional()
        .describe(
          'A guest whose statistics are older is held. Never less than twice the interval and two seconds.',
        ),
      pressure: z
        .array(Level)
        .max(16)
        .default([])
        .describe(
          'Levels of memory pressure, the most severe first; the first one whose condition holds is the level.',
        ),
      onExit: z
        .enum(['hold', 'release'])
        .default('hold')
        .describe(
          'What a stop leaves behind: hold leaves guests at their size, release gives them their memory back.',
        ),
      surplus: z
        .enum(['keep', 'return'])
        .default('keep')
        .describe(
          'Memory that no guest needs: keep leaves it free on the host, return gives it to guests by their shares while no pressure level is entered.',
        ),
      shortage: z
        .enum(['keep', 'share'])
        .default('keep')
        .describe(
          'When not even what guests use fits in the host: keep takes nothing that is in use, so that who came first has most; share takes it in small steps from guests with more than their share, by priority and shares and never below their guarantees, for guests in distress. Only guests that have shown that they can swap give.',
        ),
      limits: Limits.prefault({}).describe(
        'Limits of all shrinks of the host together. Without them there are none.',
      ),
      foreignChange: z
        .strictObject({
          yieldFor: duration({ min: 1, max: 86_400 })
            .default(600)
            .describe('How long the guest is left alone after the last such change.'),
        })
        .optional()
        .describe(
          'What happens when somebody else moves a balloon (virsh setmem, another tool): the guest is left to them for a while. Without it, the guest is moved back as its policy says.',
        ),
      defaults: Defaults.prefault({}).describe('What guest policies get that do not say it themselves.'),
    })
    .describe('What the policy says.'),
});
