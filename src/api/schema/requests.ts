/** What the API is asked. */
import { z } from 'zod';
import { Action, SCHEMAS } from './common.ts';

const LIMIT_MAX = 2000;

const limit = z.coerce.number().int().min(1).max(LIMIT_MAX).default(100).describe('the last so many');

export const DecisionQuery = z.strictObject({
  domain: z.string().max(256).optional().describe('name, id or uuid'),
  action: Action.optional(),
  reason: z.string().max(64).optional(),
  limit,
});

export const EventQuery = z.strictObject({
  domain: z.string().max(256).optional().describe('name, id or uuid'),
  type: z.string().max(64).optional(),
  limit,
});

const STREAMED = ['snapshot', 'decision', 'event'] as const;
export type Streamed = (typeof STREAMED)[number];

export const StreamQuery = z.strictObject({
  types: z
    .string()
    .max(64)
    .transform((text, context) => {
      const known = STREAMED.filter(type => text.split(',').includes(type));
      if (known.length !== text.split(',').length) {
        context.addIssue(`write ${STREAMED.join(', ')}, with commas between`);
        return z.NEVER;
      }
      return known;
    })
    .default([...STREAMED])
    .describe(`of ${STREAMED.join(', ')}, with commas between; all when left out`),
  domain: z
    .string()
    .max(256)
    .optional()
    .describe('decisions and events of this guest alone: name, id or uuid'),
  since: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe('decisions and events after this id come first, as far as they are remembered'),
});

const reason = z
  .string()
  .trim()
  .min(1, 'it is empty; whoever looks later wants to know why')
  .max(500, 'it is longer than 500 characters');

export const PauseRequest = z
  .strictObject({
    reason: reason.describe('for the log, and for whoever looks later'),
    seconds: z
      .number()
      .positive()
      .max(366 * 86_400)
      .optional()
      .describe('until it ends by itself; left out: until resumed'),
  })
  .register(SCHEMAS, { id: 'PauseRequest' });

export const ReleaseRequest = z
  .strictObject({
    domains: z
      .array(z.string().min(1).max(256))
      .max(10_000)
      .default([])
      .describe('names, ids or uuids; none: all guests'),
    reason: reason.default('released'),
  })
  .register(SCHEMAS, { id: 'ReleaseRequest' });

export const Nothing = z.strictObject({});
