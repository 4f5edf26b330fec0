import { describe, expect, it } from 'vitest';
import { bench, WALL } from '../../../test/fakes/simulated-bench.ts';
import type { ErrorCode } from '../../model/errors.ts';
import { memoryStatsToRecord } from '../../model/memory-stats.ts';
import { GiB, MiB } from '../../model/units.ts';
import { parseDomainXml } from '../domain-xml.ts';

async function rejectsWith(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await expect(promise).rejects.toMatchObject({ name: 'BallonetError', code });
}

describe('statistics of a simulated guest', () => {
  it('know only the size, last_update 0 and the resident memory before the driver loads', async () => {
    const { stats, bulk, pass } = await bench();
    pass(3);
    expect(await stats()).toEqual({ actual: 2 * MiB, last_update: 0, rss: expect.any(Number) });
    expect(Object.keys(await bulk())).toEqual([
      'state.state',
      'state.reason',
      'balloon.current',
      'balloon.maximum',
      'balloon.last-update',
      'balloon.rss',
    ]);
  });

  it('freeze as they were when the driver loaded while no period is set, though the size is live', async () => {
    const { domain, stats, pass } = await bench();
    pass(4);
    const first = await stats();
    expect(first).toMatchObject({
      last_update: WALL + 4,
      usable: expect.any(Number),
      swap_in: 0,
      hugetlb_pgfail: 0,
    });
    await domain.setMemory(1 * MiB, { live: true });
    pass(30);
    const later = await stats();
    expect(later).toEqual({ ...first, actual: 1 * MiB, rss: later.rss });
    expect(later.rss).not.toBe(first.rss);
  });

  it('come at once when a period is first set, and then with its lag', async () => {
    const { domain, stats, pass } = await bench();
    pass(10.3);
    await domain.setMemoryStatsPeriod(5, { affect: 'live' });
    const seen: (number | undefined)[] = [];
    for (let i = 0; i < 12; i++) {
      pass(1);
      seen.push((await stats()).last_update);
    }
    const [a, b, c] = [WALL + 10, WALL + 15, WALL + 20];
    expect(seen).toEqual([a, a, a, a, a, b, b, b, b, b, c, c]);
  });

  it('keep their rhythm when the same period is set again, and take up another one', async () => {
    const { domain, stats, pass } = await bench({ statsPeriod: 5 });
    pass(14.5);
    const seen: (number | undefined)[] = [];
    for (let i = 0; i < 6; i++) {
      await domain.setMemoryStatsPeriod(5, { affect: 'live' });
      pass(2);
      seen.push((await stats()).last_update);
    }
    expect(seen.map(at => (at ?? 0) - WALL)).toEqual([14, 14, 19, 19, 24, 24]);
    await domain.setMemoryStatsPeriod(1, { affect: 'live' });
    pass(2.5);
    expect((await stats()).last_update).toBe(WALL + 28);
  });

  it('stop with period 0 and while the guest is paused', async () => {
    const { domain, hypervisor, stats, bulk, pass } = await bench({ statsPeriod: 1 });
    pass(10);
    hypervisor.control.pause('vm-1');
    const frozen = await stats();
    expect(frozen.last_update).toBe(WALL + 10);
    pass(20);
    expect(await stats()).toEqual(frozen);
    expect(await bulk()).toMatchObject({ 'state.state': 3 });
    hypervisor.control.resume('vm-1');
    pass(1);
    expect((await stats()).last_update).toBe(WALL + 31);
    await domain.setMemoryStatsPeriod(0, { affect: 'live' });
    pass(20);
    expect((await stats()).last_update).toBe(WALL + 31);
  });

  it('carry the wall clock even after somebody has set it', async () => {
    const { clock, stats, pass } = await bench({ statsPeriod: 1 });
    pass(10);
    clock.wallShift += 3600;
    pass(2);
    expect((await stats()).last_update).toBe(WALL + 3612);
  });

  it('add up: used is what the programs hold, total is the size without the kernel', async () => {
    const { stats, hypervisor, pass } = await bench({ statsPeriod: 1, files: { size: 0, rate: 0 } });
    pass(20);
    const record = await stats();
    const memory = hypervisor.control.byName('vm-1').memory;
    expect(record.available).toBe(((memory?.size ?? 0) - (memory?.kernel ?? 0)) / 1024);
    const used = (record.available ?? 0) - (record.usable ?? 0);
    expect(used / 1024).toBeGreaterThanOrEqual(512);
    expect(used / 1024).toBeLessThan(600);
    expect(record.unused).toBeGreaterThanOrEqual(record.usable ?? 0);
    expect(record.rss).toBeLessThanOrEqual(2 * MiB + 64 * 1024);
  });

  it("keep libvirt's order, from the size to the resident memory, and stop at maxStats", async () => {
    const { domain, pass } = await bench();
    pass(10);
    const tags = (await domain.memoryStats()).map(({ tag }) => tag);
    expect(tags).toEqual([6, 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 7]);
    expect((await domain.memoryStats({ maxStats: 3 })).map(({ tag }) => tag)).toEqual([6, 0, 1]);
    expect(await domain.memoryStats({ maxStats: 0 })).toEqual([]);
  });

  it("have all the names of libvirt's bulk record", async () => {
    const { bulk, pass } = await bench();
    pass(10);
    expect(Object.keys(await bulk())).toEqual([
      'state.state',
      'state.reason',
      ...[
        'current',
        'maximum',
        'swap_in',
        'swap_out',
        'major_fault',
        'minor_fault',
        'unused',
        'available',
        'usable',
      ].map(name => `balloon.${name}`),
      ...['last-update', 'disk_caches', 'hugetlb_pgalloc', 'hugetlb_pgfail', 'rss'].map(
        name => `balloon.${name}`,
      ),
    ]);
  });

  it('of a guest without a balloon device are its resident memory only', async () => {
    const { stats, pass } = await bench({ balloon: 'none' });
    pass(10);
    expect(Object.keys(await stats())).toEqual(['rss']);
  });
});

