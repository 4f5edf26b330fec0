import { describe, expect, it } from 'vitest';
import { bench } from '../../../test/fakes/simulated-bench.ts';
import type { StatsGroup } from '../driver.ts';
import type { GuestSpec } from './scenario.ts';

describe('a bulk record', () => {
  const guests: [string, Partial<GuestSpec>, number][] = [
    ['that has not loaded its driver', {}, 3],
    ['that reports', { statsPeriod: 1 }, 30],
    ['without a balloon', { balloon: 'none' }, 30],
  ];

  it.each(guests)('of a guest %s says the same by name, in a row and by groups', async (_, spec, seconds) => {
    const { hypervisor, pass } = await bench(spec);
    pass(seconds);
    const ask = async (...groups: StatsGroup[]) => (await hypervisor.allDomainStats({ groups }))[0]?.params;
    const whole = await ask('state', 'balloon');
    const parts = [...((await ask('state')) ?? []), ...((await ask('balloon')) ?? [])];

    expect([...(whole ?? [])]).toEqual(parts);
    expect(parts.map(([key]) => [key, whole?.get(key)])).toEqual(parts);
    expect(whole?.size).toBe(parts.length);
    expect([whole?.has('balloon.current'), whole?.has('balloon.none')]).toEqual([true, false]);
    expect([...(whole?.keys() ?? [])]).toEqual(parts.map(([key]) => key));
    const walked: unknown[] = [];
    whole?.forEach((value, key) => {
      walked.push([key, value]);
    });
    expect(walked).toEqual(parts);
  });

  it('goes on saying what it said, whatever becomes of the guest', async () => {
    const { hypervisor, pass } = await bench({ statsPeriod: 1 });
    pass(10);
    const [record] = await hypervisor.allDomainStats();
    const before = record?.params.get('balloon.last-update');
    pass(20);
    expect(before).toBeGreaterThan(0);
    expect(record?.params.get('balloon.last-update')).toBe(before);
  });
});
