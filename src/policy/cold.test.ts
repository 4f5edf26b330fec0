import { describe, expect, it } from 'vitest';
import { known } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import type { Cold } from './lessons.ts';
import type { Outcome } from './outcome.ts';
import { settle } from './settle.ts';
import type { Movable } from './sheet.ts';
import { type GuestParts, movable } from './testing.ts';

/** Of the 2 GiB that are vouched for, 1 GiB is ours. */
const COLD = {
  swap: { bytes: 2 * GiB },
  at: new Set<string>(),
  step: { bytes: 256 * MiB },
  refault: 4 * MiB,
  restSeconds: 600,
};

const CALM = { level: 'none', now: 0 };

/** What is known of a guest of which so much is swapped out, and whose last squeeze ended a minute ago. */
const swappedOut = (swapped: number, parts: Partial<Cold> = {}): Cold => ({
  swaps: true,
  squeezing: false,
  from: 4 * GiB,
  steppedAt: -62,
  swapped,
  size: 4 * GiB,
  use: 4 * GiB - 10 * MiB,
  isFilled: true,
  stood: true,
  given: swapped,
  ended: { sign: 'dry', at: -60 },
  restUntil: 540,
  ...parts,
});

/** A guest of 8 GiB that has next to nothing available, and does not swap. */
function short(
  uuid: string,
  cold: Cold,
  { current = 4 * GiB, readings }: GuestParts = {},
  evicted = 0,
): Movable {
  const rates = { swapOutRate: known(0), swapInRate: known(0), majorFaultRate: known(0), ...readings };
  const guarantees = { min: { bytes: GiB }, max: { ratio: 1 }, reserve: 128 * MiB };
  const guest = { uuid, max: 8 * GiB, current, used: current - 10 * MiB, readings: rates };
  return movable(guest, { guarantees, cold: COLD }, { cold, swapping: { evicted, noisyAt: undefined } });
}

/** One that misses 2 GiB, and reads them back as fast as it can. */
const inNeed = () =>
  short(
    'need',
    swappedOut(2 * GiB, { given: 0 }),
    { current: 2 * GiB, readings: { swapInRate: known(64 * MiB) } },
    2 * GiB,
  );

function settled(...guests: Movable[]): Record<string, Outcome> {
  const committed = guests.reduce((sum, { current }) => sum + current, 0);
  settle({ total: committed, committed, free: 0, emergency: 0 }, guests, CALM);
  return Object.fromEntries(guests.map(({ sample, outcome }) => [sample.uuid, { ...outcome }]));
}

const reasons = (outcomes: Record<string, Outcome>) =>
  Object.fromEntries(Object.entries(outcomes).map(([uuid, { reason }]) => [uuid, reason]));

const taken = (...cold: Cold[]) => {
  const outcomes = settled(...cold.map((one, i) => short(`guest-${i}`, one)), inNeed());
  expect(outcomes.need?.reason).toBe('WAITING_FOR_DONORS');
  return cold.map((_, i) => (4 * GiB - (outcomes[`guest-${i}`]?.target ?? 4 * GiB)) / MiB);
};

describe('memory that is seldom touched', () => {
  it('H5: is given to a guest in need by one that is short and content', () => {
    const outcomes = settled(short('content', swappedOut(0)), inNeed());
    expect(reasons(outcomes)).toEqual({ content: 'COLD_TAKEN', need: 'WAITING_FOR_DONORS' });
  });

  it('stays where all that are short are content', () => {
    const outcomes = settled(
      short('one', swappedOut(0)),
      short('other', swappedOut(0), { current: 2 * GiB }),
    );
    expect(Object.values(reasons(outcomes))).not.toContain('COLD_TAKEN');
  });

  it('is given up to three quarters of the swap', () => {
    expect(taken(swappedOut(1400 * MiB))[0]).toBeGreaterThan(100);
    expect(taken(swappedOut(1535 * MiB))[0]).toBeLessThanOrEqual(12);
    expect(taken(swappedOut(1536 * MiB))).toEqual([0]);
  });

  it('is given without any rest where only what is ours at ease was full', () => {
    expect(taken(swappedOut(1024 * MiB, { ended: { sign: 'full', at: -5 } }))[0]).toBeGreaterThan(100);
  });

  it('is given after a short rest, and after a whole one where much had been read back', () => {
    expect(taken(swappedOut(0, { ended: { sign: 'dry', at: -19 } }))).toEqual([0]);
    expect(taken(swappedOut(0, { ended: { sign: 'refault', at: -60 } }))).toEqual([0]);
    expect(taken(swappedOut(0, { ended: { sign: 'refault', at: -60 }, restUntil: 0 }))[0]).toBeGreaterThan(
      100,
    );
  });

  it('is given first by those that have swapped out least', () => {
    const given = taken(swappedOut(768 * MiB), ...Array.from({ length: 12 }, () => swappedOut(0)));
    expect(given[0]).toBe(0);
    expect(given.filter(bytes => bytes > 0).length).toBeGreaterThan(4);
  });

  it('H5: is not given back to content guests before those in need have had what is free', () => {
    const need = inNeed();
    const guests = [
      short('content', swappedOut(1536 * MiB, { size: 1536 * MiB, use: 1526 * MiB }), {
        current: 1536 * MiB,
      }),
      need,
    ];
    const [committed, free] = [3584 * MiB, 256 * MiB];
    settle({ total: committed + 16 * GiB, committed, free, emergency: 0 }, guests, CALM);
    expect(need.outcome.target).toBe(2 * GiB + free);
    expect(guests[0]?.outcome).toMatchObject({ action: 'hold', reason: 'WAITING_FOR_DONORS' });
  });

  it('H5: is claimed by one in need up to what it is about to use', () => {
    const need = inNeed();
    const guests = [short('content', swappedOut(0)), need];
    settle({ total: 6 * GiB, committed: 6 * GiB, free: 0, emergency: 0 }, guests, CALM);
    expect(need.soon).toBeGreaterThan(3.9 * GiB);
    expect(need.share).toBeGreaterThan(2.9 * GiB);
  });
});
