import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bench, fakeClock, scenario, VM } from '../../../test/fakes/simulated-bench.ts';
import { findScenario } from '../../cli/connect.ts';
import type { ErrorCode } from '../../model/errors.ts';
import { GiB, MiB } from '../../model/units.ts';
import { parseDomainXml } from '../domain-xml.ts';
import type { LinkState } from '../driver.ts';
import { createSimulatedDriver, createSimulatedHypervisor, openSimulatedHost } from './hypervisor.ts';
import type { GuestSpec } from './scenario.ts';

async function rejectsWith(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await expect(promise).rejects.toMatchObject({ name: 'BallonetError', code });
}

describe('a simulated hypervisor', () => {
  it('repeats itself to the byte, however often somebody looks', { timeout: 60_000 }, async () => {
    async function play(step: number): Promise<string> {
      const clock = fakeClock();
      const hypervisor = createSimulatedHypervisor({
        scenario: findScenario('overcommitted', undefined).scenario,
        clock,
        seed: 5,
      });
      const log: unknown[] = [];
      hypervisor.events.subscribe(event => log.push(event));
      for (const domain of await hypervisor.domains()) {
        await domain.setMemoryStatsPeriod(1, { affect: 'live' });
        await domain.setMemory(1 * MiB, { live: true });
      }
      for (let t = step; t <= 300; t += step) {
        clock.seconds = 500 + t;
        await hypervisor.allDomainStats();
      }
      const stats = (await hypervisor.allDomainStats()).map(({ domain, params }) => [domain, [...params]]);
      return JSON.stringify([
        log,
        stats,
        await hypervisor.nodeMemory(),
        [...hypervisor.control.harm().guests],
      ]);
    }
    const seldom = await play(300);
    expect(await play(300)).toBe(seldom);
    expect(await play(0.25)).toBe(seldom);
    expect(seldom.length).toBeGreaterThan(10_000);
  });

  it('finds domains by id, uuid and name, in this order', async () => {
    const clock = fakeClock();
    const two: GuestSpec = { ...VM, name: '1' };
    const hypervisor = createSimulatedHypervisor({ scenario: scenario(VM, two), clock });
    const [first, second] = await hypervisor.domains();
    expect((await hypervisor.lookup('1')).name).toBe('vm-1');
    hypervisor.control.destroy('vm-1');
    expect((await hypervisor.lookup('1')).name).toBe('1');
    expect((await hypervisor.lookup(second?.uuid.toUpperCase() ?? '')).name).toBe('1');
    await rejectsWith(hypervisor.lookup('vm-2'), 'DOMAIN_NOT_FOUND');
    await rejectsWith(hypervisor.domain({ name: 'x', uuid: 'x', id: 9 }).memoryStats(), 'DOMAIN_NOT_FOUND');
    expect((await hypervisor.domains({ active: true })).map(({ name }) => name)).toEqual(['1']);
    expect((await hypervisor.domains({ active: false })).map(({ uuid }) => uuid)).toEqual([first?.uuid]);
  });

  it('refuses what libvirt refuses', async () => {
    const { domain, hypervisor } = await bench();
    await rejectsWith(domain.setMemory(0, { live: true }), 'VALUE_OUT_OF_RANGE');
    await rejectsWith(domain.setMemory(1.5, { live: true }), 'VALUE_OUT_OF_RANGE');
    await rejectsWith(domain.setMemory(2 * MiB + 1, { live: true }), 'VALUE_OUT_OF_RANGE');
    await rejectsWith(domain.memoryStats({ flags: 1 }), 'OPERATION_REFUSED');
    await rejectsWith(domain.memoryStats({ maxStats: 1025 }), 'VALUE_OUT_OF_RANGE');
    await rejectsWith(domain.setMemoryStatsPeriod(-1), 'VALUE_OUT_OF_RANGE');
    await rejectsWith(domain.setMemoryStatsPeriod(0.5), 'VALUE_OUT_OF_RANGE');
    hypervisor.control.shutdown('vm-1');
    await rejectsWith(domain.setMemory(1 * MiB, { live: true }), 'OPERATION_REFUSED');
    await rejectsWith(domain.setMemoryStatsPeriod(1, { affect: 'live' }), 'OPERATION_REFUSED');
    await domain.setMemoryStatsPeriod(3);
    expect(parseDomainXml(await domain.xml()).balloon.statsPeriodSeconds).toBe(3);
    const none = await bench({ balloon: 'none' });
    await rejectsWith(none.domain.setMemory(1 * MiB, { live: true }), 'OPERATION_UNSUPPORTED');
    await rejectsWith(none.domain.setMemoryStatsPeriod(1), 'OPERATION_UNSUPPORTED');
  });

  it('lets a read-only connection look and not touch', async () => {
    const { hypervisor, pass } = await bench();
    pass(10);
    const onlooker = openSimulatedHost(hypervisor.control, { uri: 'sim:///test', readOnly: true });
    const domain = await onlooker.lookup('vm-1');
    expect(await domain.memoryStats()).toHaveLength(13);
    await rejectsWith(domain.setMemory(0, { live: true }), 'OPERATION_DENIED');
    await rejectsWith(domain.setMemoryStatsPeriod(1), 'OPERATION_DENIED');
  });

  it('tells of lifecycles, and shows their states', async () => {
    const { hypervisor, domain, events } = await bench();
    const { control } = hypervisor;
    control.pause('vm-1');
    expect(await domain.info()).toMatchObject({
      state: 'paused',
      maxMemKib: 2 * MiB,
      memoryKib: 2 * MiB,
      vcpus: 1,
    });
    control.resume('vm-1');
    control.shutdown('vm-1');
    expect(await domain.info()).toMatchObject({ state: 'shutoff' });
    control.start('vm-1');
    control.crash('vm-1');
    expect(await domain.info()).toMatchObject({ state: 'crashed' });
    control.addGuest({ ...VM, name: 'vm-2', running: false });
    control.removeGuest('vm-1');
    const kinds = [
      'suspended',
      'resumed',
      'shutdown',
      'stopped',
      'started',
      'crashed',
      'defined',
      'stopped',
      'undefined',
    ];
    expect(events.map(event => (event.type === 'lifecycle' ? event.kind : event.type))).toEqual(kinds);
    await rejectsWith(domain.info(), 'DOMAIN_NOT_FOUND');
    expect(await hypervisor.allDomainStats({ domains: [domain] })).toEqual([]);
  });

  it('lets whoever hears an event look and act at once', async () => {
    const { hypervisor, events, pass } = await bench();
    hypervisor.events.subscribe(event => {
      if (event.type === 'lifecycle' && event.kind === 'stopped') hypervisor.control.start('vm-1');
    });
    hypervisor.control.destroy('vm-1');
    pass(1);
    expect(events.map(event => (event.type === 'lifecycle' ? event.kind : event.type))).toEqual([
      'stopped',
      'started',
    ]);
  });

  it('answers who reacts to an event as of that event, though the model had far to catch up', async () => {
    async function play(step: number): Promise<string> {
      const { hypervisor, domain, events, pass } = await bench({ statsPeriod: 1 });
      pass(10);
      await domain.setMemory(1 * MiB, { live: true });
      hypervisor.events.subscribe(event => {
        // The actuator's way: a guest that follows is asked for more, step by step.
        if (event.type === 'balloon') void domain.setMemory(event.actualKib - 100, { live: true });
      });
      for (let t = step; t <= 12; t += step) pass(step);
      return JSON.stringify([events, await domain.memoryStats()]);
    }
    expect(await play(12)).toBe(await play(1));
  });

  it('knows its own memory: what guests touch is gone, and comes back when a guest ends', async () => {
    const { hypervisor, pass } = await bench();
    pass(20);
    const { totalKib, availableKib = 0, freeKib = 0, cachedKib = 0 } = await hypervisor.nodeMemory();
    expect(totalKib).toBe(8 * MiB);
    expect(availableKib).toBe(7 * MiB - hypervisor.control.byName('vm-1').rss / 1024);
    expect(freeKib + cachedKib).toBe(availableKib);
    hypervisor.control.destroy('vm-1');
    expect((await hypervisor.nodeMemory()).availableKib).toBe(7 * MiB);
  });

  it('counts the time in which its guests do not fit', async () => {
    const big: GuestSpec = { ...VM, maximum: 9 * GiB, demand: { kind: 'constant', bytes: 8 * GiB }, boot: 0 };
    const clock = fakeClock();
    const { control } = createSimulatedHypervisor({ scenario: scenario(big), clock });
    clock.seconds += 20;
    control.sync();
    expect(control.harm().hostOverrunSeconds).toBeGreaterThan(10);
  });

  it('writes an XML that reads back, whatever the title', async () => {
    const { domain } = await bench({ title: `<"Ben's" & Jerry>` });
    expect(parseDomainXml(await domain.xml())).toMatchObject({
      title: `<"Ben's" & Jerry>`,
      balloon: { device: 'virtio', autodeflate: false },
    });
  });

  it('ends: calls are refused, events and link complete', async () => {
    const { hypervisor, domain } = await bench();
    const links: LinkState[] = [];
    let completed = 0;
    hypervisor.link.subscribe({ next: state => links.push(state), complete: () => completed++ });
    hypervisor.events.subscribe({ complete: () => completed++ });
    await hypervisor.close();
    await hypervisor.close();
    expect(links).toEqual([{ up: true }]);
    expect(completed).toBe(2);
    await rejectsWith(domain.memoryStats(), 'HYPERVISOR_CLOSED');
    await rejectsWith(hypervisor.allDomainStats(), 'HYPERVISOR_CLOSED');
  });
});

