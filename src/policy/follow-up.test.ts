import { describe, expect, it } from 'vitest';
import { ABSENT, type GuestSample, known } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { followUp as follow, lastKnownSize, promisedBytes, rescueOf, withdrawalOf } from './follow-up.ts';
import { ORDINARY_OVERHEAD } from './overhead.ts';
import { Sheet } from './sheet.ts';
import { type GuestMemory, newGuestMemory } from './state.ts';
import { deepFreeze, guestSample, memoryOf } from './testing.ts';

const SHRINK = { from: 4 * GiB, to: 2 * GiB, at: 0 };

/** The memory that a tick leaves, and what it says of the move. */
function followUp(sample: GuestSample, before: GuestMemory | undefined, now: number) {
  const host = { guests: 1, psi: { some: {}, full: {} }, level: 'none' };
  const sheet = new Sheet(sample, newGuestMemory(sample.epoch), host);
  sheet.begin(sample, undefined, undefined, [], undefined);
  sheet.at = now;
  const verdict = follow(sheet, before, {});
  return { memory: sheet.memory, verdict };
}

describe('followUp', () => {
  it('keeps nothing of an earlier epoch', () => {
    const before = memoryOf(guestSample(), {
      move: SHRINK,
      granted: GiB,
      unfollowed: 3,
      backOffUntil: 1e6,
      shrunkAt: 5,
      decidedOnReport: 40,
      overheadBytes: 100 * MiB,
    });
    const { memory, verdict } = followUp(guestSample({ epoch: 2 }), deepFreeze(before), 10);
    const boot = { at: 10, count: 1, asked: undefined };
    expect(memory).toEqual({ ...newGuestMemory(2), resting: { size: 4 * GiB, since: 10 }, boot });
    expect(verdict).toEqual({ kind: 'none' });
  });

  it('gives a move its time once more when the guest runs again', () => {
    const paused = guestSample({ state: 'paused' });
    const waited = followUp(paused, memoryOf(paused, { move: SHRINK }), 500);
    expect(waited.verdict).toEqual({ kind: 'none' });
    expect(followUp(guestSample(), waited.memory, 501).verdict).toEqual({ kind: 'under-way' });
  });

  it('judges no move by a size that is not to be trusted', () => {
    const doubted = guestSample({ readings: { current: { value: GiB, ageSeconds: 0, quality: 'stale' } } });
    expect(followUp(doubted, memoryOf(guestSample(), { move: SHRINK }), 1000).verdict.kind).toBe('none');
  });

  it('learns the kernel share from a report that came after the balloon stood still', () => {
    const sample = guestSample({ kernel: 100 * MiB, statsAgeSeconds: 1 });
    const standing = (since: number) => ({ resting: { size: 4 * GiB, since }, kernelBytes: undefined });
    const at = (since: number, now: number) =>
      followUp(sample, memoryOf(sample, standing(since)), now).memory;
    expect(at(0, 2.4).kernelBytes).toBeUndefined();
    expect(at(0, 2.5).kernelBytes).toBe(100 * MiB);
    expect(followUp(sample, undefined, 100).memory.kernelBytes).toBeUndefined();
  });

  it('learns nothing while the balloon moves', () => {
    const sample = guestSample({ current: 3 * GiB, kernel: 900 * MiB, rss: 3.5 * GiB });
    const before = memoryOf(sample, { move: SHRINK, kernelBytes: 100 * MiB });
    const { memory } = followUp(sample, before, 3);
    expect(memory).toMatchObject({ kernelBytes: 100 * MiB, overheadBytes: 0 });
  });

  it('takes granted memory for given when the guest has touched it', () => {
    const granted = (rss: number) => {
      const sample = guestSample({ rss });
      return followUp(sample, memoryOf(sample, { granted: GiB }), 10).memory.granted;
    };
    expect(granted(3.5 * GiB)).toBe(GiB / 2 + ORDINARY_OVERHEAD);
    expect(granted(4 * GiB)).toBe(0);
    expect(granted(GiB)).toBe(GiB);
    const unseen = guestSample({ readings: { rss: ABSENT } });
    expect(followUp(unseen, memoryOf(unseen, { granted: GiB }), 10).memory.granted).toBe(GiB);
  });

  it('gives the very memory back when there is no news', () => {
    const sample = guestSample();
    const { memory } = followUp(sample, undefined, 0);
    const later = followUp(sample, memory, 10).memory;
    expect(followUp(sample, later, 11).memory).toBe(later);
  });
});

describe('promises', () => {
  it('are the size, or what the guest has been offered', () => {
    const memory = newGuestMemory(1);
    expect(promisedBytes(GiB, memory)).toBe(GiB);
    expect(promisedBytes(GiB, { ...memory, move: { from: GiB, to: 2 * GiB, at: 0 } })).toBe(2 * GiB);
    expect(promisedBytes(3 * GiB, { ...memory, move: SHRINK })).toBe(3 * GiB);
  });

  it('go by the last word there is on the size', () => {
    const sample = (readings: Parameters<typeof guestSample>[0]) => guestSample(readings);
    const memory = memoryOf(guestSample({ current: 2 * GiB }));
    const none = newGuestMemory(1);
    expect(lastKnownSize(sample({ current: GiB }), memory)).toBe(GiB);
    expect(lastKnownSize(sample({ readings: { current: ABSENT } }), memory)).toBe(2 * GiB);
    expect(lastKnownSize(sample({ readings: { current: ABSENT } }), none)).toBe(4 * GiB);
    expect(lastKnownSize(sample({ readings: { current: ABSENT, max: ABSENT, rss: known(7) } }), none)).toBe(
      7,
    );
  });
});

describe('corrections', () => {
  it('withdraw a shrink to what was reached and a margin, within the maximum', () => {
    const given = { kind: 'given-up', reached: 3 * GiB } as const;
    expect(withdrawalOf(guestSample(), given)).toMatchObject({
      code: 'WITHDRAWN',
      target: 3 * GiB + 32 * MiB,
    });
    expect(withdrawalOf(guestSample({ max: 3 * GiB }), given)).toMatchObject({ target: 3 * GiB });
    expect(withdrawalOf(guestSample(), { kind: 'under-way' })).toBeUndefined();
  });

  const situation = { current: 3 * GiB, max: 4 * GiB, floor: 2 * GiB, distressed: false };

  it('raise the target of a shrink under way when use has grown into it', () => {
    expect(rescueOf(SHRINK, situation)).toBeUndefined();
    expect(rescueOf(SHRINK, { ...situation, floor: 2 * GiB + 32 * MiB })).toBeUndefined();
    expect(rescueOf(SHRINK, { ...situation, floor: 2.5 * GiB })).toMatchObject({ target: 2.5 * GiB });
  });

  it('stop a shrink under way where the guest is when that is its floor or it is in distress', () => {
    expect(rescueOf(SHRINK, { ...situation, floor: 3.5 * GiB })).toMatchObject({ target: 3 * GiB });
    expect(rescueOf(SHRINK, { ...situation, distressed: true })).toMatchObject({ target: 3 * GiB });
  });

  it('leave growth alone', () => {
    const growth = { from: GiB, to: 2 * GiB, at: 0 };
    expect(rescueOf(growth, { ...situation, distressed: true })).toBeUndefined();
    expect(rescueOf(undefined, { ...situation, distressed: true })).toBeUndefined();
  });
});
