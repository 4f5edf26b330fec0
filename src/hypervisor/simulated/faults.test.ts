import { describe, expect, it } from 'vitest';
import { bench, fakeClock, scenario, VM } from '../../../test/fakes/simulated-bench.ts';
import { GiB, MiB } from '../../model/units.ts';
import type { LifecycleKind } from '../driver.ts';
import type { PlannedMishap } from './faults.ts';
import { createSimulatedHypervisor, openSimulatedHost } from './hypervisor.ts';

const GARBAGE_KIB = 18_014_398_509_481_980;

/** The state of a promise without waiting for it. */
async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'fulfilled' | 'rejected'> {
  const pending = Symbol('pending');
  try {
    const first = await Promise.race([promise, new Promise(resolve => setImmediate(resolve, pending))]);
    return first === pending ? 'pending' : 'fulfilled';
  } catch {
    return 'rejected';
  }
}

describe('a guest without a balloon driver', () => {
  const mishaps: PlannedMishap[] = [{ at: 0, mishap: { kind: 'no-driver' } }];

  it('takes requests, and neither moves nor reports', async () => {
    const { domain, stats, events, pass } = await bench({ mishaps });
    pass(10);
    await domain.setMemory(1 * MiB, { live: true });
    pass(30);
    expect(await stats()).toEqual({ actual: 2 * MiB, last_update: 0, rss: expect.any(Number) });
    expect(events.filter(({ type }) => type === 'balloon')).toEqual([]);
  });

  it('takes back what the balloon held when it loses its driver, and goes for the target again when it has one', async () => {
    const { hypervisor, domain, stats, pass } = await bench({ statsPeriod: 1 });
    await domain.setMemory(1 * MiB, { live: true });
    pass(20);
    expect(await stats()).toMatchObject({ actual: 1 * MiB, usable: expect.any(Number) });

    hypervisor.control.inject('vm-1', { kind: 'no-driver' });
    expect(await stats()).toMatchObject({ actual: 1 * MiB, last_update: 0 });
    pass(20);
    expect(await stats()).toEqual({ actual: 2 * MiB, last_update: 0, rss: expect.any(Number) });

    hypervisor.control.heal('vm-1', 'no-driver');
    pass(20);
    expect(await stats()).toMatchObject({ actual: 1 * MiB, usable: expect.any(Number) });
  });
});

describe('a guest whose statistics stop', () => {
  it('keeps its last report, which grows old, while its balloon moves on', async () => {
    const { hypervisor, domain, stats, pass } = await bench({ statsPeriod: 1 });
    pass(10);
    const before = await stats();
    hypervisor.control.inject('vm-1', { kind: 'stats-stop' });
    await domain.setMemory(1 * MiB, { live: true });
    pass(20);
    const after = await stats();
    expect(after).toEqual({ ...before, actual: 1 * MiB, rss: after.rss });

    hypervisor.control.heal('vm-1', 'stats-stop');
    pass(1);
    expect((await stats()).last_update).toBeGreaterThanOrEqual((before.last_update ?? 0) + 20);
  });
});

