import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../model/units.ts';
import { type DemandWindow, observeUse, useSoon, usualUse } from './demand.ts';
import { deepFreeze } from './testing.ts';
import type { Unreported } from './unreported.ts';

/** Use that memory is kept for. */
function estimateUse(
  window: DemandWindow,
  { quantile, growthSeconds }: { readonly quantile: number; readonly growthSeconds: number },
  unreported?: Unreported,
): number {
  return Math.max(useSoon(window, growthSeconds, unreported), usualUse(window, quantile));
}

const WINDOW = 240;

interface Use {
  readonly at: number;
  readonly used: number;
}

function windowOf(uses: readonly Use[], seconds = WINDOW): DemandWindow {
  let window: DemandWindow | undefined;
  for (const [i, { at, used }] of uses.entries()) {
    window = observeUse(deepFreeze(window), { used, at, report: i + 1 }, seconds);
  }
  if (window === undefined) throw new Error('no reports');
  return window;
}

/** Uses at the times that the waits before them add up to. */
function timed(list: readonly { readonly wait: number; readonly used: number }[]): Use[] {
  let at = 0;
  return list.map(({ wait, used }) => {
    at += wait;
    return { at, used };
  });
}

/** One report a second from `from` on. */
const steady = (from: number, seconds: number, used: number): Use[] =>
  Array.from({ length: seconds }, (_, i) => ({ at: from + i, used }));

describe('demand', () => {
  it('is the use itself when that never changes', () => {
    expect(estimateUse(windowOf(steady(0, 500, GiB)), { quantile: 0.95, growthSeconds: 2 })).toBe(GiB);
  });

  it('keeps a short peak for the whole window: it is not averaged away', () => {
    const peak = [...steady(0, 60, GiB), { at: 60, used: 3 * GiB }, ...steady(61, WINDOW - 10, GiB)];
    expect(estimateUse(windowOf(peak), { quantile: 1, growthSeconds: 0 })).toBe(3 * GiB);
  });

  it('forgets a peak when the window has passed it', () => {
    const past = [...steady(0, 60, GiB), { at: 60, used: 3 * GiB }, ...steady(61, WINDOW + 20, GiB)];
    expect(estimateUse(windowOf(past), { quantile: 1, growthSeconds: 0 })).toBe(GiB);
  });

  it('leaves out the highest parts that the quantile allows', () => {
    const once = [...steady(0, 60, GiB), { at: 60, used: 3 * GiB }, ...steady(61, WINDOW - 20, GiB)];
    expect(estimateUse(windowOf(once), { quantile: 0.5, growthSeconds: 0 })).toBe(GiB);
    const half = [...steady(0, WINDOW / 2, GiB), ...steady(WINDOW / 2, WINDOW / 2, 2 * GiB)];
    expect(estimateUse(windowOf(half), { quantile: 0.95, growthSeconds: 0 })).toBe(2 * GiB);
  });

  it('is never under the use now, whatever the quantile', () => {
    const rising = [...steady(0, 200, GiB), { at: 200, used: 2 * GiB }];
    expect(estimateUse(windowOf(rising), { quantile: 0.1, growthSeconds: 0 })).toBe(2 * GiB);
  });

  it('adds what growth brings until a move can help, and takes nothing off for a fall', () => {
    const growing = windowOf([
      { at: 0, used: GiB },
      { at: 4, used: GiB + 400 * MiB },
    ]);
    expect(growing.slope).toBe(100 * MiB);
    expect(estimateUse(growing, { quantile: 1, growthSeconds: 2 })).toBe(GiB + 600 * MiB);
    const falling = windowOf([
      { at: 0, used: 2 * GiB },
      { at: 20, used: GiB },
    ]);
    expect(falling.slope).toBeLessThan(0);
    expect(estimateUse(falling, { quantile: 0, growthSeconds: 2 })).toBe(GiB);
  });

  it('takes a report that it has seen for no news, however its age jitters', () => {
    const window = windowOf([
      { at: 0, used: GiB },
      { at: 1, used: 2 * GiB },
    ]);
    expect(observeUse(window, { used: 2 * GiB, at: 1.000_001, report: 2 }, WINDOW)).toBe(window);
  });

  it('does not divide by next to nothing when two reports are seen close together', () => {
    const window = windowOf([
      { at: 0, used: GiB },
      { at: 0.001, used: GiB + MiB },
    ]);
    expect(window.slope).toBe(MiB);
  });

  it('lets old peaks pass during a gap, and does not take the gap for a time without use', () => {
    const gap = [...steady(0, WINDOW, 3 * GiB), { at: 3 * WINDOW, used: GiB }];
    expect(estimateUse(windowOf(gap), { quantile: 1, growthSeconds: 0 })).toBe(GiB);
    const sparse = windowOf([
      { at: 0, used: 2 * GiB },
      { at: WINDOW / 2, used: 2 * GiB },
    ]);
    expect(estimateUse(sparse, { quantile: 0.1, growthSeconds: 0 })).toBe(2 * GiB);
  });

  it('stays bounded and between the least and the most of what it saw', () => {
    const uses = fc.array(
      fc.record({
        wait: fc.double({ min: 0.1, max: 500, noNaN: true }),
        used: fc.integer({ min: 1, max: 2 ** 40 }),
      }),
      { minLength: 1, maxLength: 200 },
    );
    fc.assert(
      fc.property(
        uses,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(0, 1, 60, 600),
        (list, q, seconds) => {
          const window = windowOf(timed(list), seconds);
          expect(window.peaks.length).toBeLessThanOrEqual(24);
          const use = estimateUse(window, { quantile: q, growthSeconds: 0 });
          const all = list.map(({ used }) => used);
          expect(use).toBeGreaterThanOrEqual(Math.min(...all));
          expect(use).toBeLessThanOrEqual(Math.max(...all));
          expect(use).toBeGreaterThanOrEqual(all.at(-1) ?? 0);
        },
      ),
    );
  });

  it('ranks the peaks that it keeps, whatever comes, goes and is there twice', () => {
    const uses = fc.array(
      fc.record({ wait: fc.integer({ min: 1, max: 400 }), used: fc.integer({ min: 0, max: 9 }) }),
      { minLength: 1, maxLength: 100 },
    );
    fc.assert(
      fc.property(uses, list => {
        const { peaks, ranked } = windowOf(timed(list));
        expect(peaks.length).toBeLessThanOrEqual(24);
        expect(ranked).toEqual(peaks.filter(peak => peak > 0).sort((a, b) => a - b));
      }),
    );
  });

  it('never forgets a peak that is younger than the window', () => {
    const uses = fc.array(
      fc.record({ wait: fc.integer({ min: 1, max: 40 }), used: fc.integer({ min: 1, max: 1e6 }) }),
      {
        minLength: 1,
        maxLength: 100,
      },
    );
    fc.assert(
      fc.property(uses, list => {
        const all = timed(list);
        const end = all.at(-1)?.at ?? 0;
        const young = all.filter(({ at }) => at > end - WINDOW).map(({ used }) => used);
        expect(estimateUse(windowOf(all), { quantile: 1, growthSeconds: 0 })).toBeGreaterThanOrEqual(
          Math.max(...young),
        );
      }),
    );
  });
});

describe('use that no report has told of yet', () => {
  it('counts at once, and its growth ahead of a move', () => {
    const window = observeUse(undefined, { used: GiB, report: 1, at: 10 }, WINDOW);
    expect(
      estimateUse(window, { quantile: 1, growthSeconds: 2 }, { bytes: 100 * MiB, rate: 200 * MiB }),
    ).toBe(GiB + 500 * MiB);
  });
});
