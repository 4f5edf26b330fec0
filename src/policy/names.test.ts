import { describe, expect, it } from 'vitest';
import { ABSENT, known } from '../model/snapshot.ts';
import { GiB } from '../model/units.ts';
import { hostNames, NamesOfGuest } from './names.ts';
import { guestSample, snapshot } from './testing.ts';

const CONDITION = { distress: false, level: undefined };
const ESTIMATES = { inUse: 4, demand: 5, usedRate: -1, target: undefined, condition: CONDITION };

describe('names in expressions', () => {
  it('give what is trusted of the host', () => {
    const { host } = snapshot({
      total: 8 * GiB,
      available: 2 * GiB,
      readings: { psiFullAvg10: known(3), swapUsed: { value: 1, ageSeconds: 60, quality: 'stale' } },
    });
    const names = hostNames(host, 3);
    expect(names).toMatchObject({ guests: 3, total: 8 * GiB, available: 2 * GiB, available_ratio: 0.25 });
    expect(names.psi).toEqual({ some: {}, full: { avg10: 3 } });
    expect(names.swap_used).toBeUndefined();
    expect(names.committed).toBeUndefined();
    expect(names.level).toBeUndefined();
  });

  it('give no ratio of what is not known', () => {
    expect(hostNames(snapshot({ readings: { total: ABSENT } }).host, 0).available_ratio).toBeUndefined();
    expect(hostNames(snapshot({ readings: { total: known(0) } }).host, 0).available_ratio).toBeUndefined();
  });

  it('give what is trusted of a guest, 0 included', () => {
    const { statsAgeSeconds: _, ...sample } = guestSample({
      title: 'db',
      readings: { cache: ABSENT, oomKills: known(0), psiSome: known(1.5) },
    });
    const names = new NamesOfGuest({ sample, ...ESTIMATES });
    expect(names).toMatchObject({
      title: 'db',
      current: 4 * GiB,
      swap_in_rate: 0,
      need: 4,
      demand: 5,
      used_rate: -1,
      boots: 1,
      oom_kills: 0,
      psi_some: 1.5,
    });
    const unknown = [names.cache, names.target, names.stats_age, names.alloc_stalls, names.psi_full];
    expect(unknown).toEqual(unknown.map(() => undefined));
    expect(new NamesOfGuest({ sample: guestSample(), ...ESTIMATES, target: 7 })).toMatchObject({
      target: 7,
      stats_age: 0,
    });
  });
});
