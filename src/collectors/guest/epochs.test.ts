import { describe, expect, it } from 'vitest';
import { type BalloonFigures, driverlessParams } from '../../../test/fakes/balloon-params.ts';
import { uuidOf } from '../../../test/fakes/fake-hypervisor.ts';
import { lifecycle, oneGuest, qualities, REPORT_FIGURES } from '../../../test/fakes/one-guest.ts';
import { MiB } from '../../model/units.ts';

describe('a guest without a balloon driver', () => {
  it('has absent figures, never zeros, and a size', async () => {
    const { guest, sample } = oneGuest();
    guest.balloon = driverlessParams();

    const seen = await sample();

    expect(qualities(seen, [...REPORT_FIGURES, 'swapInRate'])).toEqual(['absent']);
    expect(REPORT_FIGURES.some(figure => 'value' in seen.readings[figure])).toBe(false);
    expect(seen.statsAgeSeconds).toBeUndefined();
    expect(seen.reportsInEpoch).toBe(0);
    expect(seen.readings.current.value).toBe(1024 * MiB);
  });

  it('begins a new epoch when its driver comes back', async () => {
    const { guest, sample, tick } = oneGuest();
    const before = await sample();
    guest.balloon = driverlessParams();
    await sample();

    const after = await tick();

    expect(after.epoch).toBe(before.epoch + 1);
    expect(after.reportsInEpoch).toBe(1);
    expect(after.readings.swapInRate.quality).toBe('absent');
  });

  it('is not asked one by one at every tick', async () => {
    const { guest, sample, hypervisor } = oneGuest();
    guest.balloon = driverlessParams();

    for (let i = 0; i < 5; i++) await sample();

    expect(hypervisor.calls.memoryStats).toEqual([]);
  });

  it('that reports a time stamp without content has a fresh age and absent figures', async () => {
    const { guest, sample, wall } = oneGuest();
    guest.balloon = { ...driverlessParams(), 'balloon.last-update': wall() };

    const seen = await sample();

    expect(seen.statsAgeSeconds).toBe(0);
    expect(qualities(seen)).toEqual(['absent']);
  });
});

describe('a domain that a job holds', () => {
  it('keeps its last report, by its age, and its epoch', async () => {
    const { guest, sample, tick, clock } = oneGuest();
    const before = await sample();
    guest.balloon = { 'balloon.current': 1024 * 1024, 'balloon.maximum': 1024 * 1024 };
    clock.advance(3);

    const locked = await sample();
    const after = await tick();

    expect(locked.readings.available).toEqual({ value: 700 * MiB, ageSeconds: 3, quality: 'ok' });
    expect(locked.readings.rss).toEqual({ value: 600 * MiB, ageSeconds: 3, quality: 'stale' });
    expect(after.epoch).toBe(before.epoch);
    expect(after.reportsInEpoch).toBe(2);
  });
});

describe('a reboot', () => {
  it('leaves nothing of the old report and the old size trusted, though QEMU goes on giving both', async () => {
    const { guest, sample, tick, emit, clock } = oneGuest();
    const before = await tick({ current: 600, total: 548, available: 300, free: 200 });

    emit({ type: 'reboot', domain: guest.ref });
    clock.advance(1);
    const during = await sample();

    expect(before.readings.current.quality).toBe('ok');
    expect(during.epoch).toBe(before.epoch + 1);
    expect(during.reportsInEpoch).toBe(0);
    expect(during.uptimeSeconds).toBe(1);
    expect(qualities(during)).toEqual(['stale']);
    expect(during.readings.current).toEqual({ value: 600 * MiB, ageSeconds: 0, quality: 'stale' });
  });

  it('is over for the figures with the first report after it, and for the size with a balloon event', async () => {
    const { guest, sample, tick, emit } = oneGuest();
    await tick({ current: 600 });
    emit({ type: 'reboot', domain: guest.ref });
    await sample();

    emit({ type: 'balloon', domain: guest.ref, actualKib: 900 * 1024 });
    guest.balloon['balloon.current'] = 900 * 1024;
    const moved = await sample();
    const reported = await tick({ current: 900, minorFaults: 50 });

    expect(moved.readings.current.quality).toBe('ok');
    expect(qualities(moved)).toEqual(['stale']);
    expect(qualities(reported)).toEqual(['ok']);
    expect(reported.reportsInEpoch).toBe(1);
  });

  it('does not take the last report before it, seen only after it, for the first one of the new kernel', async () => {
    const { guest, sample, emit, clock, report } = oneGuest();
    await sample();
    clock.advance(1);
    report();
    clock.advance(0.3);
    emit({ type: 'reboot', domain: guest.ref });

    const after = await sample();

    expect(after.reportsInEpoch).toBe(0);
    expect(qualities(after)).toEqual(['stale']);
  });

  it('that brings three events begins one epoch', async () => {
    const { guest, sample, tick, emit, clock } = oneGuest();
    const before = await sample();

    emit({ type: 'reboot', domain: guest.ref });
    emit({ type: 'reboot', domain: guest.ref });
    await sample();
    clock.advance(0.5);
    emit({ type: 'reboot', domain: guest.ref });
    await sample();
    const after = await tick({ minorFaults: 5 });

    expect(after.epoch).toBe(before.epoch + 1);
  });

  it.each<[string, Partial<BalloonFigures>]>([
    ['minor faults', { minorFaults: 9_999 }],
    ['major faults', { majorFaults: 99 }],
  ])('that no event told of shows by falling %s, without a negative rate', async (_, fallen) => {
    const { sample, tick } = oneGuest();
    const before = await sample();

    const after = await tick(fallen);

    expect(after.epoch).toBe(before.epoch + 1);
    expect(after.reportsInEpoch).toBe(1);
    expect(after.uptimeSeconds).toBe(0);
    expect(after.readings.majorFaultRate.quality).toBe('absent');
  });
});

