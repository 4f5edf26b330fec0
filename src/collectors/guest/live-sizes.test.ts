import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { balloonParams } from '../../../test/fakes/balloon-params.ts';
import { createFakeClock } from '../../../test/fakes/fake-clock.ts';
import { createFakeHypervisor, type FakeDomain } from '../../../test/fakes/fake-hypervisor.ts';
import { systemTimer, type Timer } from '../../model/clock.ts';
import { BallonetError } from '../../model/errors.ts';
import { MEMORY_STAT_TAG, type MemoryStat } from '../../model/memory-stats.ts';
import { type Bytes, KiB, MiB, type Seconds } from '../../model/units.ts';
import { createCollector } from '../snapshot.ts';

const size = (bytes: Bytes): MemoryStat[] => [{ tag: MEMORY_STAT_TAG.actual, value: bytes / KiB }];

function setUp(timer: Timer = systemTimer) {
  const clock = createFakeClock();
  const hypervisor = createFakeHypervisor();
  const procRoot = fileURLToPath(new URL('../../../test/fixtures/host-v2', import.meta.url));
  const settings = { pool: { kind: 'size', bytes: 4096 * MiB }, staleAfterSeconds: 10 } as const;
  const collector = createCollector({
    hypervisor,
    clock,
    timer,
    procRoot,
    arm: false,
    ...settings,
    intervalSeconds: 0.25,
  });
  return {
    hypervisor,
    add: (name: string) =>
      hypervisor.add(name, { balloon: balloonParams({ lastUpdate: clock.now().wall, rss: 600 }) }),
    /** The sizes that the next tick finds. */
    tick: async (after: Seconds = 0.25) => {
      clock.advance(after);
      const { guests } = await collector.collect();
      return guests.map(({ readings }) => (readings.current.value ?? 0) / MiB);
    },
  };
}

/** An event told libvirt that the balloon is at this size; where it is by now, QEMU knows. */
function moves(domain: FakeDomain, toldMiB: number, nowMiB: number): void {
  domain.balloon['balloon.current'] = toldMiB * 1024;
  domain.stats = size(nowMiB * MiB);
}

describe('the size of a guest whose balloon moves', () => {
  it('is asked of QEMU, as the events tell of it late', async () => {
    const { tick, add, hypervisor } = setUp();
    const guest = add('a');
    add('b');
    const [before] = await tick();
    moves(guest, 900, 700);
    expect(await tick()).toEqual([700, before]);
    moves(guest, 900, 600);
    expect(await tick()).toEqual([600, before]);
    expect(hypervisor.calls.memoryStats).toEqual(['a', 'a']);
  });

  it('is asked for until it has stood for as long as an event may be late', async () => {
    const { tick, add, hypervisor } = setUp();
    const guest = add('a');
    await tick();
    moves(guest, 900, 900);
    for (let i = 0; i < 20; i++) await tick();
    expect(hypervisor.calls.memoryStats.length).toBe(8);
  });

  it('is the one of the bulk answer where QEMU gives none, and QEMU is left alone then', async () => {
    const { tick, add, hypervisor } = setUp();
    const guest = add('a');
    await tick();
    moves(guest, 900, 700);
    guest.stats = new BallonetError('OPERATION_BUSY', 'a job');
    expect(await tick()).toEqual([900]);
    moves(guest, 800, 700);
    expect(await tick()).toEqual([800]);
    moves(guest, 750, 700);
    expect(await tick(40)).toEqual([700]);
    expect(hypervisor.calls.memoryStats.length).toBe(2);
  });

  it('is not asked of a guest that a job holds, nor of one that has memory beside its balloon', async () => {
    const { tick, add, hypervisor } = setUp();
    const [held, plugged] = [add('held'), add('plugged')];
    plugged.xml = `<domain type='kvm'><devices><memory model='virtio-mem'/><memballoon model='virtio'/></devices></domain>`;
    await tick();
    held.balloon = { 'balloon.current': 900 * 1024, 'balloon.maximum': 1024 * 1024 };
    moves(plugged, 900, 700);
    expect(await tick()).toEqual([900, 900]);
    expect(hypervisor.calls.memoryStats).toEqual([]);
  });
});

describe('a guest that does not say its size', () => {
  it('is waited for no longer than the timer says, and its size of the bulk answer stands', async () => {
    const rings: (() => void)[] = [];
    const timer: Timer = (seconds, then) => {
      expect(seconds).toBeGreaterThan(0);
      rings.push(then);
      return () => {};
    };
    const { tick, add } = setUp(timer);
    const guest = add('a');
    await tick();
    moves(guest, 900, 700);
    guest.stats = new Promise(() => {});
    let over = false;
    const ticked = tick().finally(() => {
      over = true;
    });
    while (rings.length === 0) await new Promise(resolve => setImmediate(resolve));
    expect(over).toBe(false);
    rings[0]?.();
    expect(await ticked).toEqual([900]);
  });
});
