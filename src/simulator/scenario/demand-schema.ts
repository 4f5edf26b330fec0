/** What programs want of memory over time, as it is written in a scenario. */
import { z } from 'zod';
import type { Ratio, Seconds } from '../../model/units.ts';
import type { Amount } from '../../policy/policy-set.ts';
import { rate } from '../../policy/schema/quantities.ts';
import { type Draw, drawnAmount, drawnDuration, share, time } from './amounts.ts';

type Drawn = Draw<Amount>;

/** One of the keys; a scenario says which by naming it. */
export interface DemandNode {
  readonly constant?: Drawn | undefined;
  readonly steps?:
    | {
        readonly levels: readonly { readonly bytes: Drawn; readonly for: Draw<Seconds> }[];
        readonly jitter: Ratio;
        readonly offset: Draw<Seconds>;
      }
    | undefined;
  readonly ramps?:
    | {
        readonly low: Drawn;
        readonly high: Drawn;
        readonly rest: Seconds;
        readonly rise: Seconds;
        readonly hold: Seconds;
        readonly fall: Seconds;
        readonly jitter: Ratio;
        readonly offset: Draw<Seconds>;
      }
    | undefined;
  readonly diurnal?:
    | {
        readonly low: Drawn;
        readonly high: Drawn;
        readonly period: Seconds;
        readonly phase: Draw<Amount>;
      }
    | undefined;
  readonly bursts?:
    | {
        readonly base: Drawn;
        readonly peak: { readonly from: Drawn; readonly to: Drawn };
        readonly every: Seconds;
        readonly length: { readonly from: Seconds; readonly to: Seconds };
        readonly rise: Seconds;
        readonly chance: Ratio;
      }
    | undefined;
  readonly plateau?: { readonly level: Drawn; readonly wobble: Ratio; readonly over: Seconds } | undefined;
  readonly leak?: { readonly base: Drawn; readonly rate: number; readonly limit: Drawn } | undefined;
  readonly trace?: TraceNode | undefined;
  readonly correlated?: { readonly with: string; readonly demand: DemandNode } | undefined;
  readonly delayed?: { readonly by: Draw<Seconds>; readonly demand: DemandNode } | undefined;
  readonly sum?: readonly DemandNode[] | undefined;
}

export interface TraceNode {
  readonly file: string;
  readonly time?: string | undefined;
  readonly value?: string | undefined;
  readonly unit: 'B' | 'KiB' | 'MiB' | 'GiB' | 'ratio';
  readonly scale: Ratio;
  readonly total?: string | undefined;
  readonly where?: Readonly<Record<string, string>> | undefined;
  readonly each?: string | undefined;
  readonly speed: number;
  readonly repeat: boolean;
}

const offset = () => drawnDuration().prefault('0s').describe('Where in its course it begins.');
const jitter = () => share().prefault('0%').describe('By how much each round differs, up or down.');

const Steps = z
  .strictObject({
    levels: z
      .array(
        z.strictObject({
          bytes: drawnAmount().describe('What is wanted.'),
          for: drawnDuration().describe('How long.'),
        }),
      )
      .min(1)
      .max(1000)
      .describe('Levels in turn.'),
    jitter: jitter(),
    offset: offset(),
  })
  .describe('Levels in turn, over and over.');

const Ramps = z
  .strictObject({
    low: drawnAmount().describe('What is wanted at rest.'),
    high: drawnAmount().describe('What is wanted at the top.'),
    rest: time().describe('How long it rests.'),
    rise: time(0.1).describe('How long it rises.'),
    hold: time().describe('How long it stays at the top.'),
    fall: time(0.1).describe('How long it falls.'),
    jitter: jitter(),
    offset: offset(),
  })
  .describe('Rests, rises, holds and falls, over and over.');

const Diurnal = z
  .strictObject({
    low: drawnAmount().describe('The bottom.'),
    high: drawnAmount().describe('The top.'),
    period: time(1).prefault('1d').describe('Length of a day.'),
    phase: drawnAmount()
      .prefault('0%')
      .describe('Where in the day it begins: 0% at the bottom, 50% at the top.'),
  })
  .describe('A smooth day, over and over.');

