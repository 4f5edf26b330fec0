/** What the API answers. One zod source for the server's types, the client's checks and the OpenAPI document. */
import { z } from 'zod';
import {
  Action,
  API_VERSION,
  Bytes,
  Decision,
  DecisionRecord,
  document,
  EventRecord,
  Finding,
  Pause,
  Readings,
  SCHEMAS,
  Seconds,
  SourceRef,
  Time,
} from './common.ts';

const Pressure = z.object({ level: z.string(), seconds: Seconds.describe('since it was entered') });

const Budget = z
  .object({
    totalBytes: Bytes,
    committedBytes: Bytes,
    freeBytes: Bytes,
    split: z.enum(['fits', 'cut', 'insufficient']),
  })
  .register(SCHEMAS, {
    id: 'Budget',
    description: 'What the host has for its guests, and whether their targets fit.',
  });

export const Status = document('Status', 'The daemon and its host at a glance.', {
  version: z.string(),
  startedAt: Time,
  hypervisor: z.object({ uri: z.string(), version: z.string(), up: z.boolean() }),
  mode: z.enum(['observe', 'enforce']),
  dryRun: z.boolean(),
  policy: z.string().describe('name of the host policy'),
  guestPolicies: z.array(z.string()),
  intervalSeconds: Seconds,
  pressure: Pressure,
  host: z.object({ totalBytes: Bytes.optional(), availableBytes: Bytes.optional() }),
  budget: Budget.optional(),
  guests: z.object({ total: z.number().int(), managed: z.number().int(), paused: z.number().int() }),
  lastTick: z
    .object({ sequence: z.number().int(), at: Time, ageSeconds: Seconds, tookSeconds: Seconds })
    .optional(),
  failedTicks: z.number().int().describe('in a row, up to now'),
  may: z.enum(['read', 'write']).describe('what this caller is allowed to do'),
});

export const ShadowList = document('ShadowList', 'Policies that are tried on models of the living guests.', {
  items: z.array(
    z.object({
      policy: z.string(),
      seconds: Seconds.describe('how long it has been looked at'),
      looks: z.number().int(),
      modelled: z.number().int().describe('guests with a model; of the others too little is known'),
      guests: z.number().int(),
      reclaimedBytes: z.number().describe('what the host would have more of at this moment; negative: less'),
      reclaimedGiBHours: z.number().describe('the same, integrated'),
      hostOverrunSeconds: Seconds.describe('time in which what guests held would not have fitted'),
      stalledGuestSeconds: Seconds,
      shortageGiBSeconds: z.number(),
      oomKills: z.number().int(),
      rereadBytes: Bytes.describe('file data that guests would have had to read again'),
      moves: z.number().int(),
      movedBytes: Bytes,
      items: z
        .array(
          z.object({
            uuid: z.string(),
            name: z.string(),
            realBytes: Bytes.describe('size of the real guest'),
            sizeBytes: Bytes.describe('size of its model'),
            targetBytes: Bytes,
            stalledSeconds: Seconds,
            shortageGiBSeconds: z.number(),
            oomKills: z.number().int(),
            rereadBytes: Bytes,
            action: Action,
            reason: z.string().describe('a reason code'),
          }),
        )
        .describe('those that come to harm first'),
    }),
  ),
});

export const Host = document('Host', "The host's memory as the policies see it.", {
  at: Time,
  source: z.string().describe('where total and available come from'),
  readings: Readings,
  terms: z
    .array(z.object({ name: z.string(), bytes: Bytes, explanation: z.string() }))
    .optional()
    .describe('what `available` is the sum of'),
  nodes: z
    .array(z.object({ node: z.number().int(), totalBytes: Bytes, freeBytes: Bytes }))
    .optional()
    .describe('NUMA nodes'),
  pressure: Pressure,
  budget: Budget.optional(),
});

const guestSummary = {
  name: z.string(),
  uuid: z.string(),
  id: z.number().int(),
  state: z.string(),
  policy: z.string().optional(),
  action: Action,
  reason: z.string().describe('a reason code'),
  currentBytes: Bytes.optional(),
  targetBytes: Bytes.optional(),
  maxBytes: Bytes.optional(),
  usedBytes: Bytes.optional(),
  availableBytes: Bytes.optional(),
  rssBytes: Bytes.optional(),
  statsAgeSeconds: Seconds.optional(),
  pause: Pause.optional(),
};

export const GuestSummary = z
  .object(guestSummary)
  .register(SCHEMAS, { id: 'GuestSummary', description: 'A guest at the last tick, on one line.' });

