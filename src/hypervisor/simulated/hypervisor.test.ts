import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ErrorCode } from '../../model/errors.ts';
import { memoryStatsToRecord } from '../../model/memory-stats.ts';
import { GiB, MiB } from '../../model/units.ts';
import { parseDomainXml } from '../domain-xml.ts';
import type { Domain, HypervisorEvent, LinkState } from '../driver.ts';
import {
  createSimulatedHypervisor,
  openSimulatedHost,
  type SimulatedHypervisor,
  simulatedDriver,
} from './hypervisor.ts';
import type { GuestSpec, Scenario } from './scenario.ts';
import { scenarioNamed } from './scenarios.ts';

const WALL = 1_700_000_000;

function fakeClock(): { seconds: number; wallShift: number; now(): { monotonic: number; wall: number } } {
  return {
    seconds: 500,
    wallShift: WALL - 500,
    now() {
      return { monotonic: this.seconds, wall: this.seconds + this.wallShift };
    },
  };
}

function scenario(...guests: GuestSpec[]): Scenario {
  return {
    name: 'test',
    description: '',
    host: { memory: 8 * GiB, overhead: 1 * GiB, cache: 512 * MiB },
    warmUp: 0,
    guests,
  };
}

const VM: GuestSpec = {
  name: 'vm-1',
  title: 'First & only',
  maximum: 2 * GiB,
  demand: { kind: 'constant', bytes: 512 * MiB },
  files: { size: 256 * MiB, rate: 64 * MiB },
};

interface Bench {
  readonly clock: ReturnType<typeof fakeClock>;
  readonly hypervisor: SimulatedHypervisor;
  readonly domain: Domain;
  readonly events: HypervisorEvent[];
  /** Lets time pass, and the model follow. */
  readonly pass: (seconds: number) => void;
  readonly stats: () => Promise<Record<string, number>>;
  readonly bulk: () => Promise<Record<string, unknown>>;
}

async function bench(spec: Partial<GuestSpec> = {}): Promise<Bench> {
  const clock = fakeClock();
  const hypervisor = createSimulatedHypervisor({ scenario: scenario({ ...VM, ...spec }), clock });
  const events: HypervisorEvent[] = [];
  hypervisor.events.subscribe(event => events.push(event));
  const domain = await hypervisor.lookup('vm-1');
  return {
    clock,
    hypervisor,
    domain,
    events,
    pass(seconds) {
      clock.seconds += seconds;
      hypervisor.control.sync();
    },
    stats: async () => memoryStatsToRecord(await domain.memoryStats()),
    bulk: async () =>
      Object.fromEntries((await hypervisor.allDomainStats({ domains: [domain] }))[0]?.params ?? []),
  };
}

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

describe('a simulated hypervisor', () => {
  it('repeats itself to the byte, however often somebody looks', async () => {
    async function play(step: number): Promise<string> {
      const clock = fakeClock();
      const hypervisor = createSimulatedHypervisor({
        scenario: scenarioNamed('overcommitted'),
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
    expect(parseDomainXml(await domain.xml())).toEqual({
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

describe('simulatedDriver', () => {
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
