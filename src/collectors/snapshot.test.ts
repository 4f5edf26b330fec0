import { describe, expect, it } from 'vitest';
import { severalGuests } from '../../test/fakes/several-guests.ts';
import { BallonetError, type ErrorCode } from '../model/errors.ts';
import { GiB, MiB } from '../model/units.ts';

const failure = (code: ErrorCode) => new BallonetError(code, 'no');

describe('a snapshot', () => {
  it('joins the host and all guests of one bulk call, and is numbered', async () => {
    const { collector, add, hypervisor } = severalGuests({ kind: 'auto' }, true);
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
    const { collector, add } = severalGuests();
    const guest = add('a', 1000);
    guest.balloon = { ...guest.balloon, 'balloon.rss': 1200 * 1024, 'balloon.current': 1000 * 1024 };
    add('b', 500).state = 'paused';

    const { host } = await collector.collect();

    expect(host.readings.available.value).toBe(4 * GiB - 1500 * MiB);
  });

  it('of a pool of fixed size counts all that a rebooted guest touches, whatever old size is still given for it', async () => {
    const { collector, hypervisor, add, clock } = severalGuests();
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
    const { collector, add, clock } = severalGuests();
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
    const { collector, add, hypervisor } = severalGuests();
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
    const { collector, add, clock, settings } = severalGuests();
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
    const { collector, add, settings } = severalGuests();
    add('a');
    const before = await collector.collect();

    collector.configure({ ...settings, pool: { kind: 'cgroup', path: '/machine.slice' } });
    const after = await collector.collect();

    expect(after.host.source).toBe('cgroup:/machine.slice');
    expect(after.guests[0]?.epoch).toBe(before.guests[0]?.epoch);
  });
});

describe('the link', () => {
  it('H32: coming back has the XML read again and keeps the epoch of a guest that went on', async () => {
    const { collector, hypervisor, add, clock, fresh } = severalGuests();
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
    const { collector, hypervisor } = severalGuests();

    collector.close();

    expect([hypervisor.events.observed, hypervisor.link.observed]).toEqual([false, false]);
  });
});