export const GuestList = document('GuestList', 'The guests at the last tick.', {
  at: Time,
  items: z.array(GuestSummary),
});

export const Guest = document('Guest', 'All that is known of one guest.', {
  at: Time,
  ...guestSummary,
  title: z.string().optional(),
  os: z.string().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  obstacles: z.array(z.string()).optional().describe('what of its domain keeps a balloon from working'),
  boots: z.number().int().describe('times its figures began anew'),
  uptimeSeconds: Seconds.describe('since its figures began anew, as far as the daemon knows'),
  readings: Readings,
  move: z.object({ fromBytes: Bytes, toBytes: Bytes, seconds: Seconds }).optional().describe('under way'),
  shrunkSecondsAgo: Seconds.optional(),
  grownSecondsAgo: Seconds.optional(),
  backOffSeconds: Seconds.optional().describe('for which it is not shrunk, since it did not follow'),
  yieldSeconds: Seconds.optional().describe('for which it is left to whoever else moved its balloon'),
  decision: Decision.describe('of the last tick'),
  decisions: z.array(DecisionRecord).describe('recent ones, oldest first'),
});

export const DecisionList = document('DecisionList', 'Recent decisions, oldest first.', {
  items: z.array(DecisionRecord),
});

export const EventList = document('EventList', 'Recent events, oldest first.', {
  items: z.array(EventRecord),
});

export const Snapshot = document('Snapshot', 'The host and its guests at one tick.', {
  at: Time,
  sequence: z.number().int(),
  pressure: Pressure,
  host: z.object({
    totalBytes: Bytes.optional(),
    availableBytes: Bytes.optional(),
    freeBytes: Bytes.optional(),
  }),
  memory: z
    .object({
      guestsUsedBytes: Bytes.optional(),
      guestsCacheBytes: Bytes.optional(),
      guestsHeadroomBytes: Bytes.optional(),
      othersBytes: Bytes.optional(),
      reclaimableBytes: Bytes.optional(),
      freeBytes: Bytes.optional(),
      balloonedBytes: Bytes.optional(),
    })
    .describe("what the host's memory is used for, as in HostHistory"),
  budget: Budget.optional(),
  guests: z.array(GuestSummary),
});

export const StreamDecision = document(
  'Decision',
  'One decision, as it was made.',
  DecisionRecord.shape,
  'StreamDecision',
);

export const StreamEvent = document('Event', 'One event, as it happened.', EventRecord.shape, 'StreamEvent');

export const Policies = document('PolicySet', 'The policy set in force, as it was written.', {
  hostPolicy: z.object({ name: z.string(), mode: z.enum(['observe', 'enforce']), source: SourceRef }),
  guestPolicies: z.array(
    z.object({
      name: z.string(),
      description: z.string().optional(),
      mode: z.enum(['observe', 'enforce']),
      precedence: z.number(),
      source: SourceRef,
    }),
  ),
  files: z.array(z.object({ file: z.string(), text: z.string() })),
  lints: z.array(Finding),
});

export const Explanation = z
  .looseObject({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal('Explanation'),
    at: z.number().describe('Unix time of the tick that is explained'),
    text: z.string().describe('all of it for people, 80 columns wide'),
  })
  .register(SCHEMAS, {
    id: 'Explanation',
    description:
      'Why a guest stands where it does, and what would move it: policies, levels, quantities, protectors, truth trees and changes, ' +
      'as in `src/model/explanation.ts`.',
  });

export const Paused = document('Paused', 'The guest is left alone from the next decision on.', {
  domain: z.string(),
  uuid: z.string(),
  pause: Pause,
});

export const Resumed = document('Resumed', 'The guest is managed again from the next decision on.', {
  domain: z.string(),
  uuid: z.string(),
  wasPaused: z.boolean(),
});

export const Reloaded = document('Reloaded', 'The policies were read anew and are in force.', {
  policy: z.string(),
  guestPolicies: z.array(z.string()),
});

export const Released = document('Released', 'What became of each guest that was to get its memory back.', {
  items: z.array(
    z.object({
      domain: z.string(),
      uuid: z.string(),
      status: z.enum(['released', 'full', 'failed']).describe('full: it had all of its memory'),
      targetBytes: Bytes.optional(),
      problem: z.string().optional(),
    }),
  ),
});

export const Health = document('Health', 'Whether the daemon lives, or is ready.', {
  ok: z.boolean(),
  problem: z.string().optional(),
});
