/** Figures that look right and are not: stale, empty, of another kernel, of another meaning. */
import { describe, expect, it } from 'vitest';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import type { GuestFigure } from '../../src/model/snapshot.ts';
import { GiB, KiB, MiB } from '../../src/model/units.ts';
import { collectorOver, STALE_AFTER } from '../fakes/collector.ts';
import { domainXml } from '../fakes/fake-hypervisor.ts';
import { lifecycle, mib, oneGuest, qualities, REPORT_FIGURES } from '../fakes/one-guest.ts';
import { bench } from '../fakes/simulated-bench.ts';

const WINDOWS = domainXml({ autodeflate: false }).replace(
  '<devices>',
  `<metadata><l:libosinfo xmlns:l='http://libosinfo.org/xmlns/libvirt/domain/1.0'>
   <l:os id='http://microsoft.com/win/11'/></l:libosinfo></metadata><devices>`,
);
const RATES: readonly GuestFigure[] = ['swapInRate', 'swapOutRate', 'majorFaultRate'];

/** A collector over one simulated guest. */
async function simulated(spec: Partial<GuestSpec> = {}) {
  const all = await bench({ ...spec });
  const collector = collectorOver({ ...all, pool: { kind: 'auto' }, arm: true });
  const tick = async (seconds = 1) => {
    all.pass(seconds);
    const { guests } = await collector.collect();
    await new Promise(resolve => setImmediate(resolve));
    return guests[0];
  };
  return { ...all, tick, control: all.hypervisor.control };
}

describe('reports that nobody asks for', () => {
  it('H10: a guest is armed when it starts, and its report is young from then on', async () => {
    const { tick } = await simulated({ statsPeriod: 0 });
    for (let i = 0; i < 10; i++) await tick();

    expect((await tick())?.statsAgeSeconds).toBeLessThan(3);
  });

  it('H10: a report that stands still is stale however right it looks', async () => {
    const { clock, sample } = oneGuest();
    const before = await sample();
    clock.advance(STALE_AFTER + 1);

    expect([qualities(before), qualities(await sample())]).toEqual([['ok'], ['stale']]);
  });
});

describe('a report without content', () => {
  it('H11: gives no figures, however young it is', async () => {
    const { tick, control } = await simulated({ statsPeriod: 1 });
    await tick(10);
    control.inject('vm-1', { kind: 'empty' });
    const guest = await tick(2);

    expect(guest?.statsAgeSeconds).toBeLessThan(3);
    expect(guest && qualities(guest)).toEqual(['absent']);
  });

  it.each([
    ['more available than there is', { available: 1000 }],
    ['more free than there is', { free: 1000 }],
    ['more in all than its maximum', { total: 1100 }],
    ['nothing in all', { total: 0, available: 0, free: 0 }],
  ])('H11: is as one that contradicts itself: %s', async (_, figures) => {
    const { tick } = oneGuest();

    expect(qualities(await tick(figures))).toEqual(['implausible']);
  });
});

