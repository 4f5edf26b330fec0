/**
 * What a segment of the journal consists of: one JSON object a line, `t` says what it is, and its last field `crc` is the CRC-32
 * of the line before that field. docs/reference/journal.md is the description for people.
 */
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { decisionsSchema, type EncodedDecisions } from './decisions.ts';
import { dictionaryOf, isScalar } from './dictionary.ts';
import { type Frame, frameSchema } from './frame.ts';

/** Raised when a reader of the version before would misunderstand a segment. */
export const JOURNAL_VERSION = 1;

/** `[monotonic, wall]`, seconds. */
const instant = z.tuple([z.number(), z.number()]);

const headerSchema = z.object({
  t: z.literal('journal'),
  version: z.literal(JOURNAL_VERSION),
  at: instant,
  /** Version of the program that wrote it. */
  ballonet: z.string(),
  uri: z.string(),
  /** The policies in force: what was read, and the mode in which they ran. Missing where nothing was decided. */
  policies: z
    .object({
      mode: z.enum(['observe', 'enforce']),
      texts: z.array(z.object({ file: z.string(), text: z.string() })),
    })
    .exactOptional(),
  /** What `decide()` had remembered before the first tick. */
  state: z.unknown().exactOptional(),
});

const tickSchema = z.object({
  t: z.literal('tick'),
  /** Counts the ticks of the segment from 0: a lost one is noticed. */
  n: z.number(),
  at: instant,
  frame: frameSchema,
  /** What changed in the state since the tick before, other than by `decide()`. */
  patch: z.unknown().exactOptional(),
  /** The safety hold kept back what would have shrunk. */
  withheld: z.literal(true).exactOptional(),
  decisions: decisionsSchema.exactOptional(),
});

const outcomeSchema = z.object({
  t: z.literal('outcome'),
  at: instant,
  uuid: z.string(),
  name: z.string(),
  status: z.enum(['applied', 'dry-run', 'refused', 'failed']),
  /** What was asked for, and what was really set. */
  decidedBytes: z.number().exactOptional(),
  targetBytes: z.number().exactOptional(),
  problem: z.string().exactOptional(),
});

const eventSchema = z.object({
  t: z.literal('event'),
  at: instant,
  event: z.string(),
  uuid: z.string().exactOptional(),
  name: z.string().exactOptional(),
  detail: dictionaryOf(isScalar).exactOptional(),
});

const lineSchema = z.discriminatedUnion('t', [headerSchema, tickSchema, outcomeSchema, eventSchema]);

type HeaderLine = z.infer<typeof headerSchema>;
type OutcomeLine = z.infer<typeof outcomeSchema>;
type EventLine = z.infer<typeof eventSchema>;
type TickLine = Omit<z.infer<typeof tickSchema>, 'frame' | 'decisions'> & {
  readonly frame: Frame;
  readonly decisions?: EncodedDecisions;
};
export type Line = HeaderLine | TickLine | OutcomeLine | EventLine;
export type ReadLine = z.infer<typeof lineSchema>;

const CRC = ',"crc":';

/** The line's text with its checksum and its newline. */
export function sealLine(line: Line): string {
  const text = JSON.stringify(line).slice(0, -1);
  return `${text}${CRC}${crc32(text)}}\n`;
}

/** Reads a line without its newline; or says what is wrong with it. */
export function openLine(text: string): ReadLine | { readonly flaw: string } {
  const end = text.lastIndexOf(CRC);
  if (end < 0) return { flaw: 'it has no checksum' };
  const body = text.slice(0, end);
  if (text.slice(end + CRC.length) !== `${crc32(body)}}`) return { flaw: 'its checksum does not fit' };
  try {
    const line = lineSchema.safeParse(JSON.parse(`${body}}`));
    if (line.success) return line.data;
    const [issue] = line.error.issues;
    return { flaw: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a line of a journal'}` };
  } catch {
    return { flaw: 'it is not JSON' };
  }
}
