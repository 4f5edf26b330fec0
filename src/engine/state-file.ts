/** The state file: one line that says what the rest is and how to tell that it is whole, and one line of JSON. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Report } from '../collectors/guest/record.ts';
import type { KeptEpoch } from '../collectors/guest/tracker.ts';
import { type Anchor, shiftBetween } from '../model/anchor.ts';
import type { Seconds } from '../model/units.ts';
import type { PolicyState } from '../policy/state.ts';
import { decodeState, encodeState, mapOf, type Shape, whole } from '../policy/state-json.ts';

/** What one daemon leaves for the next one. */
export interface Kept {
  readonly state: PolicyState;
  /** By uuid. */
  readonly epochs: ReadonlyMap<string, KeptEpoch>;
}

const FORMAT = 'ballonet/v1 state 1';

/** @param anchor the moment of writing: instants are of its monotonic clock */
export function packState({ state, epochs }: Kept, anchor: Anchor): string {
  const body = JSON.stringify({ anchor, state: encodeState(state), epochs: Object.fromEntries(epochs) });
  return `${FORMAT} sha256 ${digest(body)}\n${body}\n`;
}

/**
 * Reads a state file, with its instants on the monotonic clock of `now`.
 *
 * H35: a file that is not whole to the last byte says nothing at all: a wrong number would be worse than none.
 *
 * @returns what was kept, or a sentence that says what is wrong with the file
 */
export function unpackState(bytes: Uint8Array, now: Anchor): Kept | { readonly problem: string } {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { problem: 'it is not text' };
  }
  const [head = '', body = '', ...rest] = text.split('\n');
  if (!head.startsWith('ballonet/v1 state ')) return { problem: 'it does not begin as a state file does' };
  if (!head.startsWith(`${FORMAT} `)) return { problem: 'it is of another version of Ballonet' };
  if (rest.length !== 1 || rest[0] !== '' || head !== `${FORMAT} sha256 ${digest(body)}`)
    return { problem: 'it is damaged: its checksum is not that of its content' };
  return readBody(body, now);
}

function readBody(body: string, now: Anchor): Kept | { readonly problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { problem: 'it is not JSON' };
  }
  const outer = OUTER.safeParse(json);
  if (!outer.success) return { problem: issueOf(outer.error) };
  const { anchor, state: encoded } = outer.data;
  const shift = shiftBetween(anchor, now);
  const state = decodeState(encoded, shift);
  if ('problem' in state) return state;
  const epochs = mapOf(epochSchema(shift)).safeParse(outer.data.epochs);
  if (!epochs.success) return { problem: issueOf(epochs.error) };
  return { state, epochs: anchor.bootId === now.bootId ? epochs.data : ended(epochs.data) };
}

/** Every process of another boot has ended: no id of it is one of now, even if the number is the same. */
function ended(epochs: ReadonlyMap<string, KeptEpoch>): ReadonlyMap<string, KeptEpoch> {
  return new Map([...epochs].map(([uuid, kept]) => [uuid, { ...kept, id: NO_ID }]));
}

/** libvirt's id of a domain that does not run. */
const NO_ID = -1;

const OUTER = z.object({
  anchor: whole<Anchor>({ bootId: z.string(), monotonic: z.number(), wall: z.number() }),
  state: z.unknown(),
  epochs: z.unknown(),
});

function epochSchema(shift: Seconds): z.ZodType<KeptEpoch> {
  // A figure that could not be is NaN, which JSON has not: it comes out as null.
  const figure = z
    .number()
    .nullable()
    .transform(value => value ?? Number.NaN)
    .optional();
  const report: Shape<Report> = {
    lastUpdate: z.number(),
    total: figure,
    available: figure,
    free: figure,
    cache: figure,
    swapIn: figure,
    swapOut: figure,
    majorFaults: figure,
    minorFaults: figure,
    oomKills: figure,
    allocStalls: figure,
  };
  return whole<KeptEpoch>({
    id: z.number().int(),
    epoch: z.number().int().min(1),
    epochBegan: z.number().transform(at => at + shift),
    reports: z.number().int().min(0),
    latest: whole<Report>(report).optional(),
  });
}

function issueOf({ issues: [issue] }: z.ZodError): string {
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a state'}`;
}

function digest(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}
