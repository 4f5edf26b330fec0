import { describe, expect, it } from 'vitest';
import { decisionOf, sampleOf, snapshotOf } from '../../test/fakes/samples.ts';
import { tickEventOf } from '../../test/fakes/ticks.ts';
import { ABSENT, known } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { createTrends, GUEST_COLUMNS, HOST_COLUMNS, hostFigures } from './trends.ts';

const GUEST = sampleOf({
  readings: {
    current: known(GiB),
    rss: known(GiB + 100 * MiB),
    used: known(500 * MiB),
    cache: known(200 * MiB),
  },
});

function hostWith(total: number, available: number, free: number) {
  const snapshot = snapshotOf([GUEST]);
  const readings = {
    ...snapshot.host.readings,
    total: known(total),
    available: known(available),
    free: known(free),
  };
  return { ...snapshot, host: { ...snapshot.host, readings } };
}

describe('trends of memory', () => {
  it('divide the host into parts that add up to it, with the balloons on top', () => {
    const parts = hostFigures({ snapshot: hostWith(8 * GiB, 5 * GiB, 4 * GiB) });
    expect(parts).toEqual({
      total: 8 * GiB,
      guestsUsed: 500 * MiB,
      guestsCache: 200 * MiB,
      guestsHeadroom: GiB + 100 * MiB - 700 * MiB,
      others: 3 * GiB - GiB - 100 * MiB,
      reclaimable: GiB,
      free: 4 * GiB,
      ballooned: GiB,
    });
    const { total, ballooned: _, ...rest } = parts;
    expect(Object.values(rest).reduce<number>((sum, part) => sum + (part ?? 0), 0)).toBe(total);
  });

  it('say nothing of what is not known, and take a guest without figures for one that uses what it holds', () => {
    const snapshot = snapshotOf([sampleOf({ readings: { rss: known(GiB), used: ABSENT, cache: ABSENT } })]);
    const blind = { ...snapshot.host.readings, total: ABSENT, available: ABSENT, free: ABSENT };
    const parts = hostFigures({ snapshot: { ...snapshot, host: { ...snapshot.host, readings: blind } } });
    expect(parts).toMatchObject({ total: undefined, others: undefined, free: undefined, guestsUsed: GiB });
    expect(parts).toMatchObject({ guestsCache: 0, guestsHeadroom: 0 });
  });

  it('keep each guest while it is there', () => {
    const trends = createTrends();
    const decision = decisionOf({ wantedBytes: 700 * MiB, targetBytes: 800 * MiB });
    trends.note(tickEventOf([GUEST], [decision]));
    const view = trends.guest(GUEST.uuid);
    const row = Object.fromEntries(GUEST_COLUMNS.map((name, i) => [name, view?.columns[i]?.[0]]));
    expect(row).toMatchObject({ size: GiB, target: 800 * MiB, wanted: 700 * MiB, used: 500 * MiB });
    expect(trends.guests()).toHaveLength(1);
    trends.note(tickEventOf([]));
    expect(trends.guests()).toEqual([]);
    expect(trends.guest(GUEST.uuid)).toBeUndefined();
  });

  it('name the pressure level of each row', () => {
    const trends = createTrends();
    trends.note(tickEventOf([]));
    const index = trends.host('hour')?.columns[HOST_COLUMNS.indexOf('level')]?.[0];
    expect(trends.levels()[index ?? -1]).toBe(tickEventOf([]).tick.state.pressure.level);
    expect(trends.host('day')?.stepSeconds).toBe(120);
  });
});
