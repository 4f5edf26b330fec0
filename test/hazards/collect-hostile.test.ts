/** H20: a guest writes its own statistics, and can write anything. It harms its own figures and nobody else's. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StatValue } from '../../src/hypervisor/driver.ts';
import type { GuestFigure, GuestSample, Reading } from '../../src/model/snapshot.ts';
import { GiB, MiB } from '../../src/model/units.ts';
import { balloonParams } from '../fakes/balloon-params.ts';
import { collectorOver } from '../fakes/collector.ts';
import { createFakeClock } from '../fakes/fake-clock.ts';
import { createFakeHypervisor } from '../fakes/fake-hypervisor.ts';

const HOSTILE_KEYS = [
  'balloon.current',
  'balloon.swap_in',
  'balloon.swap_out',
  'balloon.major_fault',
  'balloon.minor_fault',
  'balloon.unused',
  'balloon.available',
  'balloon.usable',
  'balloon.disk_caches',
  'balloon.oom_kills',
  'balloon.alloc_stalls',
] as const;

/** What a wire can carry: absent, small, wild, negative, no number. */
const wild: fc.Arbitrary<StatValue | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.integer({ min: 0, max: 2_000_000 }),
  fc.constantFrom<StatValue>(
    0,
    -1,
    1024 * 1024,
    2 ** 40,
    2 ** 50 / 1024,
    2 ** 53 - 1,
    2 ** 60,
    18_014_398_509_481_980,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    0.5,
    'many',
    true,
  ),
);

const lies = fc.record(Object.fromEntries(HOSTILE_KEYS.map(key => [key, wild])));

/** A liar and an honest neighbour of 1 GiB each. */
function host() {
  const clock = createFakeClock();
  const hypervisor = createFakeHypervisor();
  const collector = collectorOver({ hypervisor, clock });
  const liar = hypervisor.add('liar');
  const honest = hypervisor.add('honest');
  return {
    clock,
    tick: async (said: Readonly<Record<string, StatValue | undefined>>, rss = 600) => {
      clock.advance(1);
      const lastUpdate = clock.now().wall;
      const given = { ...balloonParams({ lastUpdate, rss }), ...said };
      liar.balloon = Object.fromEntries(
        Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
      );
      honest.balloon = balloonParams({ lastUpdate });
      const { guests, host: sample } = await collector.collect();
      const [first, second] = guests;
      if (first === undefined || second === undefined) throw new Error('two guests were expected');
      return { liar: first, honest: second, available: sample.readings.available.value };
    },
  };
}

const figures = (guest: GuestSample) => Object.entries(guest.readings.all()) as [GuestFigure, Reading][];

describe('whatever a guest writes', () => {
  it('H20: every figure is a plausible number or none, and nothing fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(lies, { minLength: 1, maxLength: 6 }), async rounds => {
        const { tick } = host();
        for (const said of rounds) {
          const { liar } = await tick(said);
          for (const [, { value, quality, ageSeconds }] of figures(liar)) {
            expect(Number.isFinite(ageSeconds)).toBe(true);
            if (quality === 'ok' || quality === 'stale') {
              expect(Number.isFinite(value) && (value ?? -1) >= 0).toBe(true);
            } else expect(value).toBeUndefined();
          }
        }
      }),
      { numRuns: 80 },
    );
  });

  it('H20: figures that pass do not contradict each other or the size that the host knows', async () => {
    await fc.assert(
      fc.asyncProperty(lies, async said => {
        const { liar } = await host().tick(said);
        const { total, available, free, used, current, max } = liar.readings;
        const at = (reading: Reading, otherwise: number) => reading.value ?? otherwise;
        expect(at(available, 0)).toBeLessThanOrEqual(at(total, Number.POSITIVE_INFINITY));
        expect(at(free, 0)).toBeLessThanOrEqual(at(total, Number.POSITIVE_INFINITY));
        expect(at(used, 0)).toBeLessThanOrEqual(at(total, Number.POSITIVE_INFINITY));
        expect(at(total, 0)).toBeLessThanOrEqual(at(max, 0) * 1.02);
        expect(at(current, 0)).toBeLessThanOrEqual(at(max, 0) * 1.02);
      }),
      { numRuns: 80 },
    );
  });

  it('H20: its neighbour is as it was', async () => {
    const truth = host();
    await truth.tick({});
    const expected = (await truth.tick({})).honest;
    await fc.assert(
      fc.asyncProperty(lies, lies, async (first, second) => {
        const { tick } = host();
        await tick(first);
        expect((await tick(second)).honest).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('H20: the pool never gets more from it than what is no longer resident', async () => {
    await fc.assert(
      fc.asyncProperty(lies, fc.integer({ min: 0, max: 2000 }), async (said, rss) => {
        const { available } = await host().tick(said, rss);
        const honestHolds = 600 * MiB;
        const liarHoldsAtLeast = Math.min(Math.max(0, rss - 256), 1024) * MiB;
        expect(available ?? 0).toBeLessThanOrEqual(4 * GiB - honestHolds - liarHoldsAtLeast);
      }),
      { numRuns: 80 },
    );
  });
});

it('H20, H21: what a guest claims to have given and what is still resident counts as held', async () => {
  const { tick } = host();
  const claimed = { 'balloon.current': 256 * 1024, 'balloon.available': 200 * 1024 };

  const liar = await tick({ ...claimed, 'balloon.usable': 0, 'balloon.unused': 0 }, 1100);
  const gave = await tick({ ...claimed, 'balloon.usable': 0, 'balloon.unused': 0 }, 350);

  expect(liar.available).toBe((4096 - 600 - (1100 - 256)) * MiB);
  expect(gave.available).toBe((4096 - 600 - 256) * MiB);
});

it('H20: figures that flap are each of their moment, and no epoch begins by them', async () => {
  const { tick } = host();
  const epochs = new Set<number>();
  for (let i = 0; i < 10; i++) {
    const usable = i % 2 === 0 ? 0 : 900 * 1024;
    const { liar } = await tick({ 'balloon.usable': usable, 'balloon.unused': 0 });
    epochs.add(liar.epoch);
    expect(liar.readings.available).toMatchObject({ value: usable * 1024, quality: 'ok' });
  }

  expect([...epochs]).toEqual([1]);
});
