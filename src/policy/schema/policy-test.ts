import { z } from 'zod';
import { REASONS } from '../../model/decision.ts';
import { MiB } from '../../model/units.ts';
import { ApiVersion, expression } from './fields.ts';
import { duration, size } from './quantities.ts';

/** Longest text of one series; a day of one-second samples fits many times over in the notation. */
const SERIES_LENGTH_MAX = 10_000;

const Metadata = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(200)
      .describe('What the test shows, as a sentence: it stands in the report. Unique in its file.')
      .meta({ examples: ['gives back under soft pressure'] }),
    description: z
      .string()
      .max(1000)
      .optional()
      .describe('Why it is tested, for readers.')
      .meta({ examples: ['Caches of batch guests are worth little.'] }),
  })
  .describe('Name of the test.');

const Host = z
  .strictObject({
    memory: size({ min: 64 * MiB })
      .describe('Size of the pool that the guests share: what host.total reads.')
      .meta({ examples: ['64GiB'] }),
    others: size()
      .optional()
      .describe(
        'Memory of the host that is not its guests’. host.available is then what others and guests leave, and rises when guests give back.',
      )
      .meta({ examples: ['2GiB'] }),
  })
  .describe('The host of the test.');

const Guest = z.strictObject({
  name: z
    .string()
    .max(255)
    .regex(/^[A-Za-z0-9_][\w.+@:-]*$/, {
      error:
        'a guest of a test is named by letters, digits and . _ + @ : -, and begins with none of the last',
    })
    .describe('Domain name; series and conditions name the guest by it.')
    .meta({ examples: ['batch-1'] }),
  uuid: z
    .string()
    .regex(/^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/, {
      error: 'a UUID is 8-4-4-4-12 hexadecimal digits',
    })
    .optional()
    .describe('UUID, for policies that match by it. One is made up when it is left out.')
    .meta({ examples: ['6d1b7c1e-3a2f-4c55-9d0a-000000000001'] }),
  title: z
    .string()
    .max(255)
    .optional()
    .describe('Domain title, for policies that match by it.')
    .meta({ examples: ['Database 1'] }),
  tags: z
    .record(z.string(), z.string().max(256))
    .optional()
    .describe('Tags of the domain, for policies that match by them. A guest has none when they are left out.')
    .meta({ examples: [{ tier: 'gold' }] }),
  os: z
    .string()
    .max(256)
    .optional()
    .describe("Operating system by libosinfo's id, for policies that match by it.")
    .meta({ examples: ['http://debian.org/debian/12'] }),
  max: size({ min: 16 * MiB })
    .describe('Maximum memory of the domain.')
    .meta({ examples: ['8GiB'] }),
  current: size({ min: 16 * MiB })
    .optional()
    .describe(
      'Size at the start; the maximum when it is left out. From then on the guest follows what is decided.',
    )
    .meta({ examples: ['8GiB'] }),
});

const Range = z.strictObject({
  atLeast: size().optional().describe('The least that it may be.'),
  atMost: size().optional().describe('The most that it may be.'),
});

function sizeOrRange() {
  return z.union([size(), Range], {
    error: 'expected a size such as 6GiB, or {atLeast: 6GiB, atMost: 7GiB}',
  });
}

const action = () => z.enum(['shrink', 'grow', 'hold']).optional();

/** The codes are told apart when the test is compiled, which knows what is meant by a misspelt one. */
const reason = () =>
  z
    .string()
    .optional()
    .meta({ title: 'reason code', enum: Object.keys(REASONS) });

