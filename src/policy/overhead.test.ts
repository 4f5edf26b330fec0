import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ABSENT, known } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { learnOverhead, ORDINARY_OVERHEAD } from './overhead.ts';
import { guestSample } from './testing.ts';

/** A guest of 4 GiB with so much resident and so much free, by a report of now. */
const learn = (rss: number, free: number, before = 0, current = 4 * GiB) =>
  learnOverhead(before, guestSample({ rss, readings: { free: known(free) } }), current, true);

describe('overhead', () => {
  it('is what the process holds beyond the size of its guest, within what an overhead can be', () => {
    expect(learn(4 * GiB + 120 * MiB, GiB)).toBe(120 * MiB);
    expect(learn(9 * GiB, GiB)).toBe(272 * MiB);
  });

  it('is taken for an ordinary one while a guest hides it by not having touched all its size', () => {
    expect(learn(2 * GiB, 3 * GiB)).toBe(ORDINARY_OVERHEAD);
  });

  it('is no more than what is left when all that is not free is the guest, and that bound only falls', () => {
    // 4 GiB of which 3 GiB are free and were never touched: 1 GiB and 90 MiB are resident.
    const first = learn(GiB + 90 * MiB, 3 * GiB);
    expect(first).toBe(90 * MiB);
    // It has used and freed memory since: free pages are resident.
    expect(learn(3 * GiB, 3 * GiB, first)).toBe(90 * MiB);
  });

  it('is known to a few pages once the guest has filled its size', () => {
    const kept = 80 * MiB;
    expect(learn(4 * GiB + 40 * MiB, kept, ORDINARY_OVERHEAD)).toBe(56 * MiB);
    // With more free, all of it may never have been touched.
    expect(learn(4 * GiB + 40 * MiB, GiB, ORDINARY_OVERHEAD)).toBe(ORDINARY_OVERHEAD);
    expect(learn(4 * GiB - 40 * MiB, kept, ORDINARY_OVERHEAD)).toBe(40 * MiB);
  });

  it('grows when the process is seen to hold more beyond its guest', () => {
    expect(learn(4 * GiB + 200 * MiB, GiB, 90 * MiB)).toBe(200 * MiB);
  });

  it('learns nothing from a report that is older than the size, nor without the resident size', () => {
    const sample = guestSample({ rss: 2 * GiB, readings: { free: known(3 * GiB) } });
    expect(learnOverhead(0, sample, 4 * GiB, false)).toBe(0);
    expect(learnOverhead(7, guestSample({ readings: { rss: ABSENT } }), 4 * GiB, true)).toBe(7);
  });

  it('stays within its limits whatever a guest says to be free', () => {
    const size = fc.integer({ min: 0, max: 64 * GiB });
    fc.assert(
      fc.property(size, size, size, fc.integer({ min: 1, max: 64 * GiB }), (rss, free, before, current) => {
        const learned = learn(rss, free, Math.min(before, 256 * MiB), current);
        expect(learned).toBeGreaterThanOrEqual(0);
        expect(learned).toBeLessThanOrEqual(256 * MiB + current / 256);
      }),
    );
  });
});
