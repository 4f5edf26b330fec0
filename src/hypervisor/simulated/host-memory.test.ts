import { describe, expect, it } from 'vitest';
import type { Clock } from '../../model/clock.ts';
import { GiB, KiB, MiB } from '../../model/units.ts';
import { SimulatedHost } from './host.ts';
import { HostMemory } from './host-memory.ts';

const RATE = 256 * MiB;

/** Steps of 0.1 s. */
function pass(memory: HostMemory, seconds: number, resident: number, guests = 4): number {
  let lost = 0;
  for (let i = 0; i < seconds * 10; i++) lost += memory.step(resident, 8 * GiB, guests, 0.1) * 0.1;
  return lost;
}

describe('a host whose guests do not fit', () => {
  it('does nothing while they do', () => {
    const memory = new HostMemory(2 * GiB, RATE);
    expect(pass(memory, 60, 8 * GiB)).toBe(0);
    expect(memory.swap).toEqual({ used: 0, in: 0, out: 0 });
    expect(memory.pressure.some).toEqual([0, 0, 0]);
  });

  it('swaps out what is too much, at the speed of its device, and its guests wait', () => {
    const memory = new HostMemory(2 * GiB, RATE);
    const lost = pass(memory, 2, 9 * GiB);
    expect(memory.swap.used).toBeCloseTo(2 * RATE, -7);
    expect(lost).toBeCloseTo(2, 1);
    pass(memory, 10, 9 * GiB);
    expect(memory.swap.used).toBe(1 * GiB);
    expect(memory.pressure.some[0]).toBeGreaterThan(15);
  });

  it('keeps swapping while guests touch what is out, and has it back when there is room', () => {
    const memory = new HostMemory(2 * GiB, RATE);
    pass(memory, 20, 9 * GiB);
    const { in: before } = memory.swap;
    pass(memory, 60, 9 * GiB);
    expect(memory.swap.in - before).toBeGreaterThan(100 * MiB);
    expect(memory.swap.used).toBe(1 * GiB);
    pass(memory, 900, 7 * GiB);
    expect(memory.swap.used).toBeLessThan(10 * MiB);
    expect(memory.pressure.some[1]).toBeLessThan(1);
  });

  it('is under full pressure when there is no swap, and swaps nothing', () => {
    const memory = new HostMemory(0, RATE);
    expect(pass(memory, 60, 9 * GiB)).toBe(0);
    expect(memory.swap.used).toBe(0);
    expect(memory.pressure.some[0]).toBeGreaterThan(99);
    expect(memory.pressure.full[0]).toBeGreaterThan(99);
  });

  it('stalls all guests at once less than some of them', () => {
    const memory = new HostMemory(2 * GiB, RATE);
    pass(memory, 60, 9 * GiB);
    const { some, full } = memory.pressure;
    expect(full[0]).toBeLessThan(some[0]);
  });
});

describe('the simulated host', () => {
  const now = { monotonic: 0, wall: 0 };
  const clock: Clock = { now: () => now };
  const guest = (name: string) => ({
    name,
    maximum: 4 * GiB,
    touched: 1,
    demand: { kind: 'constant', bytes: 3 * GiB } as const,
  });

  it('tells of its swap and its pressure, and books the time that its guests lose', () => {
    const host = new SimulatedHost({
      seed: 1,
      clock,
      scenario: {
        name: 'tight',
        description: '',
        warmUp: 60,
        host: { memory: 8 * GiB, overhead: 1 * GiB, cache: 0, swap: 4 * GiB },
        guests: [guest('a'), guest('b')],
      },
    });
    const { swap, pressure, availableKib } = host.nodeMemory();
    expect((swap?.usedKib ?? 0) * KiB).toBeGreaterThan(1 * GiB);
    expect(swap?.outKib).toBeGreaterThanOrEqual(swap?.usedKib ?? Number.NaN);
    expect(pressure?.some[1]).toBeGreaterThan(0);
    expect(availableKib).toBe(0);
    expect(host.harm().hostOverrunSeconds).toBeGreaterThan(50);
    for (const harm of host.harm().guests.values()) expect(harm.stallSeconds).toBeGreaterThan(1);
  });

  it('loses memory and its daemon when that is planned, and has them back', () => {
    const host = new SimulatedHost({
      seed: 1,
      clock,
      scenario: {
        name: 'troubled',
        description: '',
        warmUp: 0,
        host: {
          memory: 8 * GiB,
          overhead: 1 * GiB,
          cache: 0,
          mishaps: [
            { at: 10, for: 10, mishap: { kind: 'offline', bytes: 2 * GiB } },
            { at: 15, for: 10, mishap: { kind: 'unreachable' } },
          ],
        },
        guests: [],
      },
    });
    const links: boolean[] = [];
    host.link.subscribe(({ up }) => links.push(up));
    const seen: unknown[] = [];
    for (const time of [5, 12, 17, 22, 27]) {
      now.monotonic = time;
      host.sync();
      seen.push([host.capacity() / GiB, host.reachable]);
    }
    expect(seen).toEqual([
      [7, true],
      [5, true],
      [5, false],
      [7, false],
      [7, true],
    ]);
    expect(links).toEqual([true, false, true]);
    expect(() => host.mustAnswer()).not.toThrow();
    now.monotonic = 0;
  });
});
