/** Which guest is which, and whether it is there: names and ids used again, answers without a guest, storms of events. */
import { describe, expect, it } from 'vitest';
import { MiB } from '../../src/model/units.ts';
import { balloonParams } from '../fakes/balloon-params.ts';
import { collectorOver } from '../fakes/collector.ts';
import { createFakeClock } from '../fakes/fake-clock.ts';
import { createFakeHypervisor, uuidOf } from '../fakes/fake-hypervisor.ts';
import { lifecycle, mib, oneGuest, qualities } from '../fakes/one-guest.ts';

describe('a guest that an answer is without', () => {
  const withoutIt = async () => {
    const all = oneGuest();
    await all.tick({ rss: 600 });
    all.hypervisor.running.splice(0, 1);
    all.clock.advance(1);
    return all;
  };

  it('H30: is marked and not forgotten, with what was known of it', async () => {
    const { sample } = await withoutIt();
    const guest = await sample();

    expect(guest).toMatchObject({ missing: true, state: 'unknown', epoch: 1, reportsInEpoch: 1 });
    expect(guest.readings.max).toEqual({ value: 1024 * MiB, ageSeconds: 1, quality: 'stale' });
    expect(qualities(guest, ['current', 'rss'])).toEqual(['stale']);
  });

  it('H30: still holds what it held of a pool of fixed size', async () => {
    const { clock, hypervisor } = oneGuest();
    const collector = collectorOver({ hypervisor, clock });
    const available = async () => (await collector.collect()).host.readings.available.value;
    const before = await available();
    hypervisor.running.splice(0, 1);
    clock.advance(1);

    expect([before, await available()]).toEqual([(4096 - 600) * MiB, (4096 - 600) * MiB]);
  });

  it('H30: goes on in its epoch when it is back', async () => {
    const { sample, guest, hypervisor, clock, report } = await withoutIt();
    await sample();
    hypervisor.running.push(guest);
    clock.advance(1);
    report();

    expect(await sample()).toMatchObject({ epoch: 1, reportsInEpoch: 2 });
    expect(await sample()).not.toHaveProperty('missing');
  });

  it('is gone when an event says so, or after a while', async () => {
    const told = await withoutIt();
    told.emit(lifecycle(told.guest, 'stopped'));
    const untold = await withoutIt();
    untold.clock.advance(30);

    await expect(told.sample()).rejects.toThrow('no guest');
    await expect(untold.sample()).rejects.toThrow('no guest');
  });
});

describe('names and ids used again', () => {
  it('H37: another domain of the same name is another guest', async () => {
    const { tick, sample, guest, emit, clock } = oneGuest();
    await tick({ swapOut: 500 });
    const before = await tick({ swapOut: 600 });
    emit(lifecycle(guest, 'stopped'));
    clock.advance(1);
    guest.ref = { ...guest.ref, uuid: uuidOf('another') };
    const after = await sample();

    expect([before.uuid === after.uuid, after.epoch, after.reportsInEpoch]).toEqual([false, 1, 1]);
    expect(qualities(after, ['swapOutRate'])).toEqual(['absent']);
  });

  it('H37: the same domain under another id has been started again', async () => {
    const { tick, guest } = oneGuest();
    const before = await tick();
    guest.ref = { ...guest.ref, id: guest.ref.id + 1 };

    expect(await tick()).toMatchObject({ epoch: before.epoch + 1, reportsInEpoch: 1 });
  });

  it('H37: an id that passed to another domain takes nothing with it', async () => {
    const clock = createFakeClock();
    const hypervisor = createFakeHypervisor();
    const collector = collectorOver({ hypervisor, clock });
    const balloon = () => balloonParams({ lastUpdate: clock.now().wall });
    const a = hypervisor.add('a', { balloon: balloon() });
    const b = hypervisor.add('b', { balloon: balloon() });
    await collector.collect();
    clock.advance(1);
    [a.ref, b.ref] = [
      { ...a.ref, id: b.ref.id },
      { ...b.ref, id: a.ref.id },
    ];
    for (const domain of [a, b]) domain.balloon = balloon();
    const { guests } = await collector.collect();

    expect(guests.map(({ name, epoch, reportsInEpoch }) => [name, epoch, reportsInEpoch])).toEqual([
      ['a', 2, 1],
      ['b', 2, 1],
    ]);
  });
});

describe('storms of events', () => {
  it('H34: the several reboot events of one reset are one epoch', async () => {
    const { tick, guest, emit, clock, sample } = oneGuest();
    const before = await tick();
    clock.advance(1);
    for (let i = 0; i < 3; i++) emit({ type: 'reboot', domain: guest.ref });
    await sample();
    emit({ type: 'reboot', domain: guest.ref });

    expect((await sample()).epoch).toBe(before.epoch + 1);
  });

  it('H34: a thousand events between two ticks cost no call of their own', async () => {
    const { tick, guest, emit, hypervisor, clock, sample } = oneGuest();
    await tick();
    await tick();
    const before = structuredClone(hypervisor.calls);
    clock.advance(1);
    for (let i = 0; i < 1000; i++) {
      emit({ type: 'balloon', domain: guest.ref, actualKib: 1024 * 1024 - i });
      emit({ type: 'reboot', domain: guest.ref });
      emit({ type: 'lifecycle', domain: guest.ref, kind: 'resumed', detail: 0 });
    }
    await sample();
    await new Promise(resolve => setImmediate(resolve));
    const { bulk, job, xml, info } = hypervisor.calls;

    expect([bulk - before.bulk, job.length - before.job.length]).toEqual([1, 1]);
    expect([xml.length, info.length]).toEqual([before.xml.length, before.info.length]);
  });
});

it('H30: a record without figures is no data, and no guest that has nothing', async () => {
  const { guest, sample, clock } = oneGuest();
  await sample();
  guest.balloon = { 'balloon.current': 1024 * 1024, 'balloon.maximum': 1024 * 1024 };
  clock.advance(1);
  const locked = await sample();

  expect([locked.epoch, mib(locked, 'available'), qualities(locked)]).toEqual([1, 700, ['ok']]);
  clock.advance(20);
  expect(qualities(await sample())).toEqual(['stale']);
});

it('H30: a guest that something holds is not armed, as the call would wait for it in turn', async () => {
  const clock = createFakeClock();
  const hypervisor = createFakeHypervisor();
  const collector = collectorOver({ hypervisor, clock, arm: true });
  hypervisor.add('hung', { balloon: { 'balloon.current': 1024, 'balloon.maximum': 1024 } });
  hypervisor.add('free', { balloon: balloonParams({ lastUpdate: clock.now().wall }) });
  for (let i = 0; i < 3; i++) {
    await collector.collect();
    clock.advance(1);
    await new Promise(resolve => setImmediate(resolve));
  }

  expect([...new Set(hypervisor.calls.periods.map(({ name }) => name))]).toEqual(['free']);
  collector.close();
});

describe('memory plugged in and out', () => {
  it('H38: what is used is told by sizes of the same maximum', async () => {
    const autodeflate = oneGuest(
      `<domain><devices><memballoon model='virtio' autodeflate='on'/></devices></domain>`,
    );
    for (let i = 0; i < 3; i++)
      await autodeflate.tick({ max: 1024, current: 512, total: 972, available: 300, free: 200 });
    const before = autodeflate.wall();
    // The size is of after, the report still of before.
    const plugged = { max: 2048, current: 1536, total: 972, available: 300, free: 200, lastUpdate: before };
    const after = await autodeflate.tick(plugged);

    expect(mib(after, 'used')).toBe(160);
    expect(mib(after, 'max')).toBe(2048);
  });
});
