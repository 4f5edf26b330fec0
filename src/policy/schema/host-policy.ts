import { z } from 'zod';
import { GiB } from '../../model/units.ts';
import { ApiVersion, expression, Metadata } from './fields.ts';
import { duration, pool, size } from './quantities.ts';
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
        .describe('observe decides and records and touches nothing; enforce moves balloons.'),
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
      defaults: Defaults.prefault({}).describe('What guest policies get that do not say it themselves.'),
    })
    .describe('What the policy says.'),
});
