/** One snapshot as it stands in a tick's line: only what is not as foreseen from the tick before. */
import { z } from 'zod';
import type { Column } from './column.ts';
import { dictionaryOf } from './dictionary.ts';
import type { GuestFacts, HostFacts } from './figures.ts';

/** `[value or null, age in seconds, number of the quality]` */
export type HostReading = readonly [number | null, number, number];

export interface Frame {
  readonly sequence: number;
  /** Room for so many guests: the frame stands for itself, and everything before it is forgotten. */
  readonly places?: number;
  /** The host's readings that have changed. */
  readonly host?: Readonly<Record<string, HostReading>>;
  /** The rest that is known of the host, when any of it has changed. */
  readonly hostFacts?: HostFacts;
  /** Guests that are new, or of which something other than a number has changed, each with its place. */
  readonly guests?: readonly (readonly [number, GuestFacts])[];
  /** The places of the guests in the order of the snapshot, when that has changed. */
  readonly order?: readonly number[];
  readonly columns?: Readonly<Record<string, Column>>;
}

/** One schema for every field of T, optional ones too: one that is forgotten is an error of the compiler. */
type Shape<T> = { readonly [K in keyof Required<T>]: z.ZodType };

const guestShape = {
  uuid: z.string(),
  name: z.string(),
  id: z.number(),
  title: z.string().exactOptional(),
  tags: dictionaryOf(value => typeof value === 'string').exactOptional(),
  os: z.string().exactOptional(),
  balloon: z
    .object({
      device: z.enum(['virtio', 'none']),
      autodeflate: z.boolean(),
      freePageReporting: z.boolean().exactOptional(),
    } satisfies Shape<NonNullable<GuestFacts['balloon']>>)
    .exactOptional(),
  obstacles: z
    .array(
      z.enum(['passthrough', 'hugepages', 'locked', 'launch-security', 'virtio-mem', 'no-balloon', 'job']),
    )
    .exactOptional(),
  missing: z.literal(true).exactOptional(),
  state: z.enum(['running', 'paused', 'stopped', 'crashed', 'unknown']),
} as const satisfies Shape<GuestFacts>;

const hostShape = {
  source: z.string(),
  terms: z
    .array(
      z.object({ name: z.string(), bytes: z.number(), explanation: z.string() } satisfies Shape<
        NonNullable<HostFacts['terms']>[number]
      >),
    )
    .exactOptional(),
  nodes: z
    .array(
      z.object({ node: z.number(), total: z.number(), free: z.number() } satisfies Shape<
        NonNullable<HostFacts['nodes']>[number]
      >),
    )
    .exactOptional(),
} as const satisfies Shape<HostFacts>;

const place = z.number().int().min(0);
export const guestFacts: z.ZodType<GuestFacts> = z.object(guestShape);
export const hostFacts: z.ZodType<HostFacts> = z.object(hostShape);

/** Most guests that a frame may have room for: what a damaged or hostile file may make us reserve. */
const PLACES_MAX = 100_000;

/** A frame as it was read: what is in the columns is looked at where they are decoded. */
export const frameSchema = z.object({
  sequence: z.number(),
  places: place.max(PLACES_MAX).optional(),
  host: z.record(z.string(), z.tuple([z.number().nullable(), z.number(), place])).optional(),
  hostFacts: hostFacts.optional(),
  guests: z.array(z.tuple([place, guestFacts])).optional(),
  order: z.array(place).max(PLACES_MAX).optional(),
  columns: z.record(z.string(), z.array(z.unknown())).optional(),
});

export type ReadFrame = z.infer<typeof frameSchema>;

function keysOf<K extends string>(shape: Readonly<Record<K, z.ZodType>>): readonly K[] {
  const isKey = (key: string): key is K => Object.hasOwn(shape, key);
  return Object.keys(shape).filter(isKey);
}

export const GUEST_FACTS: readonly (keyof GuestFacts)[] = keysOf(guestShape);
export const HOST_FACTS: readonly (keyof HostFacts)[] = keysOf(hostShape);