describe('a start', () => {
  it.each(['before', 'after'])(
    'under another id begins one epoch, with its event %s the tick',
    async when => {
      const { guest, sample, tick, emit } = oneGuest();
      const before = await sample();

      guest.ref = { ...guest.ref, id: 77 };
      guest.balloon = driverlessParams();
      if (when === 'before') emit(lifecycle(guest, 'started'));
      const started = await sample();
      if (when === 'after') emit(lifecycle(guest, 'started'));
      const after = await tick();

      expect(started.epoch).toBe(before.epoch + 1);
      expect(qualities(started)).toEqual(['absent']);
      expect(after.epoch).toBe(started.epoch);
      expect(after.reportsInEpoch).toBe(1);
    },
  );

  it('under the same id shows by its events', async () => {
    const { guest, sample, emit } = oneGuest();
    const before = await sample();

    emit(lifecycle(guest, 'stopped'));
    emit(lifecycle(guest, 'started'));
    const after = await sample();

    expect(after.epoch).toBe(before.epoch + 1);
  });

  it('of another domain under the same name and id inherits nothing', async () => {
    const { guest, hypervisor, sample, tick } = oneGuest();
    await tick();
    hypervisor.running.length = 0;
    hypervisor.add('web', { ref: { ...guest.ref, uuid: uuidOf('another') }, balloon: guest.balloon });

    const other = await sample();

    expect(other.uuid).not.toBe(guest.ref.uuid);
    expect([other.epoch, other.reportsInEpoch, other.uptimeSeconds]).toEqual([1, 1, 0]);
  });

  it('after the domain was away goes on counting its epochs', async () => {
    const { guest, hypervisor, sample, clock } = oneGuest();
    const before = await sample();
    hypervisor.running.length = 0;
    clock.advance(600);
    hypervisor.add('web', { ref: { ...guest.ref, id: 9 }, balloon: driverlessParams() });

    const after = await sample();

    expect(after.epoch).toBe(before.epoch + 1);
  });
});

describe('a daemon that comes after another', () => {
  it('H35: goes on with the epoch of a guest that ran on, and counts no report twice', async () => {
    const { tick, later, clock, report } = oneGuest();
    await tick();
    const before = await tick();
    const sample = later();
    const same = await sample();
    clock.advance(1);
    report({ swapOut: 4 });
    const next = await sample();
    expect([same.epoch, same.reportsInEpoch]).toEqual([before.epoch, before.reportsInEpoch]);
    expect([next.epoch, next.reportsInEpoch]).toEqual([before.epoch, before.reportsInEpoch + 1]);
    expect(next.readings.swapOutRate.value).toBe(4 * MiB);
    expect(next.uptimeSeconds).toBe(before.uptimeSeconds + 1);
  });

  it('H35: begins an epoch for a guest that was started meanwhile, or booted', async () => {
    const { guest, tick, later, clock, report } = oneGuest();
    const before = await tick();
    const [restarted, rebooted] = [later(), later()];
    clock.advance(1);
    report({ minorFaults: 5 });
    expect((await rebooted()).epoch).toBe(before.epoch + 1);
    guest.ref = { ...guest.ref, id: 77 };
    report();
    expect(await restarted()).toMatchObject({ epoch: before.epoch + 1, reportsInEpoch: 1 });
  });
});
