import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../model/units.ts';
import { KERNEL } from './calibrated.ts';
import { noHarm } from './guest-model.ts';
import { PAGE } from './pages.ts';
import { held } from './reclaim.ts';
import { guest, run } from './testing.ts';

describe('a guest that is short of memory', () => {
  it('defends its watermarks: when free memory runs low, cold pages are swapped out until there is enough again', () => {
    const subject = guest();
    const { memory, parameters } = subject;
    const { min, low, high } = parameters.watermarks;
    const demand = parameters.maximum - parameters.kernel - (min + low) / 2;
    run(subject, 20, { demand, target: 4 * GiB });
    expect(memory.swapOut).toBeGreaterThan(0);
    expect(memory.free).toBeGreaterThanOrEqual(low);
    expect(memory.free).toBeLessThanOrEqual(high);
  });

  it('calls the OOM killer when a squeezed guest without swap wants more than it has', () => {
    const subject = guest({ swap: 0 });
    run(subject, 5, { demand: 1 * GiB, target: 1.5 * GiB });
    expect(subject.harm).toEqual(noHarm());
    run(subject, 3, { demand: 2 * GiB, target: 1.5 * GiB });
    expect(subject.harm.oomKills).toBe(1);
    expect(subject.harm.stallSeconds).toBeGreaterThan(0.4);
    expect(subject.harm.shortageByteSeconds).toBeGreaterThan(0.1 * GiB);
    expect(subject.memory.anonymous).toBe(0);
    run(subject, 5, { demand: 1 * GiB, target: 1.5 * GiB });
    expect(subject.memory.anonymous).toBe(1 * GiB);
  });

  it('swaps before it kills, and the programs lose time to it', () => {
    const subject = guest();
    run(subject, 5, { demand: 1 * GiB, target: 1.5 * GiB });
    expect(subject.harm.stallSeconds).toBe(0);
    run(subject, 20, { demand: 1.8 * GiB, target: 1.5 * GiB });
    expect(subject.harm.oomKills).toBe(0);
    expect(subject.memory.swapOut).toBeGreaterThan(300 * MiB);
    expect(subject.harm.stallSeconds).toBeGreaterThan(1);
    expect(held(subject.memory)).toBe(Math.floor((1.8 * GiB) / PAGE) * PAGE);
  });

  it('thrashes when what is touched all the time does not fit: both swap counters run, and nothing gets done', () => {
    const subject = guest({ hotShare: 0.95, swap: 2 * GiB });
    run(subject, 20, { demand: 2 * GiB, target: 1.5 * GiB });
    const { swapIn, swapOut, swapped } = subject.memory;
    const { stallSeconds } = subject.harm;
    run(subject, 5, { demand: 2 * GiB, target: 1.5 * GiB });
    expect(subject.memory.swapped).toBe(swapped);
    expect(subject.memory.swapIn - swapIn).toBeGreaterThan(300 * MiB);
    expect(subject.memory.swapOut - swapOut).toBeGreaterThan(300 * MiB);
    expect(subject.harm.stallSeconds - stallSeconds).toBeCloseTo(5, 0);
    const carried = subject.memory.swapIn - swapIn + subject.memory.swapOut - swapOut;
    expect(carried).toBeLessThanOrEqual(5 * subject.parameters.swapInRate);
  });

  it('brings hot pages back as soon as there is room, and cold ones by and by', () => {
    const subject = guest({ hotShare: 0.9, swap: 2 * GiB });
    run(subject, 20, { demand: 2 * GiB, target: 1.5 * GiB });
    const swapped = subject.memory.swapped;
    run(subject, 5, { demand: 2 * GiB, target: 4 * GiB });
    const { hotShare } = subject.parameters;
    expect(subject.memory.swapped).toBeLessThanOrEqual((1 - hotShare) * 2 * GiB);
    expect(subject.memory.swapped).toBeLessThan(swapped);
    const cold = subject.memory.swapped;
    run(subject, 60, { demand: 2 * GiB, target: 4 * GiB });
    expect(subject.memory.swapped).toBeLessThan(cold);
    expect(subject.memory.swapped).toBeGreaterThan(0.8 * cold);
  });

  it('does not count dropped swap slots as swap-in', () => {
    const subject = guest({ hotShare: 0 });
    run(subject, 10, { demand: 2 * GiB, target: 1.5 * GiB });
    const before = subject.memory.swapIn;
    expect(subject.memory.swapped).toBeGreaterThan(400 * MiB);
    run(subject, 1, { demand: 0, target: 1.5 * GiB });
    expect(subject.memory.swapped).toBe(0);
    expect(subject.memory.swapIn).toBe(before);
  });

  it('touches all that it holds in turn, and brings back what of it is swapped even where that drives out the rest', () => {
    const idle = guest({ hotShare: 0, swap: 2 * GiB });
    const busy = guest({ hotShare: 0, swap: 2 * GiB, touchRate: 64 * MiB });
    for (const subject of [idle, busy]) run(subject, 30, { demand: 2 * GiB, target: 1.5 * GiB });
    expect(busy.memory.swapIn - idle.memory.swapIn).toBeGreaterThan(300 * MiB);
    expect(busy.memory.swapped).toBeCloseTo(idle.memory.swapped, -8);
    // The rarer what is swapped, the less of it is come by.
    run(busy, 60, { demand: 2 * GiB, target: 4 * GiB });
    expect(busy.memory.swapped).toBeLessThan(4 * MiB);
  });

  it('counts what has come back from swap as cache as long as it keeps its place there', () => {
    const subject = guest({ hotShare: 0, swap: 2 * GiB, touchRate: 256 * MiB });
    run(subject, 20, { demand: 2 * GiB, target: 1.5 * GiB });
    run(subject, 30, { demand: 2 * GiB, target: 4 * GiB });
    expect(subject.memory.swapped).toBe(0);
    expect(subject.memory.swapCached).toBeGreaterThan(500 * MiB);
    run(subject, 1, { demand: 0, target: 4 * GiB });
    expect(subject.memory.swapCached).toBe(0);
  });

  it('writes whole huge pages to swap to free a part of them', () => {
    const runs = [true, false].map(hugePages => {
      const subject = guest({ hotShare: 0, swap: 4 * GiB, swapOutRate: 64 * GiB, hugePages });
      run(subject, 30, { demand: 2 * GiB, target: 2.16 * GiB });
      return subject.memory;
    });
    const [huge, small] = runs;
    expect(small?.swapOut).toBeGreaterThan(0);
    expect(small?.written).toBe(0);
    expect(small?.swapOut).toBe(small?.swapped);
    expect((huge?.written ?? 0) / (huge?.swapOut ?? 1)).toBeCloseTo(KERNEL.kept, 1);
  });

  it('writes little more than it frees where it frees a lot', () => {
    const subject = guest({ hotShare: 0, swap: 4 * GiB, swapOutRate: 64 * GiB });
    const { memory } = subject;
    run(subject, 30, { demand: 2 * GiB, target: 1.5 * GiB });
    expect(memory.swapped).toBeGreaterThan(5 * KERNEL.keptMost);
    expect(memory.written).toBeCloseTo(KERNEL.keptMost, -6);
    expect(memory.swapOut).toBe(memory.swapped + memory.written);
  });

  it('keeps locked memory out of swap and out of the reach of the OOM killer', () => {
    const subject = guest({ hotShare: 0, locked: 300 * MiB, swap: 4 * GiB });
    run(subject, 10, { demand: 1 * GiB, target: 4 * GiB });
    run(subject, 30, { demand: 1 * GiB, target: 200 * MiB });
    expect(subject.memory.anonymous).toBe(300 * MiB);
    const killed = guest({ locked: 300 * MiB, swap: 0 });
    run(killed, 3, { demand: 5 * GiB, target: 4 * GiB });
    run(killed, 1, { demand: 5 * GiB, target: 4 * GiB });
    expect(killed.harm.oomKills).toBeGreaterThan(0);
    expect(killed.memory.anonymous).toBeGreaterThanOrEqual(300 * MiB);
  });
});
