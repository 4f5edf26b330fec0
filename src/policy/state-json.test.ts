import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
import { initialState, newGuestMemory } from './state.ts';
import { decodeState, encodeState } from './state-json.ts';
import type { Swapping } from './swapping.ts';
import type { Glances } from './unreported.ts';

/** An arbitrary for every field, optional ones too: a field added to the state does not compile until it is here. */
type Arbitraries<T> = { readonly [K in keyof Required<T>]: fc.Arbitrary<T[K]> };

const number = fc
  .double({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 60), max: 2 ** 60 })
  .map(value => value + 0);
const amount = number.map(Math.abs);
const count = fc.nat();
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);

function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined });
}

function whole<T>(fields: Arbitraries<T>): fc.Arbitrary<T> {
  return fc.record<T>(fields);
}

function mapOf<V>(value: fc.Arbitrary<V>): fc.Arbitrary<ReadonlyMap<string, V>> {
  return fc.array(fc.tuple(name, value), { maxLength: 3 }).map(entries => new Map(entries));
}

const held = fc.record({
  entered: fc.boolean(),
  trueSince: maybe(number),
  falseSince: maybe(number),
}) satisfies fc.Arbitrary<Held>;
const pressure = whole<PressureState>({ level: name, since: number, held: mapOf(held) });
const demand = whole<DemandWindow>({
  peaks: fc.array(amount),
  ranked: fc.array(amount),
  partStart: number,
  partPeak: amount,
  report: count,
  last: amount,
  lastAt: number,
  slope: number,
  rss: maybe(amount),
});
const move = whole<Move>({
  from: amount,
  to: amount,
  at: number,
  adopted: maybe(fc.constant<true>(true)),
  shared: maybe(fc.constant<true>(true)),
});
const standing: Arbitraries<BeforeMove> = {
  move: maybe(move),
  target: maybe(amount),
  granted: amount,
  unfollowed: count,
  backOffUntil: maybe(number),
};
const guest = whole<GuestMemory>({
  ...standing,
  epoch: count,
  demand: maybe(demand),
  kernelBytes: maybe(number),
  overheadBytes: number,
  resting: maybe(fc.record({ size: amount, since: number })),
  beforeMove: maybe(whole<BeforeMove>(standing)),
  shrunkAt: maybe(number),
  grownAt: maybe(number),
  decidedOnReport: count,
  yieldUntil: maybe(number),
  vetoed: maybe(fc.dictionary(name, number)),
  recommendations: maybe(fc.array(whole<SlotPeak>({ since: number, peak: amount }))),
  boot: maybe(whole<Boot>({ at: number, count, asked: maybe(amount) })),
  probation: maybe(
    whole<Probation>({
      from: amount,
      begun: number,
      since: number,
      report: count,
      harm: maybe(fc.constantFrom(...HARMS)),
    }),
  ),
  learned: maybe(whole<LearnedFloor>({ bytes: amount, at: number })),
  faultRate: maybe(amount),
  glances: maybe(whole<Glances>({ rss: amount, at: number, earlierRss: amount, earlierAt: number })),
  swapping: maybe(whole<Swapping>({ evicted: amount, noisyAt: maybe(number) })),
  cold: maybe(
    whole<Cold>({
      swaps: maybe(fc.boolean()),
      squeezing: fc.boolean(),
      from: amount,
      steppedAt: number,
      swapped: amount,
      size: amount,
      use: number,
      isFilled: fc.boolean(),
      stood: fc.boolean(),
      given: amount,
      ended: maybe(whole<NonNullable<Cold['ended']>>({ sign: fc.constantFrom(...COLD_ENDS), at: number })),
      restUntil: number,
    }),
  ),
  efficacy: maybe(
    whole<Efficacy>({
      strikes: count,
      trial: maybe(fc.record({ from: amount, rss: amount, overhead: amount, shrinks: count })),
    }),
  ),
});
const state = whole<PolicyState>({
  pressure,
  guests: mapOf(guest),
  reclaim: maybe(whole<ReclaimAllowance>({ bytes: number, at: number })),
  // One is enough: this is the largest part of the state.
  missing: maybe(
    fc.tuple(name, whole<Missing>({ memory: guest, since: number })).map(entry => new Map([entry])),
  ),
  begun: maybe(fc.constant(true as const)),
  pauses: maybe(mapOf(whole<Pause>({ since: number, until: maybe(number), reason: name, by: name }))),
});

function json(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe('the state as JSON', () => {
  it('comes back to the bit, with every field', () => {
    fc.assert(
      fc.property(state, before => {
        expect(decodeState(json(encodeState(before)))).toEqual(before);
      }),
      { numRuns: 40 },
    );
  }, 30_000);

  it('says where it is not a state', () => {
    const good = json(encodeState({ ...initialState(0), guests: new Map([['a', newGuestMemory(1)]]) }));
    const bad = [
      undefined,
      null,
      7,
      [],
      {},
      { ...Object(good), version: 2 },
      { ...Object(good), guests: { a: { ...newGuestMemory(1), granted: -1 } } },
      { ...Object(good), guests: { a: { ...newGuestMemory(1), epoch: 'one' } } },
      { ...Object(good), pressure: { level: 'none', since: null, held: {} } },
    ];
    for (const value of bad) expect(decodeState(value)).toEqual({ problem: expect.any(String) });
    expect(decodeState(bad.at(-2))).toEqual({ problem: expect.stringContaining('guests.a.epoch') });
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(decodeState(value)).toHaveProperty('problem');
      }),
    );
  });
});
