import { describe, expect, it } from 'vitest';
import type { BalloonFigures } from '../../../test/fakes/balloon-params.ts';
import { STALE_AFTER } from '../../../test/fakes/collector.ts';
import { domainXml } from '../../../test/fakes/fake-hypervisor.ts';
import { mib, oneGuest, qualities, REPORT_FIGURES } from '../../../test/fakes/one-guest.ts';
import { BallonetError } from '../../model/errors.ts';
import type { GuestFigure } from '../../model/snapshot.ts';
import { MiB } from '../../model/units.ts';

describe('a quiet guest', () => {
  it('carries the tags and the operating system of the domain, and no tags where it has none', async () => {
    const metadata = `<metadata><b:tags xmlns:b='urn:ballonet:domain:1' tier='gold'/><l:libosinfo
      xmlns:l='http://libosinfo.org/xmlns/libvirt/domain/1.0'><l:os id='http://debian.org/debian/12'/></l:libosinfo></metadata>`;
    const tagged = oneGuest(domainXml().replace('<devices>', `${metadata}<devices>`));
    const plain = oneGuest(domainXml());

    expect(await tagged.sample()).toMatchObject({
      tags: { tier: 'gold' },
      os: 'http://debian.org/debian/12',
    });
    expect((await plain.sample()).tags).toEqual({});
  });

  it('has every figure in bytes, with the age of its report', async () => {
    const { sample, clock } = oneGuest(domainXml({ title: 'Shop' }));
    clock.advance(1.5);

    const guest = await sample();

    expect(guest).toMatchObject({
      title: 'Shop',
      state: 'running',
      balloon: { device: 'virtio', autodeflate: false },
    });
    expect(guest.statsAgeSeconds).toBe(1.5);
    expect(guest.readings.available).toEqual({ value: 700 * MiB, ageSeconds: 1.5, quality: 'ok' });
    expect(guest.readings.current).toEqual({ value: 1024 * MiB, ageSeconds: 0, quality: 'ok' });
    expect(mib(guest, 'used')).toBe(272);
  });

  it('has rates per second of guest time from its second report on, until the next one', async () => {
    const { sample, clock, report } = oneGuest();

    const first = await sample();
    clock.advance(4);
    report({ swapIn: 8, swapOut: 4, majorFaults: 120 });
    const second = await sample();
    clock.advance(0.5);
    const between = await sample();

    expect(qualities(first, ['swapInRate', 'swapOutRate', 'majorFaultRate'])).toEqual(['absent']);
    expect([mib(second, 'swapInRate'), mib(second, 'swapOutRate')]).toEqual([2, 1]);
    expect(second.readings.majorFaultRate.value).toBe(5);
    expect(between.readings.majorFaultRate).toEqual({ value: 5, ageSeconds: 0.5, quality: 'ok' });
  });

  it('counts distinct reports, not ticks', async () => {
    const { sample, tick, clock } = oneGuest();

    await sample();
    clock.advance(0.2);
    const same = await sample();
    const next = await tick();

    expect([same.reportsInEpoch, next.reportsInEpoch]).toEqual([1, 2]);
  });

  it('reports an available of zero as what it is: a guest that needs help', async () => {
    const { tick } = oneGuest();

    const guest = await tick({ available: 0 });

    expect(guest.readings.available).toMatchObject({ value: 0, quality: 'ok' });
    expect(mib(guest, 'used')).toBe(972);
  });
});

describe('frozen statistics', () => {
  it('are stale as soon as their age exceeds the limit, though their values look right', async () => {
    const { sample, clock } = oneGuest();

    clock.advance(STALE_AFTER);
    const atLimit = await sample();
    clock.advance(0.1);
    const beyond = await sample();

    expect(qualities(atLimit)).toEqual(['ok']);
    expect(qualities(beyond)).toEqual(['stale']);
    expect(beyond.readings.available.value).toBe(700 * MiB);
    expect(beyond.readings.current.quality).toBe('ok');
  });

  it('do not look young again when the wall clock is set back', async () => {
    const { sample, clock, wall } = oneGuest();
    await sample();

    clock.advance(60);
    clock.setWall(wall() - 59);
    const guest = await sample();

    expect(guest.statsAgeSeconds).toBe(60);
    expect(qualities(guest)).toEqual(['stale']);
  });
});

describe('garbage', () => {
  it.each<[string, Partial<BalloonFigures>, readonly GuestFigure[]]>([
    ['more available than total', { available: 973 }, REPORT_FIGURES],
    ['more free than total', { free: 973 }, REPORT_FIGURES],
    ['no total', { total: 0, available: 0, free: 0 }, REPORT_FIGURES],
    ['a total above the maximum', { total: 1045 }, REPORT_FIGURES],
    ['a cache of a PiB', { cache: 2 ** 30 }, ['cache']],
    ['a current size of zero', { current: 0 }, ['current']],
    ['a current size above the maximum', { current: 1045 }, ['current']],
  ])('such as %s is implausible', async (_, figures, implausible) => {
    const { tick } = oneGuest();

    const guest = await tick(figures);

    expect(qualities(guest, implausible)).toEqual(['implausible']);
    expect(guest.readings.max.quality).toBe('ok');
  });

  it('of a failed Windows query spoils only what depends on it', async () => {
    const { guest, sample } = oneGuest();
    guest.balloon['balloon.usable'] = 18014398509481980;

    const seen = await sample();

    expect(qualities(seen, ['available', 'used', 'total'])).toEqual(['implausible']);
    expect(qualities(seen, ['current', 'max', 'rss'])).toEqual(['ok']);
  });

  it('in a counter gives no rate and begins no epoch', async () => {
    const { tick, sample } = oneGuest();

    const before = await sample();
    const garbage = await tick({ swapIn: 2 ** 50 });
    const after = await tick();

    expect(garbage.readings.swapInRate.quality).toBe('implausible');
    expect(after.epoch).toBe(before.epoch);
  });
});

