/**
 * What a guest's programs want of memory over time. A demand is data, so that a scenario can be written down, and becomes a
 * pure function of the scenario's time: it keeps no state and does not care how often it is asked. Only IEEE 754 basic
 * operations are used, so that (scenario, seed) gives the same guests on every machine.
 */
import type { Bytes, Ratio, Seconds } from '../../model/units.ts';
import { deriveSeed, randomAt } from './random.ts';

export type DemandSpec =
  | { readonly kind: 'constant'; readonly bytes: Bytes }
  /** Levels in turn, over and over; each level of each round differs by up to `jitter` of itself. */
  | {
      readonly kind: 'steps';
      readonly levels: readonly { readonly bytes: Bytes; readonly seconds: Seconds }[];
      readonly jitter?: Ratio;
      readonly offset?: Seconds;
    }
  /** Rests low, rises, holds high, falls, over and over; the height of each round differs by up to `jitter` of itself. */
  | {
      readonly kind: 'ramps';
      readonly low: Bytes;
      readonly high: Bytes;
      readonly rest: Seconds;
      readonly rise: Seconds;
      readonly hold: Seconds;
      readonly fall: Seconds;
      readonly jitter?: Ratio;
      readonly offset?: Seconds;
    }
  /** A smooth day of `period`; `phase` 0 starts at the bottom, 0.5 at the top. */
  | {
      readonly kind: 'diurnal';
      readonly low: Bytes;
      readonly high: Bytes;
      readonly period: Seconds;
      readonly phase?: Ratio;
    }
  /** One chance of a burst in every slot of `every` seconds: it rises in `rise`, lasts `length`, falls in `rise`. */
  | {
      readonly kind: 'bursts';
      readonly base: Bytes;
      readonly peak: readonly [least: Bytes, most: Bytes];
      readonly every: Seconds;
      readonly length: readonly [least: Seconds, most: Seconds];
      readonly rise: Seconds;
      readonly chance: Ratio;
    }
  /** Stays around `level`, wandering by up to `wobble` of it from one `over` seconds to the next. */
  | { readonly kind: 'plateau'; readonly level: Bytes; readonly wobble: Ratio; readonly over: Seconds }
  | { readonly kind: 'sum'; readonly parts: readonly DemandSpec[] }
  /** What was recorded, straight between two samples; before the first and after the last it stays as they are. */
  | {
      readonly kind: 'trace';
      /** Rising, from 0. */
      readonly times: readonly Seconds[];
      readonly bytes: readonly Bytes[];
      /** Begin anew at the end: its first value comes as long after the last one as that came after the one before. */
      readonly repeat?: boolean;
    }
  /** The same, this much later; what would lie before the start is the start. */
  | { readonly kind: 'delayed'; readonly by: Seconds; readonly demand: DemandSpec }
  /** Draws its chances from a seed of its own, so that guests that share the seed do the same at the same time. */
  | { readonly kind: 'seeded'; readonly seed: number; readonly demand: DemandSpec };

/** Bytes of anonymous memory wanted at a moment of the scenario. Never negative. */
export type Demand = (time: Seconds) => Bytes;

/** Makes the function of time. The same (spec, seed) gives the same demand for ever. */
export function createDemand(spec: DemandSpec, seed: number): Demand {
  switch (spec.kind) {
    case 'constant':
      return () => spec.bytes;
    case 'steps':
      return steps(spec, seed);
    case 'ramps':
      return ramps(spec, seed);
    case 'diurnal':
      return time => {
        const turn = fraction(time / spec.period + (spec.phase ?? 0));
        return lerp(spec.low, spec.high, smooth(1 - Math.abs(2 * turn - 1)));
      };
    case 'bursts':
      return bursts(spec, seed);
    case 'plateau':
      return plateau(spec, seed);
    case 'trace':
      return trace(spec);
    case 'delayed': {
      const demand = createDemand(spec.demand, seed);
      return time => demand(Math.max(0, time - spec.by));
    }
    case 'seeded':
      return createDemand(spec.demand, spec.seed);
    case 'sum':
      break;
  }
  const parts = spec.parts.map((part, i) => createDemand(part, deriveSeed(seed, `part ${i}`)));
  return time => {
    let sum = 0;
    for (const part of parts) sum += part(time);
    return sum;
  };
}