describe('a guest that reports garbage', () => {
  it('makes the call for its statistics fail, as a driver does that cannot give the figure exactly', async () => {
    const { hypervisor, domain, pass } = await bench();
    pass(10);
    hypervisor.control.inject('vm-1', { kind: 'garbage' });
    await expect(domain.memoryStats()).rejects.toMatchObject({ code: 'VALUE_OUT_OF_RANGE' });
    hypervisor.control.heal('vm-1', 'garbage');
    await expect(domain.memoryStats()).resolves.toBeInstanceOf(Array);
  });

  it('has a bulk record without the figures concerned, and with the reason', async () => {
    const { hypervisor, pass } = await bench();
    pass(10);
    hypervisor.control.inject('vm-1', { kind: 'garbage' });
    const [record] = await hypervisor.allDomainStats();
    expect(record?.error).toMatchObject({ code: 'VALUE_OUT_OF_RANGE' });
    expect(record?.params.has('balloon.usable')).toBe(false);
    expect(record?.params.get('balloon.unused')).toBeTypeOf('number');
  });

  it('can report figures that are only absurd', async () => {
    const { hypervisor, stats, bulk, pass } = await bench();
    pass(10);
    hypervisor.control.inject('vm-1', { kind: 'garbage', values: { usable: 2 ** 40, actual: 1 } });
    expect(await stats()).toMatchObject({ usable: 2 ** 40, actual: 1 });
    expect(await bulk()).toMatchObject({ 'balloon.usable': 2 ** 40 });
  });

  it('reports nothing more than it would without', async () => {
    const { hypervisor, stats, pass } = await bench();
    pass(1);
    hypervisor.control.inject('vm-1', { kind: 'garbage' });
    expect(await stats()).toEqual({ actual: 2 * MiB, last_update: 0, rss: expect.any(Number) });
  });

  it('is passed on as it is to a server', async () => {
    const { hypervisor, pass } = await bench();
    pass(10);
    hypervisor.control.inject('vm-1', { kind: 'garbage' });
    const raw = openSimulatedHost(hypervisor.control, { uri: 'sim:///test', readOnly: true, raw: true });
    expect(await (await raw.lookup('vm-1')).memoryStats()).toContainEqual({ tag: 8, value: GARBAGE_KIB });
    const [record] = await raw.allDomainStats();
    expect(record?.params.get('balloon.usable')).toBe(GARBAGE_KIB);
  });
});

describe('a guest whose balloon is stuck', () => {
  it('takes requests and reports, and keeps its size until it is healed', async () => {
    const { hypervisor, domain, stats, pass } = await bench({ statsPeriod: 1 });
    pass(10);
    hypervisor.control.inject('vm-1', { kind: 'stuck' });
    await domain.setMemory(1 * MiB, { live: true });
    const before = await stats();
    pass(20);
    const after = await stats();
    expect(after.actual).toBe(2 * MiB);
    expect(after.last_update).toBe((before.last_update ?? 0) + 20);

    hypervisor.control.heal('vm-1', 'stuck');
    pass(20);
    expect((await stats()).actual).toBe(1 * MiB);
  });
});

