import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guestReadings, reportReadings, uniformReport } from './guest-readings.ts';
import { ABSENT, type GuestFigure, known, type Reading, trusted } from './snapshot.ts';

const REPORT = [
  'total',
  'available',
  'free',
  'cache',
  'used',
  'swapInRate',
  'swapOutRate',
  'majorFaultRate',
  'oomKills',
  'allocStalls',
] as const satisfies readonly GuestFigure[];

const amount = fc.double({ noNaN: true, noDefaultInfinity: true });
const age = fc.double({ min: 0, max: 1e6, noNaN: true });
const reading: fc.Arbitrary<Reading> = fc
  .tuple(fc.option(amount, { nil: undefined }), age, fc.constantFrom('ok', 'stale', 'absent', 'implausible'))
  .map(([value, ageSeconds, quality]) => ({ ...(value !== undefined && { value }), ageSeconds, quality }));
const all = fc.record({
  ...{ max: reading, current: reading, rss: reading, psiSome: reading, psiFull: reading },
  ...{ total: reading, available: reading, free: reading, cache: reading, used: reading },
  ...{ swapInRate: reading, swapOutRate: reading, majorFaultRate: reading },
  ...{ oomKills: reading, allocStalls: reading },
});

describe('readings of a guest', () => {
  it('are each what they were made of', () => {
    fc.assert(
      fc.property(all, figures => {
        expect(guestReadings(figures).all()).toEqual(figures);
      }),
    );
  });

  it('tell of the report as numbers what may be acted on, and nothing else', () => {
    fc.assert(
      fc.property(all, figures => {
        const readings = guestReadings(figures);
        for (const figure of REPORT)
          expect(readings.trusted[figure]).toBe(trusted(figures[figure]) ?? Number.NaN);
      }),
    );
  });

  it('stay as they are when a copy has others', () => {
    fc.assert(
      fc.property(all, reading, (figures, other) => {
        const readings = guestReadings(figures);
        expect(readings.with({ used: other, max: other }).all()).toEqual({
          ...figures,
          ...{ used: other, max: other },
        });
        expect(readings.all()).toEqual(figures);
      }),
    );
  });
});

describe('readings of a report', () => {
  const figure = fc.oneof({ weight: 4, arbitrary: amount }, fc.constantFrom(undefined, Number.NaN));
  const given = fc.tuple(
    ...[fc.record({ total: figure, available: figure, free: figure, cache: figure }), figure],
    fc.record({
      ...{ swapIn: figure, swapOut: figure, majorFaults: figure, oomKills: figure, allocStalls: figure },
    }),
  );

  it('are of its age and quality where they are given, implausible where they cannot be, and absent else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(given, fc.constantFrom(0, 1, 2), fc.constantFrom('ok', 'stale')), { maxLength: 4 }),
        reports => {
          let before = uniformReport(ABSENT);
          for (const [[amounts, used, rates], ageSeconds, quality] of reports) {
            before = reportReadings(amounts, used, rates, ageSeconds, quality, before);
            const expected = (value: number | undefined): Reading => {
              if (value === undefined) return ABSENT;
              return Number.isNaN(value)
                ? { ageSeconds, quality: 'implausible' }
                : { value, ageSeconds, quality };
            };
            const { swapIn, swapOut, majorFaults, oomKills, allocStalls } = rates;
            const values = [
              ...Object.values(amounts),
              used,
              swapIn,
              swapOut,
              majorFaults,
              oomKills,
              allocStalls,
            ];
            const host = { max: ABSENT, current: ABSENT, rss: ABSENT, psiSome: ABSENT, psiFull: ABSENT };
            const figures = Object.fromEntries(REPORT.map((name, i) => [name, expected(values[i])]));
            const same = guestReadings({ ...host, ...figures } as Record<GuestFigure, Reading>);
            for (const name of REPORT) expect(before[name]).toBe(same.trusted[name]);
            expect(before).toEqual(same.trusted);
          }
        },
      ),
    );
  });

  it('are all alike where there is no report', () => {
    const none: Reading = { ageSeconds: 7, quality: 'stale', value: 3 };
    const others = { max: known(1), current: known(1), rss: ABSENT, psiSome: ABSENT, psiFull: ABSENT };
    const figures = Object.fromEntries(REPORT.map(name => [name, none])) as Record<
      (typeof REPORT)[number],
      Reading
    >;
    expect(uniformReport(none)).toEqual(guestReadings({ ...others, ...figures }).trusted);
  });
});