const Bursts = z
  .strictObject({
    base: drawnAmount().describe('What is wanted without a burst.'),
    peak: z
      .strictObject({ from: drawnAmount(), to: drawnAmount() })
      .describe('A burst goes to something between these.'),
    every: time(1).describe('Each such span has one chance of a burst.'),
    length: z.strictObject({ from: time(), to: time() }).describe('A burst lasts between these.'),
    rise: time(0.1).describe('How long it rises, and falls.'),
    chance: share().describe('Chance of a burst.'),
  })
  .describe('Bursts by chance.');

const Plateau = z
  .strictObject({
    level: drawnAmount().describe('The level.'),
    wobble: share().prefault('5%').describe('How far it wanders.'),
    over: time(1).prefault('1m').describe('How long it takes from one value to the next.'),
  })
  .describe('Stays about a level.');

const Leak = z
  .strictObject({
    base: drawnAmount().describe('What is wanted at the start.'),
    rate: rate().describe('How fast it grows.'),
    limit: drawnAmount().describe('Where the program is started anew.'),
  })
  .describe('Grows steadily until it is started anew.');

const Trace = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .max(1024)
      .describe(
        'A CSV file, or a journal: a segment (`.ndjson`) or a folder of them. Either may be compressed (`.gz`). Relative to the scenario.',
      ),
    time: z
      .string()
      .optional()
      .describe(
        'Column of the time: seconds, or dates such as 2018-01-06 03:19:09; `t_s` when it is left out, of a journal `time`.',
      ),
    value: z
      .string()
      .optional()
      .describe(
        'Column, or columns with + and - between them, of what is used. Of a journal, whose columns are those of `replay --export csv`, it is `used` when it is left out.',
      ),
    unit: z
      .enum(['B', 'KiB', 'MiB', 'GiB', 'ratio'])
      .default('B')
      .describe('Unit of the value; ratio is a share of `total`, or of the guest’s maximum.'),
    scale: z
      .number()
      .min(0.001)
      .max(1000)
      .default(1)
      .describe('How many times as much is wanted as was recorded.'),
    total: z
      .string()
      .optional()
      .describe(
        'Column of the memory that the recorded machine had: the value is then scaled to the guest’s maximum.',
      ),
    where: z
      .record(z.string(), z.string())
      .optional()
      .describe('Only rows with these values.')
      .meta({ examples: [{ day: '1' }] }),
    each: z
      .string()
      .optional()
      .describe(
        'Column that tells series apart: each guest of the class gets one, in turn. Of a journal it is `name` when it is left out.',
      )
      .meta({ examples: ['pod'] }),
    speed: z.number().min(0.001).max(10_000).default(1).describe('How many times faster than recorded.'),
    repeat: z
      .boolean()
      .default(true)
      .describe('Begin anew at the end, as long after the last sample as that came after the one before.'),
  })
  .describe('What was recorded.');

/** One form of demand: exactly one of the keys. */
export const Demand: z.ZodType<DemandNode> = z
  .lazy(() => DemandObject)
  .meta({ id: 'Demand', title: 'demand' });

const DemandObject: z.ZodType<DemandNode> = z
  .strictObject({
    constant: drawnAmount().optional().describe('Always the same.'),
    steps: Steps.optional(),
    ramps: Ramps.optional(),
    diurnal: Diurnal.optional(),
    bursts: Bursts.optional(),
    plateau: Plateau.optional(),
    leak: Leak.optional(),
    trace: Trace.optional(),
    correlated: z
      .strictObject({
        with: z.string().max(63).describe('Demands of the same name draw the same chances.'),
        demand: Demand,
      })
      .optional()
      .describe('Does the same as others at the same time.'),
    delayed: z
      .strictObject({ by: drawnDuration(), demand: Demand })
      .optional()
      .describe('The same, so much later.'),
    sum: z.array(Demand).min(1).max(32).optional().describe('Several together.'),
  })
  .superRefine((node, context) => {
    const named = Object.entries(node).filter(([, value]) => value !== undefined);
    if (named.length === 1) return;
    context.addIssue({
      code: 'custom',
      message:
        named.length === 0
          ? 'it names no form of demand'
          : `it names ${named.map(([key]) => key).join(' and ')}; several go together as a sum`,
      params: { code: 'POLICY_RANGE' },
    });
  });
