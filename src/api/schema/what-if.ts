/** What-if: policies as they would be after an edit. */
import { z } from 'zod';
import { Action, Bytes, document, Finding, SCHEMAS, SourceRef, Time } from './common.ts';

/** The sets that people edit in a page are small; a file of a set may be a MiB. */
const TEXT_MAX = 256 * 1024;
const FILES_MAX = 64;
const SECONDS_MAX = 3600;

const changes = z
  .array(z.strictObject({ file: z.string().min(1).max(4096), text: z.string().max(TEXT_MAX) }))
  .max(FILES_MAX)
  .default([])
  .describe('files of the set in force with another text; all others are as they are');

export const PolicyEdit = z.strictObject({ changes }).register(SCHEMAS, { id: 'PolicyEdit' });

export const WhatIfRequest = z
  .strictObject({
    changes,
    seconds: z.number().min(1).max(SECONDS_MAX).default(SECONDS_MAX).describe('how far back to begin'),
  })
  .register(SCHEMAS, { id: 'WhatIfRequest' });

export const PolicyCheck = document('PolicyCheck', 'Whether the edited set would be taken up.', {
  ok: z.boolean(),
  findings: z.array(Finding),
});

export const PolicyTests = document(
  'PolicyTests',
  "What the tests say that stand beside the set's files and name one of them.",
  {
    tests: z.array(
      z.object({
        name: z.string(),
        source: SourceRef,
        passed: z.boolean(),
        problems: z.array(z.string()).describe('each with what was expected and what was there'),
      }),
    ),
    findings: z.array(Finding).describe('errors for which tests could not run'),
  },
);

const side = {
  shrinks: z.number().int(),
  grows: z.number().int(),
  meanTakenBytes: Bytes.describe('bytes that guests did without of their maximum, on average'),
};

const Brief = z.object({ action: Action, reason: z.string(), targetBytes: Bytes.optional() });

export const WhatIf = document(
  'WhatIf',
  'The edited set, played over what the journal has, beside what really happened. An estimate: guests need what they needed, and have at once the size that the set gives them.',
  {
    policy: z.string().describe('name of the host policy'),
    from: Time,
    to: Time,
    ticks: z.number().int(),
    complete: z.boolean().describe('false when it took too long and ended before `to` was now'),
    problem: z.string().optional().describe('why some of what was decided is not known'),
    recorded: z.object(side),
    played: z.object({
      ...side,
      meanShortBytes: Bytes.describe('bytes that guests needed beyond their sizes, on average'),
    }),
    guests: z.array(
      z.object({
        uuid: z.string(),
        name: z.string(),
        recorded: z.object(side),
        played: z.object(side),
        worstShortBytes: Bytes.describe('the most that it needed beyond its size, in bytes'),
        different: z.number().int().describe('ticks with another action'),
      }),
    ),
    series: z.array(
      z.object({
        at: Time,
        recordedTakenBytes: Bytes,
        playedTakenBytes: Bytes,
        shortBytes: Bytes,
      }),
    ),
    differences: z
      .array(
        z.object({
          at: Time,
          domain: z.string(),
          uuid: z.string(),
          recorded: Brief,
          played: Brief,
        }),
      )
      .describe('the first ones; one that goes on is told once'),
    differencesInAll: z.number().int(),
  },
);