describe('a guest that begins anew', () => {
  it('H12: is in a new epoch after a reset, and what it said before is stale', async () => {
    const { guest, tick, emit, sample, clock } = oneGuest();
    await tick();
    const before = await tick();
    clock.advance(1);
    emit({ type: 'reboot', domain: guest.ref });
    const after = await sample();
    const first = await tick();

    expect([before.reportsInEpoch, after.reportsInEpoch, first.reportsInEpoch]).toEqual([2, 0, 1]);
    expect([after.epoch, first.epoch]).toEqual([before.epoch + 1, before.epoch + 1]);
    expect([qualities(after), qualities(first)]).toEqual([['stale'], ['ok']]);
  });

  it('H12: has said nothing yet when its last report of before a reset is seen after it', async () => {
    const { guest, tick, emit, sample, clock } = oneGuest();
    await tick();
    clock.advance(2);
    const lastUpdate = Math.floor(clock.now().wall);
    emit({ type: 'reboot', domain: guest.ref });
    guest.balloon = { ...guest.balloon, 'balloon.last-update': lastUpdate };
    const after = await sample();

    expect([after.reportsInEpoch, qualities(after)]).toEqual([0, ['stale']]);
  });

  it('H12: has a size in doubt after a reset, until something renews it', async () => {
    const { guest, tick, emit, sample, clock } = oneGuest();
    await tick({ current: 600, total: 560, available: 300, free: 200 });
    clock.advance(1);
    emit({ type: 'reboot', domain: guest.ref });
    const doubted = await sample();
    clock.advance(1);
    emit({ type: 'balloon', domain: guest.ref, actualKib: 1024 * 1024 });
    guest.balloon = { ...guest.balloon, 'balloon.current': 1024 * 1024 };

    expect([doubted.readings.current.quality, (await sample()).readings.current.quality]).toEqual([
      'stale',
      'ok',
    ]);
  });

  it('H12: is whole when it has more after a reset than the size of before, which nothing renews', async () => {
    const { guest, tick, emit, clock } = oneGuest();
    await tick({ current: 600, total: 560, available: 300, free: 200 });
    clock.advance(1);
    emit({ type: 'reboot', domain: guest.ref });
    const whole = await tick({ current: 600, total: 960, available: 700, free: 600 });
    const moved = await tick({ current: 700, total: 660, available: 400, free: 300 });

    expect([mib(whole, 'current'), whole.readings.current.quality]).toEqual([1024, 'ok']);
    expect(mib(moved, 'current')).toBe(700);
  });

  it('H12: has the size of before, where it fits what it has or MemTotal does not show it', async () => {
    const sizeAfter = async (xml: string, total: number) => {
      const { guest, tick, emit, clock } = oneGuest(xml);
      await tick({ current: 600, total, available: 300, free: 200 });
      clock.advance(1);
      emit({ type: 'reboot', domain: guest.ref });
      return mib(await tick({ current: 600, total, available: 300, free: 200 }), 'current');
    };
    expect(await sizeAfter(domainXml(), 560)).toBe(600);
    expect(await sizeAfter(domainXml({ autodeflate: true }), 960)).toBe(600);
  });

  it('H12: is whole in the simulator too, where its driver finds nothing to fill', async () => {
    const { tick, control, domain } = await simulated({ statsPeriod: 1 });
    await tick(10);
    await domain.setMemory(GiB / KiB, { live: true });
    expect((await tick(10))?.readings.current.value).toBe(GiB);
    control.reboot('vm-1');
    await domain.setMemory((2 * GiB) / KiB, { live: true });
    for (let i = 0; i < 30; i++) await tick();
    const after = await tick();

    expect(after?.readings.current).toMatchObject({ value: 2 * GiB, quality: 'ok' });
    expect((await domain.info()).memoryKib).toBe(GiB / KiB);
  });

  it('H12: is in a new epoch when a counter falls, and has no rate across it', async () => {
    const { tick } = oneGuest();
    await tick({ minorFaults: 5000 });
    const before = await tick({ minorFaults: 6000 });
    const after = await tick({ minorFaults: 10 });

    expect([after.epoch, after.reportsInEpoch]).toEqual([before.epoch + 1, 1]);
    expect(qualities(after, RATES)).toEqual(['absent']);
  });

  it('H12: is in a new epoch when its driver comes back', async () => {
    const { tick, control } = await simulated({ statsPeriod: 1 });
    await tick(10);
    const before = await tick();
    control.inject('vm-1', { kind: 'no-driver' });
    await tick(3);
    control.heal('vm-1', 'no-driver');
    await tick(3);

    expect((await tick())?.epoch).toBe((before?.epoch ?? 0) + 1);
  });
});

it('H13: swapping shows by its rates, though what it leaves looks comfortable', async () => {
  const { tick } = oneGuest();
  await tick({ available: 600 });
  const guest = await tick({ available: 700, swapOut: 100 });

  expect([mib(guest, 'available'), mib(guest, 'swapOutRate')]).toEqual([700, 100]);
});

it('H14: with zswap major faults still show what swap counters hide', async () => {
  const { tick, control, domain } = await simulated({
    statsPeriod: 1,
    files: { size: 0, rate: 0 },
    hotShare: 0.95,
  });
  control.inject('vm-1', { kind: 'zswap' });
  await tick(10);
  await domain.setMemory((400 * MiB) / KiB, { live: true });
  await tick(20);
  control.setDemand('vm-1', { kind: 'constant', bytes: 700 * MiB });
  const faults: number[] = [];
  for (let i = 0; i < 10; i++) {
    const guest = await tick();
    expect(guest?.readings.swapOutRate.value).toBe(0);
    faults.push(guest?.readings.majorFaultRate.value ?? 0);
  }

  expect(control.byName('vm-1').memory?.swapOut).toBeGreaterThan(0);
  expect(Math.max(...faults)).toBeGreaterThan(0);
});

describe('auto-deflate', () => {
  it('H15: hides the balloon in MemTotal: what the guest uses is without it', async () => {
    const figures = { current: 512, total: 972, available: 300, free: 200 };
    const hidden = oneGuest(domainXml({ autodeflate: true }));
    for (let i = 0; i < 3; i++) await hidden.tick(figures);
    const plain = oneGuest();
    for (let i = 0; i < 3; i++) await plain.tick({ ...figures, total: 460 });

    expect(mib(await hidden.tick(figures), 'used')).toBe(972 - 512 - 300);
    expect(mib(await plain.tick({ ...figures, total: 460 }), 'used')).toBe(460 - 300);
  });

  it('H15: leaves what is used unknown until the XML says which of the two it is', async () => {
    const { tick } = oneGuest('<domain');

    expect((await tick()).readings.used.quality).toBe('absent');
  });

  it('H15: is read right in the simulator, whatever the size', async () => {
    const { tick, domain } = await simulated({ statsPeriod: 1, autodeflate: true });
    const before = await tick(20);
    await domain.setMemory(GiB / KiB, { live: true });
    await tick(20);
    const after = await tick();

    const difference = (after?.readings.used.value ?? 0) - (before?.readings.used.value ?? 0);
    expect(Math.abs(difference)).toBeLessThan(64 * MiB);
  });
});

