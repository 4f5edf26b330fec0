import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { balloonParams, driverlessParams } from '../../test/fakes/balloon-params.ts';
import { createFakeClock } from '../../test/fakes/fake-clock.ts';
import { createFakeHypervisor, domainXml } from '../../test/fakes/fake-hypervisor.ts';
import { BallonetError, type ErrorCode } from '../model/errors.ts';
import { MEMORY_STAT_TAG, type MemoryStat, type MemoryStatName } from '../model/memory-stats.ts';
import { GiB, MiB } from '../model/units.ts';
import type { Pool } from './host/pool.ts';
import type { Problem } from './problems.ts';
import { createCollector } from './snapshot.ts';

function setUp(pool: Pool = { kind: 'size', bytes: 4 * GiB }, local = false) {
  const clock = createFakeClock();
  const hypervisor = createFakeHypervisor({ local });
  const settings = { pool, staleAfterSeconds: 10, intervalSeconds: 1 };
  const procRoot = fileURLToPath(new URL('../../test/fixtures/host-v2', import.meta.url));
  const collector = createCollector({ hypervisor, clock, procRoot, arm: false, ...settings });
  const problems: Problem[] = [];
  collector.problems.subscribe(problem => problems.push(problem));
  const fresh = (rss = 600) => balloonParams({ lastUpdate: clock.now().wall, rss });
  return {
    clock,
    hypervisor,
    collector,
    settings,
    problems,
    fresh,
    /** Without the one about guests whose period is not set: nothing arms them here. */
    edges: () =>
      problems
        .filter(({ source }) => source !== 'stats-period')
        .map(({ source, error }) => [source, error?.code]),
    add: (name: string, rss?: number) => hypervisor.add(name, { balloon: fresh(rss) }),
  };
}

const failure = (code: ErrorCode) => new BallonetError(code, 'no');
const tag = (name: MemoryStatName, value: number): MemoryStat => ({ tag: MEMORY_STAT_TAG[name], value });