function steps(spec: DemandSpec & { kind: 'steps' }, seed: number): Demand {
  const cycle = spec.levels.reduce((sum, level) => sum + level.seconds, 0);
  return time => {
    const moment = time + (spec.offset ?? 0);
    const round = Math.floor(moment / cycle);
    let left = moment - round * cycle;
    let index = 0;
    for (const level of spec.levels) {
      if (left < level.seconds || index === spec.levels.length - 1) {
        return level.bytes * jitter(spec.jitter, seed, round * spec.levels.length + index);
      }
      left -= level.seconds;
      index++;
    }
    return 0;
  };
}

function ramps(spec: DemandSpec & { kind: 'ramps' }, seed: number): Demand {
  const { rest, rise, hold, fall } = spec;
  const cycle = rest + rise + hold + fall;
  return time => {
    const moment = time + (spec.offset ?? 0);
    const round = Math.floor(moment / cycle);
    const high = Math.max(spec.low, spec.high * jitter(spec.jitter, seed, round));
    return lerp(spec.low, high, trapezium(moment - round * cycle - rest, rise, hold, fall));
  };
}

function plateau({ level, wobble, over }: DemandSpec & { kind: 'plateau' }, seed: number): Demand {
  // What was drawn for the slot that was asked for last: time goes on slowly, and drawing is most of the work.
  let known = Number.NaN;
  let from: Ratio = 0;
  let to: Ratio = 0;
  return time => {
    const slot = Math.floor(time / over);
    if (slot !== known) {
      known = slot;
      from = randomAt(seed, slot);
      to = randomAt(seed, slot + 1);
    }
    return level * (1 + wobble * (2 * lerp(from, to, smooth(time / over - slot)) - 1));
  };
}

function bursts(spec: DemandSpec & { kind: 'bursts' }, seed: number): Demand {
  const { base, every, rise, chance } = spec;
  const [shortest, longest] = spec.length;
  const [least, most] = spec.peak;
  // As in `plateau`.
  let known = Number.NaN;
  let happens = false;
  let length: Seconds = 0;
  let begins: Seconds = 0;
  let peak: Bytes = 0;
  return time => {
    const slot = Math.floor(time / every);
    if (slot !== known) {
      known = slot;
      happens = randomAt(seed, slot * 4) < chance;
      length = Math.min(lerp(shortest, longest, randomAt(seed, slot * 4 + 1)), every - 2 * rise);
      begins = slot * every + randomAt(seed, slot * 4 + 2) * (every - 2 * rise - length);
      peak = lerp(least, most, randomAt(seed, slot * 4 + 3));
    }
    if (!happens) return base;
    const height = trapezium(time - begins, rise, length, rise);
    return height === 0 ? base : lerp(base, peak, height);
  };
}

function trace({ times, bytes, repeat }: DemandSpec & { kind: 'trace' }): Demand {
  const end = times.at(-1) ?? 0;
  // A recording tells of nothing that is faster than its samples, and its end and its beginning are seldom alike.
  const round = repeat === true ? end + (end - (times.at(-2) ?? end)) : 0;
  const first = bytes[0] ?? 0;
  return time => {
    const moment = round > 0 ? time - Math.floor(time / round) * round : time;
    let [low, high] = [0, times.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((times[middle] ?? 0) <= moment) low = middle;
      else high = middle - 1;
    }
    const [from, to = round] = [times[low] ?? 0, times[low + 1]];
    const value = bytes[low] ?? 0;
    if (moment <= from || to <= from) return value;
    return lerp(value, bytes[low + 1] ?? first, (moment - from) / (to - from));
  };
}

/** 0 before 0, up to 1 in `rise`, 1 for `hold`, down to 0 in `fall`, 0 after. */
function trapezium(moment: Seconds, rise: Seconds, hold: Seconds, fall: Seconds): Ratio {
  if (moment < 0 || moment >= rise + hold + fall) return 0;
  if (moment < rise) return moment / rise;
  if (moment < rise + hold) return 1;
  return (rise + hold + fall - moment) / fall;
}

function jitter(share: Ratio | undefined, seed: number, index: number): Ratio {
  return 1 + (share ?? 0) * (2 * randomAt(seed, index) - 1);
}

function lerp(from: number, to: number, share: Ratio): number {
  return from + (to - from) * share;
}

/** Smoothstep: 0 at 0, 1 at 1, flat at both ends. */
function smooth(share: Ratio): Ratio {
  return share * share * (3 - 2 * share);
}

function fraction(value: number): Ratio {
  return value - Math.floor(value);
}