const Expectation = z.strictObject({
  at: duration({ max: 31 * 86_400 })
    .describe('Time since the start. It is looked at in the last tick that is not after it.')
    .meta({ examples: ['40s'] }),
  within: duration({ max: 31 * 86_400 })
    .optional()
    .describe('It is enough that one tick from `at` on, for this long, is as expected.')
    .meta({ examples: ['1m'] }),
  level: z
    .string()
    .optional()
    .describe('Pressure level of the host.')
    .meta({ examples: ['soft'] }),
  guest: z
    .string()
    .optional()
    .describe('Guest that the fields below are about.')
    .meta({ examples: ['batch-1'] }),
  policy: z
    .string()
    .optional()
    .describe('Name of the policy that governs the guest.')
    .meta({ examples: ['standard'] }),
  action: action().describe('What is decided for the guest.'),
  target: sizeOrRange()
    .optional()
    .describe('Size that the guest is to have; the one it keeps when it is held.')
    .meta({ examples: ['6GiB', { atLeast: '6GiB', atMost: '7GiB' }] }),
  reason: reason().describe('Reason code of the decision.'),
});

const Never = z.strictObject({
  guest: z
    .string()
    .optional()
    .describe('Guest that it is about; every guest when it is left out.')
    .meta({ examples: ['batch-1'] }),
  level: z
    .string()
    .optional()
    .describe('Pressure level of the host.')
    .meta({ examples: ['critical'] }),
  action: action().describe('What is decided.'),
  reason: reason().describe('Reason code of the decision.'),
});

/** The kind PolicyTest: a host, guests and their figures over time, and what the policies must make of them. */
export const PolicyTestDocument = z.strictObject({
  apiVersion: ApiVersion,
  kind: z.literal('PolicyTest').describe('Kind of the document.'),
  metadata: Metadata,
  policies: z
    .array(z.string().min(1).max(1024))
    .min(1)
    .max(64)
    .describe('Policy files and folders under test, as one set; paths are relative to the test file.')
    .meta({ examples: [['standard.yaml']] }),
  start: z.iso
    .datetime({
      offset: true,
      error: 'write a date and time with its zone, such as 2026-01-05T21:58:00+01:00',
    })
    .default('2026-01-01T12:00:00Z')
    .describe('Date and time at which the test starts, with its zone.')
    .meta({ examples: ['2026-01-05T21:58:00+01:00'] }),
  interval: duration({ min: 0.1, max: 3600 })
    .optional()
    .describe(
      'Length of one tick, and of one sample of a series. The interval of the host policy when it is left out.',
    )
    .meta({ examples: ['1s'] }),
  duration: duration({ max: 31 * 86_400 })
    .optional()
    .describe(
      'How long the test runs. Until the last series and the last expectation end when it is left out.',
    )
    .meta({ examples: ['5m'] }),
  host: Host,
  guests: z.array(Guest).max(256).default([]).describe('The guests of the host.'),
  series: z
    .record(
      z.string(),
      z.union([z.string().max(SERIES_LENGTH_MAX), z.number()], {
        error: 'expected samples with spaces between them, such as 20GiB 9GiBx60',
      }),
    )
    .default({})
    .describe(
      'Figures over time, by name (host.available, GUEST.used). One sample a tick: 20GiB 9GiBx60 is one and then 61; 2GiB+16MiBx30 grows; _ is missing; stale is a guest that stops reporting.',
    )
    .meta({ examples: [{ 'host.available': '20GiB 9GiBx60', 'batch-1.used': '2GiBx60' }] }),
  expect: z.array(Expectation).max(1000).default([]).describe('What must be so at some time.'),
  always: z
    .array(expression('batch-1.target >= 2 * GiB'))
    .max(100)
    .default([])
    .describe('CEL conditions over host.* and guests by name that must be true in every tick.')
    .meta({ examples: [['batch-1.target >= 2 * GiB']] }),
  never: z
    .array(Never)
    .max(100)
    .default([])
    .describe('Decisions that must not be made in any tick.')
    .meta({ examples: [[{ guest: 'batch-1', reason: 'EXPRESSION_FAILED' }]] }),
});

/** Most ticks of one test: more than a day of seconds. */
export const TICKS_MAX = 100_000;

/** Most decisions of one test, ticks times guests: about half a minute. */
export const DECISIONS_MAX = 1_000_000;

/** What a guest uses when a test does not say: this share of its size at the start. */
export const DEFAULT_USE = 0.5;