describe('a snapshot', () => {
  it('joins the host and all guests of one bulk call, and is numbered', async () => {
    const { collector, add, hypervisor } = setUp({ kind: 'auto' }, true);
    add('a');
    add('b');

    const first = await collector.collect();
    const second = await collector.collect();

    expect([first.sequence, second.sequence]).toEqual([1, 2]);
    expect(first.host.source).toBe('meminfo');
    expect(first.host.readings.psiSomeAvg10.value).toBe(1.25);
    expect(first.guests.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(hypervisor.calls.bulk).toBe(2);
  });

  it('of a pool of fixed size has left what its guests do not hold of it, whatever their processes need for themselves', async () => {
    const { collector, add } = setUp();
    const guest = add('a', 1000);
    guest.balloon = { ...guest.balloon, 'balloon.rss': 1200 * 1024, 'balloon.current': 1000 * 1024 };
    add('b', 500).state = 'paused';

    const { host } = await collector.collect();

    expect(host.readings.available.value).toBe(4 * GiB - 1500 * MiB);
  });

  it('of a pool of fixed size counts all that a rebooted guest touches, whatever old size is still given for it', async () => {
    const { collector, hypervisor, add, clock } = setUp();
    const guest = add('a', 250);
    guest.balloon['balloon.current'] = 256 * 1024;
    await collector.collect();

    hypervisor.events.next({ type: 'reboot', domain: guest.ref });
    clock.advance(1);
    guest.balloon['balloon.rss'] = 900 * 1024;
    const { host } = await collector.collect();

    expect(host.readings.available.value).toBe(4 * GiB - 900 * MiB);
  });

  it('counts a guest whose resident memory is not known at its last figure, else at its size, else not at all', async () => {
    const { collector, add, clock } = setUp();
    const guest = add('a', 1000);
    const left = async () => (await collector.collect()).host.readings.available;
    await left();
    const locked = { 'balloon.current': 2 * MiB, 'balloon.maximum': 4 * MiB };

    guest.balloon = locked;
    clock.advance(1);
    const lastFigure = await left();
    guest.ref = { ...guest.ref, id: 50 };
    const itsSize = await left();
    guest.balloon = {};
    guest.info = { ...guest.info, maxMemKib: Number.NaN, memoryKib: Number.NaN };
    guest.ref = { ...guest.ref, id: 51 };
    const notAtAll = await left();

    expect(lastFigure.value).toBe(4 * GiB - 1000 * MiB);
    expect(itsSize.value).toBe(2 * GiB);
    expect(notAtAll.quality).toBe('absent');
  });

  it('fails with the error of the hypervisor, and the next one is as good as ever', async () => {
    const { collector, add, hypervisor } = setUp();
    add('a');
    await collector.collect();

    hypervisor.bulkError = failure('HYPERVISOR_TIMEOUT');
    await expect(collector.collect()).rejects.toMatchObject({ code: 'HYPERVISOR_TIMEOUT' });
    hypervisor.bulkError = undefined;
    const after = await collector.collect();

    expect(after.sequence).toBe(2);
    expect(after.guests[0]?.epoch).toBe(1);
  });

  it('never takes less than two periods and two seconds for stale', async () => {
    const { collector, add, clock, settings } = setUp();
    add('a');
    collector.configure({ ...settings, staleAfterSeconds: 1, intervalSeconds: 2.5 });
    const quality = async () => (await collector.collect()).guests[0]?.readings.available.quality;
    await quality();

    clock.advance(8);
    const within = await quality();
    clock.advance(0.5);

    expect([within, await quality()]).toEqual(['ok', 'stale']);
  });

  it('takes another pool from one tick to the next without beginning epochs anew', async () => {
    const { collector, add, settings } = setUp();
    add('a');
    const before = await collector.collect();

    collector.configure({ ...settings, pool: { kind: 'cgroup', path: '/machine.slice' } });
    const after = await collector.collect();

    expect(after.host.source).toBe('cgroup:/machine.slice');
    expect(after.guests[0]?.epoch).toBe(before.guests[0]?.epoch);
  });
});

describe('a part of the bulk call that failed', () => {
  it('leaves its guests without figures, the others alone, and is told once for all of them', async () => {
    const { collector, add, edges, fresh } = setUp();
    const lost = [add('a'), add('b')];
    add('c');
    await collector.collect();
    for (const guest of lost) {
      guest.balloon = {};
      guest.recordError = failure('HYPERVISOR_TIMEOUT');
    }
    const partial = await collector.collect();
    await collector.collect();
    for (const guest of lost) {
      guest.balloon = fresh();
      delete guest.recordError;
    }
    const whole = await collector.collect();

    expect(partial.guests.map(({ readings }) => readings.max.quality)).toEqual(['absent', 'absent', 'ok']);
    expect(whole.guests.map(({ readings, epoch }) => [readings.max.quality, epoch])).toEqual([
      ['ok', 1],
      ['ok', 1],
      ['ok', 1],
    ]);
    expect(edges()).toEqual([
      ['bulk-stats', 'HYPERVISOR_TIMEOUT'],
      ['bulk-stats', undefined],
    ]);
  });

  it('does not have its guests asked one by one', async () => {
    const { collector, add, hypervisor } = setUp();
    const guest = add('a');
    guest.balloon = {};
    guest.recordError = failure('HYPERVISOR_TIMEOUT');

    await collector.collect();

    expect(hypervisor.calls.memoryStats).toEqual([]);
  });

  it('that is one bad value is told of its guest, once', async () => {
    const { collector, add, edges } = setUp();
    const guest = add('a');
    guest.recordError = failure('VALUE_OUT_OF_RANGE');
    delete guest.balloon['balloon.usable'];

    const { guests } = await collector.collect();
    await collector.collect();
    delete guest.recordError;
    await collector.collect();

    expect(guests[0]?.readings.available.quality).toBe('implausible');
    expect(edges()).toEqual([
      ['guest:a:bulk-stats', 'VALUE_OUT_OF_RANGE'],
      ['guest:a:bulk-stats', undefined],
    ]);
  });
});

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
    const { collector, hypervisor, clock } = setUp();
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
    const { collector, hypervisor, clock } = setUp();
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
    const { collector, hypervisor, clock } = setUp();
    hypervisor.bulkError = failure('OPERATION_UNSUPPORTED');
    hypervisor.add('t', { stats: stats(clock.now().wall) });

    const first = await collector.collect();
    await collector.collect();

    expect(first.guests[0]).toMatchObject({ name: 't', state: 'running' });
    expect(hypervisor.calls.bulk).toBe(1);
  });

  it('costs one guest its figures when asking it fails, and the tick only when the link is lost', async () => {
    const { collector, hypervisor, clock, edges } = setUp();
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

describe('the domain XML', () => {
  it('is read once a start and again when the domain was redefined', async () => {
    const { collector, hypervisor, add } = setUp();
    const guest = add('a');
    const title = async () => (await collector.collect()).guests[0]?.title;

    const before = [await title(), await title()];
    guest.xml = domainXml({ title: 'New' });
    hypervisor.events.next({ type: 'lifecycle', domain: guest.ref, kind: 'defined', detail: 1 });
    const redefined = await title();
    guest.ref = { ...guest.ref, id: 44 };
    guest.balloon = driverlessParams();
    await title();

    expect(before).toEqual([undefined, undefined]);
    expect(redefined).toBe('New');
    expect(hypervisor.calls.xml).toEqual(['a', 'a', 'a']);
  });

  it('of many guests is read a bounded number a tick, until all are known', async () => {
    const { collector, hypervisor, add } = setUp();
    for (let i = 0; i < 150; i++) add(`g${i}`);

    const fetched: number[] = [];
    for (let i = 0; i < 4; i++) {
      await collector.collect();
      fetched.push(hypervisor.calls.xml.length);
    }

    expect(fetched).toEqual([64, 128, 150, 150]);
    expect(new Set(hypervisor.calls.xml).size).toBe(150);
  });

  it('that cannot be read is told once and tried again later', async () => {
    const { collector, hypervisor, add, clock, edges } = setUp();
    const guest = add('a');
    guest.xml = '<domain';

    const { guests } = await collector.collect();
    clock.advance(29);
    await collector.collect();
    guest.xml = domainXml();
    clock.advance(1);
    const later = await collector.collect();

    expect(guests[0]?.balloon).toBeUndefined();
    expect(later.guests[0]?.balloon).toMatchObject({ device: 'virtio', autodeflate: false });
    expect(hypervisor.calls.xml).toHaveLength(2);
    expect(edges()).toEqual([
      ['guest:a:xml', 'PROTOCOL'],
      ['guest:a:xml', undefined],
    ]);
  });
});

describe('the link', () => {
  it('H32: coming back has the XML read again and keeps the epoch of a guest that went on', async () => {
    const { collector, hypervisor, add, clock, fresh } = setUp();
    const guest = add('a');
    await collector.collect();

    hypervisor.link.next({ up: false, error: failure('HYPERVISOR_CLOSED') });
    hypervisor.link.next({ up: true });
    clock.advance(1);
    guest.balloon = fresh();
    const { guests } = await collector.collect();

    expect(hypervisor.calls.xml).toEqual(['a', 'a']);
    expect(guests[0]).toMatchObject({ epoch: 1, reportsInEpoch: 2 });
  });

  it('is not listened to after close', () => {
    const { collector, hypervisor } = setUp();

    collector.close();

    expect([hypervisor.events.observed, hypervisor.link.observed]).toEqual([false, false]);
  });
});
