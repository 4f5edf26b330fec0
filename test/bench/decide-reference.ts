/**
 * The least that a controller can do for the same outcome: one loop over arrays, written for one policy, that changes what it
 * has in place, explains nothing and keeps no history of its moves. What `decide()` costs beyond it is the price of a policy
 * language, of stages that can be read, and of purity.
 */
import { absoluteReserve } from '../../src/model/floor.ts';
import { type GuestSample, type Snapshot, trusted } from '../../src/model/snapshot.ts';
import { type Bytes, MiB } from '../../src/model/units.ts';

const SLOTS = 24;
const RESERVE = 256 * MiB;

export interface Reference {
  /** One tick; gives the sum of the targets. */
  tick(snapshot: Snapshot, now: number): Bytes;
}

/** Demand over ten minutes, 15 % headroom, a quarter guaranteed, steps of a tenth every 15 s, shares with an idle tax. */
export function createReference(guests: number): Reference {
  const peaks = new Float64Array(guests * SLOTS);
  const targets = new Float64Array(guests);
  const wanted = new Float64Array(guests);
  const least = new Float64Array(guests);
  const demands = new Float64Array(guests);
  const shrunkAt = new Float64Array(guests).fill(Number.NEGATIVE_INFINITY);
  const window = new Float64Array(SLOTS);

  function demandOf(i: number, used: Bytes, now: number): Bytes {
    const slot = Math.floor(now / 25) % SLOTS;
    const at = i * SLOTS + slot;
    peaks[at] = Math.max(peaks[at] ?? 0, used);
    window.set(peaks.subarray(i * SLOTS, (i + 1) * SLOTS));
    window.sort();
    return Math.max(used, window[Math.ceil(0.95 * SLOTS) - 1] ?? 0);
  }

  function want(i: number, sample: GuestSample, now: number): Bytes {
    const { max, used, current, total } = sample.readings;
    const size = trusted(max);
    const use = trusted(used);
    const has = trusted(current);
    const seen = trusted(total);
    if (size === undefined || use === undefined || has === undefined || seen === undefined) return 0;
    const need = use + (has - seen);
    const demand = demandOf(i, need, now);
    demands[i] = demand;
    least[i] = Math.max(size / 4, need + absoluteReserve(size));
    const want = Math.min(size, Math.max(least[i] ?? 0, demand + Math.max(RESERVE, demand * 0.15)));
    wanted[i] = want;
    return want;
  }

  return {
    tick({ guests: samples, host }, now) {
      let sum = 0;
      for (let i = 0; i < samples.length; i++) {
        const sample = samples[i];
        if (sample !== undefined) sum += want(i, sample, now);
      }
      const budget = (host.readings.total.value ?? 0) * 0.94;
      const idle = sum - demands.reduce((a, b) => a + b, 0);
      const cut = sum > budget && idle > 0 ? Math.min(1, (sum - budget) / idle) : 0;
      let promised = 0;
      for (let i = 0; i < samples.length; i++) {
        const readings = samples[i]?.readings;
        const current = readings?.current.value ?? 0;
        const want = wanted[i] ?? 0;
        let target = Math.max(least[i] ?? 0, want - cut * (want - (demands[i] ?? 0)));
        if (target < current) {
          const waits =
            now - (shrunkAt[i] ?? 0) < 15 || current - target < Math.max(16 * MiB, 0.02 * current);
          target = waits ? current : Math.max(target, current - 0.1 * (readings?.max.value ?? 0));
          if (!waits) shrunkAt[i] = now;
        }
        targets[i] = target;
        promised += target;
      }
      return promised;
    },
  };
}
