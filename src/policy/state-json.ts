/**
 * The policy's state as JSON and back, for the state file and for the journal's checkpoints.
 *
 * A field added to the state is written by itself; reading it wants a line in its shape below, which the type of the shape asks
 * for. Give a field that older files do not have `.optional()` or `.default()`; raise `VERSION` when the meaning of one changes.
 */
import { z } from 'zod';
import type { Seconds } from '../model/units.ts';
import type { DemandWindow } from './demand.ts';
import {
  type Boot,
  COLD_ENDS,
  type Cold,
  type Efficacy,
  HARMS,
  type LearnedFloor,
  type Probation,
} from './lessons.ts';
import type { Pause } from './pauses.ts';
import type { Held, PressureState } from './pressure.ts';
import type { SlotPeak } from './stabilize.ts';
import type { BeforeMove, GuestMemory, Missing, Move, PolicyState, ReclaimAllowance } from './state.ts';
import type { Swapping } from './swapping.ts';
import type { Glances } from './unreported.ts';

const VERSION = 1;

/** JSON only: maps have become objects. Instants are what they were, on the monotonic clock of the writer. */
export interface EncodedState extends Omit<PolicyState, 'pressure' | 'guests' | 'missing' | 'pauses'> {
  readonly version: number;
  readonly pressure: Omit<PressureState, 'held'> & { readonly held: Readonly<Record<string, Held>> };
  /** By uuid. */
  readonly guests: Readonly<Record<string, GuestMemory>>;
  /** By uuid. */
  readonly missing?: Readonly<Record<string, Missing>> | undefined;
  /** By uuid. */
  readonly pauses?: Readonly<Record<string, Pause>> | undefined;
}

/** The state for `JSON.stringify`; every number comes back to the bit. */
export function encodeState(state: PolicyState): EncodedState {
  const { pressure, guests, missing, pauses } = state;
  return {
    version: VERSION,
    ...state,
    pressure: { ...pressure, held: Object.fromEntries(pressure.held) },
    guests: Object.fromEntries(guests),
    missing: missing && Object.fromEntries(missing),
    pauses: pauses && Object.fromEntries(pauses),
  };
}

/**
 * Reads what `encodeState` wrote. With a shift of 0 the state is exactly the one written, as replay needs it.
 *
 * @param shift is added to every instant: what `model/anchor.ts` gives when the monotonic clock has begun anew since
 * @returns the state, or a sentence that says where the JSON is not a state
 */
export function decodeState(json: unknown, shift: Seconds = 0): PolicyState | { readonly problem: string } {
  const version = z.looseObject({ version: z.literal(VERSION) }).safeParse(json);
  const result = version.success ? stateSchema(shift).safeParse(json) : version;
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.join('.') ?? '';
  return { problem: `${place === '' ? 'the state' : place}: ${issue?.message ?? 'not a state'}` };
}

/** One schema for every field of T, optional ones too: one that is forgotten is an error of the compiler. */
export type Shape<T> = { readonly [K in keyof Required<T>]: z.ZodType<T[K]> };

/** An object with all fields of T; those that are not in the JSON are undefined, as `JSON.stringify` drops them. */
export function whole<T extends object>(shape: Shape<T>): z.ZodType<T> {
  const missing = Object.fromEntries(Object.keys(shape).map(key => [key, undefined]));
  return z.object(shape).transform((value, context): T => {
    const filled: object = { ...missing, ...value };
    if (hasFieldsOf(filled, shape)) return filled;
    context.addIssue('a field is missing');
    return z.NEVER;
  });
}

/** Says for the compiler what the schema has checked value by value. */
function hasFieldsOf<T extends object>(value: object, shape: Shape<T>): value is T {
  return Object.keys(shape).every(key => key in value);
}

export function mapOf<V>(value: z.ZodType<V>): z.ZodType<ReadonlyMap<string, V>> {
  return z.record(z.string(), value).transform(entries => new Map(Object.entries(entries)));
}