describe('a clock ahead', () => {
  it('makes the report implausible, but two seconds are forgiven', async () => {
    const { tick, wall } = oneGuest();

    const near = await tick({ lastUpdate: wall() + 3 });
    const far = await tick({ lastUpdate: wall() + 5 });

    expect(qualities(near)).toEqual(['ok']);
    expect(near.statsAgeSeconds).toBe(0);
    expect(qualities(far, [...REPORT_FIGURES, 'swapInRate'])).toEqual(['implausible']);
    expect(far.reportsInEpoch).toBe(near.reportsInEpoch);
  });

  it('that was set back does not make a frozen report of the future young when that future comes', async () => {
    const { sample, report, clock, wall } = oneGuest();
    report({ lastUpdate: wall() + 3600 });
    await sample();

    clock.advance(3600);
    const guest = await sample();

    expect(guest.statsAgeSeconds).toBe(3600);
    expect(qualities(guest)).toEqual(['stale']);
  });
});

describe('a guest with auto-deflate', () => {
  const xml = domainXml({ autodeflate: true });

  it('does not count its balloon as used', async () => {
    const { sample, report } = oneGuest(xml);
    report({ current: 512, total: 972, available: 300, free: 200 });

    expect(mib(await sample(), 'used')).toBe(972 - 512 - 300);
  });

  it('pairs a report with the size at its own time while the balloon moves', async () => {
    const { sample, report, clock, wall, guest, emit } = oneGuest(xml);
    report({ max: 4096, current: 4096, total: 4000, available: 3500, free: 3000 });
    await sample();
    clock.advance(3);
    const stamp = wall();
    report({ max: 4096, current: 4096, total: 4000, available: 3500, free: 3000 });
    await sample();
    // QEMU tells at once that the balloon began to move, and then once a second how far it is.
    clock.advance(0.8);
    emit({ type: 'balloon', domain: guest.ref, actualKib: 4090 * 1024 });
    clock.advance(1);
    emit({ type: 'balloon', domain: guest.ref, actualKib: 1024 * 1024 });
    guest.balloon = { ...guest.balloon, 'balloon.current': 1024 * 1024, 'balloon.last-update': stamp };

    const moving = await sample();

    expect(mib(moving, 'current')).toBe(1024);
    expect(moving.readings.used.quality).toBe('ok');
    expect(mib(moving, 'used')).toBeGreaterThan(490);
    expect(mib(moving, 'used')).toBeLessThanOrEqual(500);
  });

  it('pairs by the sizes seen since the wall clock was set', async () => {
    const { sample, report, clock, wall } = oneGuest(xml);
    const figures = { max: 4096, total: 4000, available: 500, free: 100 };
    report({ ...figures, current: 4096 });
    await sample();
    clock.advance(10);
    report({ ...figures, current: 1024 });
    await sample();

    clock.setWall(wall() - 3600);
    clock.advance(1);
    report({ ...figures, current: 1024 });

    expect(mib(await sample(), 'used')).toBe(4000 - 3072 - 500);
  });

  it('does not guess sizes across a time without a link', async () => {
    const { sample, report, clock, wall, hypervisor } = oneGuest(xml);
    const figures = { max: 4096, total: 4000, available: 500, free: 100 };
    report({ ...figures, current: 4096 });
    await sample();
    hypervisor.link.next({ up: false, error: new BallonetError('HYPERVISOR_CLOSED', 'gone') });
    clock.advance(60);
    hypervisor.link.next({ up: true });
    report({ ...figures, current: 1024, lastUpdate: wall() - 3 });

    expect(mib(await sample(), 'used')).toBe(4000 - 3072 - 500);
  });

  it('takes a use below nothing for an error of measurement', async () => {
    const { sample, report } = oneGuest(xml);
    report({ current: 100, total: 972, available: 700 });

    expect((await sample()).readings.used.quality).toBe('implausible');
  });

  it('has an unknown use until its XML has been read', async () => {
    const { guest, sample } = oneGuest(xml);
    guest.xml = new BallonetError('HYPERVISOR_TIMEOUT', 'late');

    const seen = await sample();

    expect(seen.balloon).toBeUndefined();
    expect(seen.readings.used.quality).toBe('absent');
    expect(seen.readings.available.quality).toBe('ok');
  });
});

describe('states', () => {
  it('a paused guest keeps its figures by their age', async () => {
    const { guest, sample, clock } = oneGuest();
    guest.state = 'paused';
    clock.advance(STALE_AFTER + 1);

    const seen = await sample();

    expect(seen.state).toBe('paused');
    expect(qualities(seen)).toEqual(['stale']);
  });
});
