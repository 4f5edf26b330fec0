import { describe, expect, it } from 'vitest';
import { bench } from '../../../test/fakes/simulated-bench.ts';
import { GiB, KiB, MiB } from '../../model/units.ts';
import { parseDomainXml } from '../domain-xml.ts';

const HALF = (1 * GiB) / KiB;

describe('a guest with an obstacle', () => {
  it('shows it in its XML, and its balloon gives the host nothing', async () => {
    const free = await bench({ touched: 1 });
    const pinned = await bench({ touched: 1, obstacles: ['passthrough', 'hugepages'] });
    for (const { domain, pass } of [free, pinned]) {
      pass(10);
      await domain.setMemory(HALF, { live: true });
      pass(20);
    }

    expect(parseDomainXml(await pinned.domain.xml()).obstacles).toEqual(['hugepages', 'passthrough']);
    expect((await free.stats()).rss).toBeLessThan(1.2 * HALF);
    expect((await pinned.stats()).rss).toBeGreaterThan(1.9 * HALF);
    expect((await pinned.stats()).actual).toBe(HALF);
  });

  it('can get it while it runs, and lose it', async () => {
    const { domain, hypervisor, stats, pass } = await bench({ touched: 1 });
    pass(10);
    hypervisor.control.inject('vm-1', { kind: 'pinned' });
    pass(1);
    await domain.setMemory(HALF, { live: true });
    pass(20);
    const during = (await stats()).rss ?? 0;
    hypervisor.control.heal('vm-1', 'pinned');

    expect(during).toBeGreaterThan(1.9 * HALF);
    expect((await stats()).rss).toBeLessThan(1.2 * HALF);
  });
});

describe('auto-deflate', () => {
  it('leaves the balloon in MemTotal', async () => {
    const { domain, stats, pass } = await bench({ autodeflate: true, statsPeriod: 1 });
    pass(10);
    const before = await stats();
    await domain.setMemory(HALF, { live: true });
    pass(20);
    const after = await stats();

    expect(parseDomainXml(await domain.xml()).balloon.autodeflate).toBe(true);
    expect([after.actual, after.available]).toEqual([HALF, before.available]);
    expect(after.usable ?? 0).toBeLessThan((before.usable ?? 0) - 0.9 * HALF);
  });

  it('gives memory back instead of killing programs', async () => {
    const spec = { swap: 0, files: { size: 0, rate: 0 } };
    const plain = await bench(spec);
    const auto = await bench({ ...spec, autodeflate: true });
    for (const { domain, pass } of [plain, auto]) {
      pass(10);
      await domain.setMemory((600 * MiB) / KiB, { live: true });
      pass(10);
    }
    for (const { hypervisor, pass } of [plain, auto]) {
      hypervisor.control.setDemand('vm-1', { kind: 'constant', bytes: 700 * MiB });
      pass(10);
    }

    expect(plain.hypervisor.control.harm().guests.get('vm-1')?.oomKills).toBeGreaterThan(0);
    expect(auto.hypervisor.control.harm().guests.get('vm-1')?.oomKills).toBe(0);
  });
});

it('free page reporting gives the host what the guest has freed, and leaves its size alone', async () => {
  const { domain, stats, pass } = await bench({ touched: 1, freePageReporting: true });
  const before = (await stats()).rss ?? 0;
  pass(30);

  expect(parseDomainXml(await domain.xml()).balloon.freePageReporting).toBe(true);
  expect((await stats()).rss).toBeLessThan(before - 0.8 * HALF);
  expect((await stats()).actual).toBe(2 * HALF);
});

describe('what a guest reports', () => {
  it('is nothing of itself where its driver has no statistics, though its balloon moves', async () => {
    const { domain, hypervisor, stats, pass } = await bench({ statsPeriod: 1 });
    hypervisor.control.inject('vm-1', { kind: 'no-stats' });
    pass(10);
    await domain.setMemory(HALF, { live: true });
    pass(10);

    expect(Object.keys(await stats())).toEqual(['actual', 'last_update', 'rss']);
    expect(await stats()).toMatchObject({ actual: HALF, last_update: 0 });
  });

  it('is empty and on time where the Windows service is missing', async () => {
    const { hypervisor, stats, pass } = await bench({ statsPeriod: 1 });
    hypervisor.control.inject('vm-1', { kind: 'empty' });
    pass(10);
    const first = await stats();
    pass(5);

    expect(Object.keys(first)).toEqual(['actual', 'last_update', 'rss']);
    expect((await stats()).last_update).toBe((first.last_update ?? 0) + 5);
  });

  it('has no swap where zswap takes it', async () => {
    const { domain, hypervisor, stats, pass } = await bench({ statsPeriod: 1, files: { size: 0, rate: 0 } });
    hypervisor.control.inject('vm-1', { kind: 'zswap' });
    pass(10);
    await domain.setMemory((500 * MiB) / KiB, { live: true });
    pass(30);

    expect(hypervisor.control.byName('vm-1').memory?.swapOut).toBeGreaterThan(0);
    expect(await stats()).toMatchObject({ swap_in: 0, swap_out: 0 });
  });

  it.each([
    ['idle', [1]],
    ['starved', [0]],
    ['both', [1, 0]],
  ] as const)('can be a lie: %s', async (says, shares) => {
    const { hypervisor, stats, pass } = await bench({ statsPeriod: 1 });
    hypervisor.control.inject('vm-1', { kind: 'lies', says });
    pass(10);
    const seen = new Set<number>();
    for (let i = 0; i < 4; i++) {
      pass(1);
      const { usable = -1, available = 1 } = await stats();
      seen.add(usable / available);
    }

    expect(seen).toEqual(new Set(shares));
  });
});

describe('memory plugged in', () => {
  it('raises maximum and size, and the balloon keeps what it has', async () => {
    const { domain, hypervisor, stats, bulk, pass } = await bench({ statsPeriod: 1 });
    pass(10);
    await domain.setMemory(HALF, { live: true });
    pass(10);
    hypervisor.control.inject('vm-1', { kind: 'hotplug', bytes: GiB });
    pass(3);

    expect(await bulk()).toMatchObject({ 'balloon.maximum': 3 * HALF, 'balloon.current': 2 * HALF });
    expect((await stats()).actual).toBe(2 * HALF);

    hypervisor.control.heal('vm-1', 'hotplug');
    pass(3);
    expect(await bulk()).toMatchObject({ 'balloon.maximum': 2 * HALF, 'balloon.current': HALF });
  });
});

it('a guest can be left out of bulk answers though it runs', async () => {
  const { hypervisor, domain, pass } = await bench();
  hypervisor.control.inject('vm-1', { kind: 'missing' });
  pass(1);

  expect(await hypervisor.allDomainStats()).toEqual([]);
  expect((await domain.info()).state).toBe('running');
});

it('one reset can bring several events', async () => {
  const { hypervisor, events, pass } = await bench({
    mishaps: [{ at: 5, mishap: { kind: 'reboot', events: 3 } }],
  });
  hypervisor.control.sync();
  pass(6);

  expect(events.filter(({ type }) => type === 'reboot')).toHaveLength(3);
});