describe('the heartbeat', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('runs while the connection is open and not a moment longer', async () => {
    vi.useFakeTimers();
    const { control } = createSimulatedHypervisor({ scenario: scenario(VM), clock: fakeClock() });
    const hypervisor = openSimulatedHost(control, { uri: 'sim:///test', readOnly: false, heartbeat: true });
    expect(vi.getTimerCount()).toBe(1);
    await hypervisor.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the simulated driver', () => {
  const simulatedDriver = createSimulatedDriver(findScenario);

  it('opens a shipped scenario, alive from the start, by the real clock', async () => {
    const hypervisor = await simulatedDriver.connect('sim:///overcommitted', {});
    try {
      expect(hypervisor).toMatchObject({ uri: 'sim:///overcommitted', readOnly: false, local: false });
      expect(await hypervisor.version()).toBe('simulated host');
      const stats = await hypervisor.allDomainStats();
      expect(stats.length).toBeGreaterThanOrEqual(12);
      for (const { params } of stats) expect(params.get('balloon.usable')).toBeGreaterThan(0);
      const moved = firstValueFrom(hypervisor.events);
      await (await hypervisor.lookup('web-1')).setMemory(2 * MiB, { live: true });
      // Nobody looks: the heartbeat alone must bring the event.
      expect(await moved).toMatchObject({ type: 'balloon', domain: { name: 'web-1' } });
    } finally {
      await hypervisor.close();
    }
  });

  it('gives the same guests for the same seed, and others for another', async () => {
    const uuids = await Promise.all(
      ['', '?seed=1', '?seed=2'].map(async query => {
        const hypervisor = await simulatedDriver.connect(`sim:///overcommitted${query}`, { readOnly: true });
        const domains = await hypervisor.domains();
        await hypervisor.close();
        return domains.map(({ uuid }) => uuid);
      }),
    );
    expect(uuids[1]).toEqual(uuids[0]);
    expect(uuids[2]).not.toEqual(uuids[0]);
  });

  it.each([
    'sim:///',
    'sim:///nowhere',
    'sim://overcommitted',
    'sim:///overcommitted?sed=1',
    'sim:///overcommitted?seed=x',
    'sim:///%E0%A4%A',
  ])('refuses %s', async uri => {
    expect(simulatedDriver.accepts(new URL(uri))).toBe(true);
    await rejectsWith(simulatedDriver.connect(uri, {}), 'URI_INVALID');
  });

  it('leaves other URIs to other drivers', () => {
    expect(simulatedDriver.accepts(new URL('qemu:///system'))).toBe(false);
  });
});