describe('the balloon of a simulated guest', () => {
  it('tells at most once a second, the first time at once, and the last size in the end', async () => {
    const { domain, events, bulk, pass } = await bench();
    pass(10);
    await domain.setMemory(0.5 * MiB, { live: true });
    pass(0.1);
    expect(events).toHaveLength(1);
    expect(await bulk()).toMatchObject({
      'balloon.current': expect.toSatisfy((kib: number) => kib < 2 * MiB),
    });
    pass(0.8);
    expect(events).toHaveLength(1);
    pass(20);
    const sizes = events.map(event => (event.type === 'balloon' ? event.actualKib : undefined));
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.length).toBeLessThanOrEqual(4);
    expect(sizes.at(-1)).toBe(0.5 * MiB);
    expect(await bulk()).toMatchObject({ 'balloon.current': 0.5 * MiB });
  });

  it('takes a target before the driver has loaded, and follows it afterwards', async () => {
    const { domain, stats, pass } = await bench();
    await domain.setMemory(1 * MiB, { live: true });
    pass(3);
    expect((await stats()).actual).toBe(2 * MiB);
    pass(5);
    expect((await stats()).actual).toBe(1 * MiB);
  });

  it('does not move while the guest is paused', async () => {
    const { domain, hypervisor, stats, pass } = await bench();
    pass(10);
    hypervisor.control.pause('vm-1');
    await domain.setMemory(1 * MiB, { live: true });
    pass(10);
    expect((await stats()).actual).toBe(2 * MiB);
    hypervisor.control.resume('vm-1');
    pass(10);
    expect((await stats()).actual).toBe(1 * MiB);
  });

  it('keeps its target and its last word over a reboot, and inflates again when the driver is back', async () => {
    const { domain, hypervisor, events, stats, pass } = await bench({ statsPeriod: 1 });
    pass(10);
    await domain.setMemory(1 * MiB, { live: true });
    pass(10);
    const before = await stats();
    events.length = 0;
    hypervisor.control.reboot('vm-1');
    expect(events).toMatchObject([{ type: 'reboot', domain: { name: 'vm-1', id: 1 } }]);
    pass(1);
    expect(await stats()).toEqual({ actual: 1 * MiB, last_update: 0, rss: before.rss });
    expect(hypervisor.control.byName('vm-1').memory?.size).toBe(2 * GiB);
    pass(9);
    const after = await stats();
    expect(after.actual).toBe(1 * MiB);
    expect(after.minor_fault).toBeLessThan(before.minor_fault ?? 0);
    expect(after.last_update).toBeGreaterThanOrEqual(WALL + 29);
  });

  it('shrinks at every cold start to the stored size, whatever it was last', async () => {
    const { domain, hypervisor, stats, pass } = await bench({ current: 1.5 * GiB });
    pass(10);
    expect((await stats()).actual).toBe(1.5 * MiB);
    await domain.setMemory(1 * MiB, { live: true });
    pass(10);
    hypervisor.control.destroy('vm-1');
    expect((await domain.info()).memoryKib).toBe(1.5 * MiB);
    hypervisor.control.start('vm-1');
    expect((await domain.info()).memoryKib).toBe(2 * MiB);
    pass(10);
    expect((await stats()).actual).toBe(1.5 * MiB);
  });

  it('starts full again after a cold start, under a new id and with the stored stats period', async () => {
    const { domain, hypervisor, events, pass } = await bench({ statsPeriod: 7 });
    pass(10);
    await domain.setMemory(1 * MiB, { live: true });
    await domain.setMemoryStatsPeriod(1, { affect: 'live' });
    pass(10);
    events.length = 0;
    hypervisor.control.destroy('vm-1');
    await rejectsWith(domain.memoryStats(), 'OPERATION_REFUSED');
    hypervisor.control.start('vm-1');
    expect(events).toMatchObject([
      { type: 'lifecycle', kind: 'stopped', domain: { id: -1 }, detail: 1 },
      { type: 'lifecycle', kind: 'started', domain: { id: 2, uuid: domain.uuid }, detail: 0 },
    ]);
    expect(memoryStatsToRecord(await domain.memoryStats())).toMatchObject({
      actual: 2 * MiB,
      last_update: 0,
    });
    expect(parseDomainXml(await domain.xml()).balloon.statsPeriodSeconds).toBe(7);
  });
});