function stateSchema(shift: Seconds): z.ZodType<PolicyState> {
  const instant = z.number().transform(at => at + shift);
  const count = z.number().int().min(0);
  const amount = z.number().min(0);

  const held = whole<Held>({
    entered: z.boolean(),
    trueSince: instant.optional(),
    falseSince: instant.optional(),
    problem: z.string().optional(),
  });
  const pressure = whole<PressureState>({ level: z.string(), since: instant, held: mapOf(held) });
  const demand = whole<DemandWindow>({
    peaks: z.array(amount),
    ranked: z.array(amount),
    partStart: instant,
    partPeak: amount,
    report: count,
    last: amount,
    lastAt: instant,
    slope: z.number(),
    rss: amount.optional(),
  });
  const move = whole<Move>({
    from: amount,
    to: amount,
    at: instant,
    adopted: z.literal(true).optional(),
    shared: z.literal(true).optional(),
  });
  const standing: Shape<BeforeMove> = {
    move: move.optional(),
    target: amount.optional(),
    granted: amount,
    unfollowed: count,
    backOffUntil: instant.optional(),
  };
  const guest = whole<GuestMemory>({
    ...standing,
    epoch: count,
    demand: demand.optional(),
    kernelBytes: z.number().optional(),
    overheadBytes: z.number(),
    resting: whole<NonNullable<GuestMemory['resting']>>({ size: amount, since: instant }).optional(),
    beforeMove: whole<BeforeMove>(standing).optional(),
    shrunkAt: instant.optional(),
    grownAt: instant.optional(),
    decidedOnReport: count,
    yieldUntil: instant.optional(),
    vetoed: z.record(z.string(), instant).optional(),
    recommendations: z.array(whole<SlotPeak>({ since: instant, peak: amount })).optional(),
    boot: whole<Boot>({ at: instant, count, asked: amount.optional() }).optional(),
    probation: whole<Probation>({
      from: amount,
      begun: instant,
      since: instant,
      report: count,
      harm: z.enum(HARMS).optional(),
    }).optional(),
    learned: whole<LearnedFloor>({ bytes: amount, at: instant }).optional(),
    faultRate: amount.optional(),
    glances: whole<Glances>({ rss: amount, at: instant, earlierRss: amount, earlierAt: instant }).optional(),
    swapping: whole<Swapping>({ evicted: amount, noisyAt: instant.optional() }).optional(),
    cold: whole<Cold>({
      swaps: z.boolean().optional(),
      squeezing: z.boolean(),
      from: amount,
      steppedAt: instant,
      stood: z.boolean(),
      swapped: amount,
      size: amount,
      use: z.number(),
      // An earlier version went by MemAvailable alone.
      isFilled: z.boolean().default(false),
      given: amount,
      ended: whole<NonNullable<Cold['ended']>>({ sign: z.enum(COLD_ENDS), at: instant }).optional(),
      restUntil: instant,
    }).optional(),
    efficacy: whole<Efficacy>({
      strikes: count,
      trial: whole<NonNullable<Efficacy['trial']>>({
        from: amount,
        rss: amount,
        overhead: amount,
        // An earlier version counted all of them as one.
        shrinks: count.default(1),
      }).optional(),
    }).optional(),
  });
  // Operators think in the time of day, and so do pauses: these do not shift.
  const pause = whole<Pause>({
    since: z.number(),
    until: z.number().optional(),
    reason: z.string(),
    by: z.string(),
  });
  return whole<PolicyState>({
    pressure,
    guests: mapOf(guest),
    reclaim: whole<ReclaimAllowance>({ bytes: z.number(), at: instant }).optional(),
    missing: mapOf(whole<Missing>({ memory: guest, since: instant })).optional(),
    begun: z.literal(true).optional(),
    pauses: mapOf(pause).optional(),
  });
}
