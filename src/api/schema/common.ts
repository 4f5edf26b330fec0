/** Shapes that several answers share. Amounts are bytes, times of day RFC 3339 strings, durations seconds; what is not known is not there. */
import { z } from 'zod';

export const API_VERSION = 'ballonet/v1';

/** Every schema with a name of its own in the OpenAPI document. */
export const SCHEMAS = z.registry<{ id: string; description?: string }>();

/** A whole answer: every one says what it is. */
export function document<K extends string, S extends z.ZodRawShape>(
  kind: K,
  description: string,
  shape: S,
  id: string = kind,
) {
  return z
    .object({ apiVersion: z.literal(API_VERSION), kind: z.literal(kind), ...shape })
    .register(SCHEMAS, { id, description });
}

export const Bytes = z.number().describe('bytes');
export const Seconds = z.number().describe('seconds');
export const Time = z.iso.datetime();

const Reading = z
  .object({
    value: z.number().optional(),
    ageSeconds: Seconds,
    quality: z.enum(['ok', 'stale', 'absent', 'implausible']),
  })
  .register(SCHEMAS, { id: 'Reading', description: 'One figure, its age and how far it can be trusted.' });

export const Readings = z.record(z.string(), Reading);

export const SourceRef = z
  .object({ file: z.string(), line: z.number().int(), column: z.number().int() })
  .register(SCHEMAS, {
    id: 'SourceRef',
    description: 'A place in a policy file; lines and columns count from 1.',
  });

export const Finding = z
  .object({
    severity: z.string(),
    code: z.string().describe('of docs/reference/diagnostics.md'),
    message: z.string(),
    hint: z.string().optional(),
    span: z.number().int().optional().describe('how many characters of the line are meant'),
    source: SourceRef,
  })
  .register(SCHEMAS, { id: 'Finding', description: 'What is wrong, or probably not meant, in a policy.' });

const Stage = z
  .object({
    stage: z.string(),
    in: Bytes.optional(),
    out: Bytes.optional(),
    code: z.string().describe('a reason code'),
    inputs: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])).optional(),
    source: SourceRef.optional(),
  })
  .register(SCHEMAS, {
    id: 'Stage',
    description: 'One step of a decision: what went in, what came out, which limit bit.',
  });

export const Action = z.enum(['shrink', 'grow', 'hold']);

export const Decision = z
  .object({
    domain: z.string(),
    uuid: z.string(),
    policy: z.object({ name: z.string(), source: SourceRef }).optional(),
    level: z.string().describe("the host's pressure level"),
    action: Action,
    reason: z.string().describe('a reason code'),
    currentBytes: Bytes.optional(),
    targetBytes: Bytes.optional(),
    wantedBytes: Bytes.optional(),
    guarantees: z.object({ minBytes: Bytes, maxBytes: Bytes }).optional(),
    stages: z.array(Stage),
  })
  .register(SCHEMAS, { id: 'Decision', description: 'What one tick concluded about one guest.' });

export const DecisionRecord = z
  .object({
    id: z.number().int().describe('counts up; shared with events'),
    at: Time,
    ...Decision.shape,
    outcome: z
      .object({
        status: z.enum(['applied', 'dry-run', 'refused', 'failed']),
        targetBytes: Bytes.optional(),
        problem: z.string().optional(),
      })
      .optional()
      .describe('what became of it; missing for a hold'),
  })
  .register(SCHEMAS, {
    id: 'DecisionRecord',
    description: 'A move, or a hold with another reason than the one before.',
  });

export const EventRecord = z
  .object({
    id: z.number().int().describe('counts up; shared with decisions'),
    at: Time,
    type: z.string(),
    severity: z.enum(['info', 'warn', 'error']),
    message: z.string(),
    domain: z.string().optional(),
    uuid: z.string().optional(),
    fields: z.record(z.string(), z.union([z.number(), z.string()])),
    problem: z.string().optional(),
  })
  .register(SCHEMAS, {
    id: 'EventRecord',
    description: 'Something that happened; docs/reference/events.md has the types.',
  });

export const Pause = z
  .object({ since: Time, until: Time.optional(), reason: z.string(), by: z.string() })
  .register(SCHEMAS, {
    id: 'Pause',
    description: 'The guest is left alone; without `until`, until it is resumed.',
  });

export const Problem = document('Error', 'Why a request was not answered.', {
  code: z.string().describe('an error code of docs/reference/errors.md'),
  message: z.string(),
});