describe('a guest that hangs', () => {
  async function twoGuests() {
    const clock = fakeClock();
    const hypervisor = createSimulatedHypervisor({
      scenario: scenario(
        { ...VM, statsPeriod: 1 },
        { ...VM, name: 'vm-2', statsPeriod: 1, maximum: 1 * GiB },
      ),
      clock,
      callTimeout: 5,
    });
    const pass = (seconds: number): void => {
      clock.seconds += seconds;
      hypervisor.control.sync();
    };
    pass(10);
    hypervisor.control.inject('vm-1', { kind: 'hang' });
    return { hypervisor, pass, domain: await hypervisor.lookup('vm-1') };
  }

  it('answers no call that needs QEMU until the deadline, and those that do not at once', async () => {
    const { pass, domain } = await twoGuests();
    const calls = [
      domain.memoryStats(),
      domain.setMemory(1 * MiB, { live: true }),
      domain.setMemoryStatsPeriod(2),
    ];
    const ends = Promise.allSettled(calls);
    await expect(domain.info()).resolves.toMatchObject({ state: 'running' });
    await expect(domain.xml()).resolves.toContain('vm-1');
    pass(4.9);
    for (const call of calls) expect(await stateOf(call)).toBe('pending');
    pass(0.1);
    expect(await ends).toEqual(
      calls.map(() => ({
        status: 'rejected',
        reason: expect.objectContaining({ code: 'HYPERVISOR_TIMEOUT' }),
      })),
    );
  });

  it('answers the calls that wait when it runs again, and has stood still meanwhile', async () => {
    const { hypervisor, pass, domain } = await twoGuests();
    const before = hypervisor.control.byName('vm-1').runSeconds;
    const call = domain.memoryStats();
    pass(3);
    expect(await stateOf(call)).toBe('pending');
    hypervisor.control.heal('vm-1', 'hang');
    await expect(call).resolves.toBeInstanceOf(Array);
    expect(hypervisor.control.byName('vm-1').runSeconds).toBe(before);
    pass(1);
    expect(hypervisor.control.byName('vm-1').runSeconds).toBeCloseTo(before + 1);
  });

  it('holds up one bulk call, whose other records are whole, and is passed over by the next', async () => {
    const { hypervisor, pass } = await twoGuests();
    const first = hypervisor.allDomainStats();
    expect(await stateOf(first)).toBe('pending');
    const second = await hypervisor.allDomainStats();
    expect(second.map(({ params }) => params.size)).toEqual([4, 16]);
    expect(await stateOf(hypervisor.allDomainStats({ groups: ['state'] }))).toBe('fulfilled');
    pass(5);
    const [hung, well] = await first;
    expect(hung).toMatchObject({ error: { code: 'HYPERVISOR_TIMEOUT' } });
    expect(hung?.params.size).toBe(0);
    expect(well?.error).toBeUndefined();
    expect(well?.params.size).toBe(16);
  });

  it('makes a bulk call fail that asked for no other guest', async () => {
    const { hypervisor, pass, domain } = await twoGuests();
    const call = hypervisor.allDomainStats({ domains: [domain], nowait: false });
    const end = expect(call).rejects.toMatchObject({ code: 'HYPERVISOR_TIMEOUT' });
    pass(5);
    await end;
  });

  it('lets go of calls when its connection is closed, and when it is destroyed', async () => {
    const { hypervisor, domain } = await twoGuests();
    const other = openSimulatedHost(hypervisor.control, { uri: 'sim:///test', readOnly: true });
    const mine = domain.memoryStats();
    const theirs = expect((await other.lookup('vm-1')).memoryStats()).rejects.toMatchObject({
      code: 'HYPERVISOR_CLOSED',
    });
    await other.close();
    await theirs;
    expect(await stateOf(mine)).toBe('pending');
    const end = expect(mine).rejects.toMatchObject({ code: 'OPERATION_REFUSED' });
    hypervisor.control.destroy('vm-1');
    hypervisor.control.sync();
    await end;
  });
});

describe('mishaps of a scenario', () => {
  it('come and go at their times', async () => {
    const { stats, pass } = await bench({
      statsPeriod: 1,
      mishaps: [{ at: 10, for: 5, mishap: { kind: 'stats-stop' } }],
    });
    const ages: number[] = [];
    let now = 0;
    for (const step of [9, 3, 3, 3]) {
      pass(step);
      now += step;
      ages.push(1_700_000_000 + now - ((await stats()).last_update ?? 0));
    }
    const [before = 9, during = 0, healed = 9, later = 9] = ages;
    expect(before).toBeLessThanOrEqual(1);
    expect(during).toBeGreaterThanOrEqual(2);
    expect(healed).toBeLessThanOrEqual(1);
    expect(later).toBeLessThanOrEqual(1);
  });

  it('reboot a guest', async () => {
    const { events, stats, pass } = await bench({
      statsPeriod: 1,
      mishaps: [{ at: 10, mishap: { kind: 'reboot' } }],
    });
    pass(11);
    expect(events).toContainEqual(expect.objectContaining({ type: 'reboot' }));
    expect((await stats()).last_update).toBe(0);
  });

  it('make a domain vanish with one event, and nothing is left of it', async () => {
    const { hypervisor, domain, events, pass } = await bench({
      mishaps: [{ at: 10, mishap: { kind: 'vanish' } }],
    });
    pass(9);
    await domain.info();
    const id = domain.id;
    pass(2);
    const kinds = events.flatMap(event => (event.type === 'lifecycle' ? [[event.kind, event.detail]] : []));
    expect(kinds).toEqual([['stopped' satisfies LifecycleKind, 5]]);
    expect(id).toBeGreaterThan(0);
    await expect(domain.info()).rejects.toMatchObject({ code: 'DOMAIN_NOT_FOUND' });
    expect(await hypervisor.domains()).toEqual([]);
    expect(await hypervisor.allDomainStats({ domains: [domain] })).toEqual([]);
  });
});
