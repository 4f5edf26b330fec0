import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decisionOf } from '../../test/fakes/samples.ts';
import { type Decision, REASONS, type ReasonCode, type SourceRef, type Stage } from '../model/decision.ts';
import { decisionsSchema, decodeDecisions, encodeDecisions } from './decisions.ts';

const PLAIN = { noNullPrototype: true } as const;

const codes = fc.constantFrom(...(Object.keys(REASONS) as ReasonCode[]));
// JSON has no -0; no amount is one.
const amount = fc
  .oneof(fc.constant(undefined), fc.maxSafeNat(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  .map(value => (value === 0 ? 0 : value));
const source: fc.Arbitrary<SourceRef> = fc.record(
  { file: fc.constantFrom('a.yaml', 'b.yaml'), line: fc.nat(9), column: fc.nat(9) },
  PLAIN,
);
const inputs = fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.string(), fc.boolean()), {
  maxKeys: 3,
  ...PLAIN,
});
const stage: fc.Arbitrary<Stage> = fc
  .tuple(
    fc.record(
      { stage: fc.constantFrom('demand', 'target', 'budget'), in: amount, out: amount, code: codes },
      PLAIN,
    ),
    fc.option(inputs, { nil: undefined }),
    fc.option(source, { nil: undefined }),
  )
  .map(([stage, given, place]) => ({
    ...stage,
    ...(given && { inputs: given }),
    ...(place && { source: place }),
  }));

const decision: fc.Arbitrary<Omit<Decision, 'uuid' | 'name'>> = fc
  .tuple(
    fc.record(
      {
        action: fc.constantFrom('shrink', 'grow', 'hold'),
        reason: codes,
        currentBytes: amount,
        targetBytes: amount,
        wantedBytes: amount,
        stages: fc.array(stage, { maxLength: 4 }),
      },
      PLAIN,
    ),
    fc.option(fc.record({ name: fc.string(), source }, PLAIN), { nil: undefined }),
    fc.option(fc.record({ minBytes: fc.nat(), maxBytes: fc.nat() }, PLAIN), { nil: undefined }),
  )
  .map(([parts, policy, guarantees]) => ({
    ...parts,
    level: 'soft',
    ...(policy && { policy }),
    ...(guarantees && { guarantees }),
  }));

const GUESTS = ['a', 'b', 'c'].map(uuid => ({ uuid, name: `guest ${uuid}` }));
const placeOf = (uuid: string): number | undefined => {
  const place = GUESTS.findIndex(guest => guest.uuid === uuid);
  return place < 0 ? undefined : place;
};

describe('decisions in the journal', () => {
  it('come back exactly as they were', () => {
    fc.assert(
      fc.property(fc.array(decision, { minLength: 1, maxLength: 3 }), parts => {
        const decisions = parts.map((part, i) => ({ uuid: '', name: '', ...GUESTS[i], ...part }));
        const text = JSON.stringify(encodeDecisions(decisions, placeOf));
        const read = decisionsSchema.parse(JSON.parse(text));
        expect(decodeDecisions(read, place => GUESTS[place])).toEqual(decisions);
        expect(JSON.stringify(decodeDecisions(read, place => GUESTS[place])).length).toBe(
          JSON.stringify(decisions).length,
        );
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  it('of guests that have no place are left out, on both sides', () => {
    const encoded = encodeDecisions([decisionOf({ uuid: 'a' }), decisionOf({ uuid: 'x' })], placeOf);
    expect(encoded.of).toHaveLength(1);
    expect(decodeDecisions(encoded, () => undefined)).toEqual([]);
  });
});
