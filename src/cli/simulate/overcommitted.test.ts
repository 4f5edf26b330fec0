import { describe, expect, it } from 'vitest';
import {
  createSimulatedHypervisor,
  type SimulatedHypervisor,
} from '../../hypervisor/simulated/hypervisor.ts';
import { held } from '../../hypervisor/simulated/reclaim.ts';
import { QEMU_OVERHEAD } from '../../hypervisor/simulated/scenario.ts';
import { GiB, MiB } from '../../model/units.ts';
import { findScenario } from '../connect.ts';

const { scenario: SCENARIO } = findScenario('overcommitted', undefined);
const SEEDS = [1, 2, 3, 4, 5];

interface Look {
  readonly time: number;
  readonly availableRatio: number;
  /** What the host and all guests need together: programs, kernels, QEMUs, and the free memory that kernels defend. */
  readonly need: number;
}

/** Half an hour of the scenario, looked at once a second; `manage` may move balloons. */
async function watch(
  seed: number,
  manage: (hypervisor: SimulatedHypervisor, time: number) => Promise<void>,
): Promise<{
  looks: Look[];
  hypervisor: SimulatedHypervisor;
}> {
  let time = 0;
  const clock = { now: () => ({ monotonic: time, wall: 1_700_000_000 + time }) };
  const hypervisor = createSimulatedHypervisor({ scenario: SCENARIO, clock, seed });
  for (const domain of await hypervisor.domains()) await domain.setMemoryStatsPeriod(1, { affect: 'live' });
  const looks: Look[] = [];
  for (; time < 1800; time++) {
    const { totalKib, availableKib = 0 } = await hypervisor.nodeMemory();
    const needs = hypervisor.control.guests().map(guest => {
      const { memory, parameters } = guest;
      return memory ? held(memory) + memory.kernel + parameters.watermarks.high + QEMU_OVERHEAD : 0;
    });
    const need = SCENARIO.host.overhead + needs.reduce((sum, bytes) => sum + bytes, 0);
    looks.push({ time, availableRatio: availableKib / totalKib, need });
    await manage(hypervisor, time);
  }
  return { looks, hypervisor };
}

/** A plain controller: use and a reserve, up at once, down by a tenth every 15 s when the host has less than a fifth left. */
async function moveBalloons(hypervisor: SimulatedHypervisor, time: number): Promise<void> {
  const { totalKib, availableKib = 0 } = await hypervisor.nodeMemory();
  const shrinks = time % 15 === 0 && availableKib < 0.2 * totalKib;
  for (const { domain, params } of await hypervisor.allDomainStats({ groups: ['balloon'] })) {
    const kib = (name: string): number => Number(params.get(`balloon.${name}`));
    const [current, maximum] = [kib('current'), kib('maximum')];
    const used = kib('available') - kib('usable');
    const wanted = used + Math.max(256 * 1024, 0.15 * used) + 0.04 * maximum + 30 * 1024;
    const floored = Math.max(0.25 * maximum, wanted, shrinks ? 0.9 * current : current);
    const target = Math.floor(Math.min(maximum, floored));
    if (Math.abs(target - current) > 16 * 1024)
      await hypervisor.domain(domain).setMemory(target, { live: true });
  }
}

describe('sim:///overcommitted', () => {
  it('promises 1.6 to 1.8 times the memory of the host', () => {
    const promised = SCENARIO.guests.reduce((sum, guest) => sum + guest.maximum, 0);
    expect(promised / SCENARIO.host.memory).toBeGreaterThan(1.6);
    expect(promised / SCENARIO.host.memory).toBeLessThan(1.8);
  });

  it.each(SEEDS)(
    'gets short within three minutes when nobody moves balloons, and does not fit later (seed %i)',
    async seed => {
      const { looks, hypervisor } = await watch(seed, async () => {});
      expect(looks.find(({ availableRatio }) => availableRatio < 0.2)?.time).toBeLessThan(75);
      expect(looks.find(({ availableRatio }) => availableRatio < 0.08)?.time).toBeLessThan(180);
      expect(hypervisor.control.harm().hostOverrunSeconds).toBeGreaterThan(1000);
    },
  );

  it.each(SEEDS)('never needs the whole host, so that a controller hurts nobody (seed %i)', async seed => {
    const { looks, hypervisor } = await watch(seed, moveBalloons);
    expect(Math.max(...looks.map(({ need }) => need))).toBeLessThan(0.85 * SCENARIO.host.memory);
    const { guests, hostOverrunSeconds } = hypervisor.control.harm();
    expect(hostOverrunSeconds).toBe(0);
    for (const harm of guests.values()) expect(harm).toMatchObject({ oomKills: 0, stallSeconds: 0 });
    expect(Math.min(...looks.map(({ availableRatio }) => availableRatio))).toBeGreaterThan(0.02);
  });

  it('is lively: within two minutes most guests shrink and some grow', async () => {
    const directions = new Map<string, Set<'shrinks' | 'grows'>>();
    const sizes = new Map<string, number>();
    const { hypervisor } = await watch(1, async (hypervisor, time) => {
      await moveBalloons(hypervisor, time);
      if (time > 120) return;
      for (const guest of hypervisor.control.guests()) {
        const before = sizes.get(guest.name) ?? guest.balloon.actual;
        const seen = directions.get(guest.name) ?? new Set();
        if (guest.balloon.actual < before - 16 * MiB) seen.add('shrinks');
        if (guest.balloon.actual > before + 16 * MiB) seen.add('grows');
        directions.set(guest.name, seen);
        sizes.set(guest.name, guest.balloon.actual);
      }
    });
    const count = (direction: 'shrinks' | 'grows'): number =>
      [...directions.values()].filter(seen => seen.has(direction)).length;
    expect(hypervisor.control.guests()).toHaveLength(12);
    expect(count('shrinks')).toBeGreaterThan(6);
    expect(count('grows')).toBeGreaterThan(2);
    expect(SCENARIO.host.memory).toBe(24 * GiB);
  });
});
