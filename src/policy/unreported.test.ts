import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../model/units.ts';
import { deepFreeze } from './testing.ts';
import { type Glances, glanceAt, unreportedUse } from './unreported.ts';

const report = (rss: number | undefined, slope = 0) => ({ rss, lastAt: 10, slope });

describe('use that no report has told of yet', () => {
  it('is what the process has grown by since the last report, and how fast', () => {
    expect(unreportedUse(report(2 * GiB), { rss: 2 * GiB + 100 * MiB, at: 10.5 })).toEqual({
      bytes: 100 * MiB,
      rate: 200 * MiB,
    });
  });

  it('is nothing when the process shrinks, grows by next to nothing, or is not known', () => {
    const nothing = { bytes: 0, rate: 0 };
    expect(unreportedUse(report(2 * GiB), { rss: GiB, at: 11 })).toEqual(nothing);
    expect(unreportedUse(report(2 * GiB), { rss: 2 * GiB + MiB, at: 11 })).toEqual(nothing);
    expect(unreportedUse(report(2 * GiB), { rss: undefined, at: 11 })).toEqual(nothing);
    expect(unreportedUse(report(undefined), { rss: 2 * GiB, at: 11 })).toEqual(nothing);
  });
});

/** Looks at the process every tenth of a second, and gives what is known after the last one. */
function glancesOf(looks: readonly number[], from = 10.1): Glances | undefined {
  let glances: Glances | undefined;
  for (const [i, rss] of looks.entries()) glances = glanceAt(deepFreeze(glances), { rss, at: from + i / 10 });
  return glances;
}

describe('looks between two reports', () => {
  const REST = 2 * GiB;

  it('tell of a burst at its own pace, however long the guest was at rest before', () => {
    const still = glancesOf(Array.from({ length: 8 }, () => REST));
    const { bytes, rate } = unreportedUse(report(REST), { rss: REST + 60 * MiB, at: 10.9 }, still);
    expect(bytes).toBe(60 * MiB);
    expect(rate).toBeGreaterThanOrEqual((60 * MiB) / 0.31);
    expect(unreportedUse(report(REST), { rss: REST + 60 * MiB, at: 10.9 }).rate).toBeLessThan(70 * MiB);
  });

  it('still tell of it in the tick of a report that has seen use grow, and not in one that has seen page cache', () => {
    const burst = glancesOf([REST, REST + 20 * MiB, REST + 40 * MiB, REST + 60 * MiB], 9.6);
    const look = { rss: REST + 80 * MiB, at: 10 };
    const known = unreportedUse({ ...report(look.rss, 30 * MiB) }, look, burst);
    expect(known.bytes).toBe(0);
    expect(known.rate).toBeGreaterThan(100 * MiB);
    expect(unreportedUse({ ...report(look.rss, 0) }, look, burst).rate).toBe(0);
  });

  it('are forgotten when the process is not known', () => {
    const { rss, at } = { rss: undefined, at: 11 };
    expect(glanceAt(glancesOf([REST, REST]), { rss, at })).toBeUndefined();
  });

  it('never make a rate of more than was grown by over a fifth of a second', () => {
    const steps = fc.array(fc.integer({ min: -64, max: 64 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(steps, list => {
        let rss = REST;
        let glances: Glances | undefined;
        let [low, high] = [REST, REST];
        for (const [i, step] of list.entries()) {
          rss += step * MiB;
          [low, high] = [Math.min(low, rss), Math.max(high, rss)];
          const look = { rss, at: 10.1 + i / 10 };
          const { bytes, rate } = unreportedUse(report(REST), look, glances);
          expect(bytes).toBeLessThanOrEqual(Math.max(0, rss - REST));
          expect(rate).toBeLessThanOrEqual((high - low) / 0.2 + 1);
          glances = glanceAt(glances, look);
        }
      }),
    );
  });
});