it('H16: the page cache is told apart from what is used and from what is free', async () => {
  const { tick } = oneGuest();
  const guest = await tick({ total: 972, available: 700, free: 300, cache: 450 });

  expect([mib(guest, 'used'), mib(guest, 'free'), mib(guest, 'cache')]).toEqual([272, 300, 450]);
});

describe('Windows', () => {
  const inflated = { current: 512, total: 1024, free: 200, available: 350 };

  it('H17: has available what it calls free, not that and half of its cache once more', async () => {
    const { tick } = oneGuest(WINDOWS);

    expect(mib(await tick({ total: 1024, free: 500, available: 650 }), 'available')).toBe(500);
  });

  it('H17: has the balloon in its total: what it uses is without it', async () => {
    const { tick } = oneGuest(WINDOWS);
    for (let i = 0; i < 3; i++) await tick(inflated);

    expect(mib(await tick(inflated), 'used')).toBe(1024 - 512 - 200);
  });

  it('H17: whose total is not above its size is read as any other', async () => {
    const { tick } = oneGuest(WINDOWS);
    for (let i = 0; i < 3; i++) await tick({ ...inflated, total: 500 });

    expect(mib(await tick({ ...inflated, total: 500 }), 'used')).toBe(500 - 200);
  });

  it('H17: whose query failed gives no figures, and keeps the others', async () => {
    const { tick, control } = await simulated({ statsPeriod: 1 });
    await tick(10);
    control.inject('vm-1', { kind: 'garbage' });
    const guest = await tick(2);

    expect(guest?.readings.available.quality).toBe('implausible');
    expect(guest?.readings.used.value).toBeUndefined();
    expect(guest?.readings.current.quality).toBe('ok');
  });
});

it('H18: a guest whose driver has no statistics is without figures, and its size is known', async () => {
  const { tick, control, domain } = await simulated({ statsPeriod: 1 });
  control.inject('vm-1', { kind: 'no-stats' });
  await tick(10);
  await domain.setMemory(GiB / KiB, { live: true });
  const guest = await tick(10);

  expect(guest && qualities(guest, [...REPORT_FIGURES, ...RATES])).toEqual(['absent']);
  expect(guest?.statsAgeSeconds).toBeUndefined();
  expect(guest && mib(guest, 'current')).toBe(1024);
  // It was asked and has none: nothing holds it.
  expect(guest?.obstacles).toEqual([]);
});

describe('units', () => {
  it('H38: are bytes everywhere, whatever libvirt says in KiB', async () => {
    const { sample } = oneGuest();
    const { max, current, rss, total } = (await sample()).readings;

    expect([max, current, rss, total].map(({ value }) => value)).toEqual([GiB, GiB, 600 * MiB, 972 * MiB]);
  });

  it('H38: a size above the maximum, as virtio-mem makes it, is none', async () => {
    const { tick } = oneGuest();

    expect((await tick({ current: 1100 })).readings.current).toMatchObject({ quality: 'implausible' });
  });
});

it('H41: a driver that claims more than its maximum, or nothing at all, has no size', async () => {
  const { tick } = oneGuest();

  expect((await tick({ current: 4096 })).readings.current.value).toBeUndefined();
  expect((await tick({ current: 0 })).readings.current.value).toBeUndefined();
});

it.each([
  ['running', 'running'],
  ['paused', 'paused'],
  ['shutdown', 'stopped'],
  ['crashed', 'crashed'],
  ['pmsuspended', 'paused'],
  ['nostate', 'unknown'],
] as const)('H42: a domain that is %s is %s to a policy', async (state, expected) => {
  const { guest, sample } = oneGuest();
  guest.state = state;

  expect((await sample()).state).toBe(expected);
});

it('H35: a start sets the period again and reads the XML again, as both are of one process', async () => {
  const { guest, tick, emit, hypervisor, clock } = oneGuest();
  await tick();
  emit(lifecycle(guest, 'stopped'));
  clock.advance(1);
  guest.ref = { ...guest.ref, id: 9 };
  guest.xml = domainXml({ model: 'none' });
  emit(lifecycle(guest, 'started'));

  expect((await tick()).obstacles).toEqual(['no-balloon']);
  expect(hypervisor.calls.xml).toHaveLength(2);
});
