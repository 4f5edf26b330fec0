import { describe, expect, it } from 'vitest';
import { severalGuests } from '../../../test/fakes/several-guests.ts';
import { BallonetError, type ErrorCode } from '../../model/errors.ts';
import { MEMORY_STAT_TAG, type MemoryStat, type MemoryStatName } from '../../model/memory-stats.ts';
import { GiB, MiB } from '../../model/units.ts';

const failure = (code: ErrorCode) => new BallonetError(code, 'no');
const tag = (name: MemoryStatName, value: number): MemoryStat => ({ tag: MEMORY_STAT_TAG[name], value });

describe('a driver whose bulk records have no balloon group', () => {
  const stats = (lastUpdate: number) => [
    tag('actual', 1024 * 1024),
    tag('available', 1000 * 1024),
    tag('usable', 500 * 1024),
    tag('unused', 400 * 1024),
    tag('rss', 1),
    tag('last_update', lastUpdate),
  ];

  it('is asked domain by domain, every tick while there are figures', async () => {
    const { collector, hypervisor, clock } = severalGuests();
    const guest = hypervisor.add('t', { stats: stats(clock.now().wall) });

    const first = await collector.collect();
    clock.advance(1);
    guest.stats = stats(clock.now().wall);
    const second = await collector.collect();

    expect(first.guests[0]?.readings).toMatchObject({
      max: { value: GiB, quality: 'ok' },
      available: { value: 500 * MiB, quality: 'ok' },
      used: { value: 500 * MiB, quality: 'ok' },
    });
    expect(second.guests[0]?.reportsInEpoch).toBe(2);
    expect(hypervisor.calls.memoryStats).toEqual(['t', 't']);
  });

  it('is asked for figures that it does not have only every half minute', async () => {
    const { collector, hypervisor, clock } = severalGuests();
    hypervisor.add('t', { stats: [] });

    const asked: number[] = [];
    for (let second = 0; second <= 61; second++) {
      await collector.collect();
      asked.push(hypervisor.calls.memoryStats.length);
      clock.advance(1);
    }

    expect([asked[0], asked[29], asked[30], asked[59], asked[60], asked[61]]).toEqual([1, 1, 2, 2, 3, 3]);
  });

  it('without a bulk call at all has its domains listed', async () => {
    const { collector, hypervisor, clock } = severalGuests();
    hypervisor.bulkError = failure('OPERATION_UNSUPPORTED');
    hypervisor.add('t', { stats: stats(clock.now().wall) });

    const first = await collector.collect();
    await collector.collect();

    expect(first.guests[0]).toMatchObject({ name: 't', state: 'running' });
    expect(hypervisor.calls.bulk).toBe(1);
  });

  it('costs one guest its figures when asking it fails, and the tick only when the link is lost', async () => {
    const { collector, hypervisor, clock, edges } = severalGuests();
    const bad = hypervisor.add('bad', { stats: failure('HYPERVISOR_TIMEOUT') });
    hypervisor.add('good', { stats: stats(clock.now().wall) });

    const { guests } = await collector.collect();
    clock.advance(31);
    bad.stats = failure('HYPERVISOR_CLOSED');

    expect(guests.map(({ readings }) => readings.available.quality)).toEqual(['absent', 'ok']);
    expect(edges()).toEqual([['guest:bad:memory-stats', 'HYPERVISOR_TIMEOUT']]);
    await expect(collector.collect()).rejects.toMatchObject({ code: 'HYPERVISOR_CLOSED' });
  });
});
