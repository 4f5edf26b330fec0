import { deriveSeed, randomAt } from '../../hypervisor/simulated/random.ts';
import type { Ratio } from '../../model/units.ts';
import type { Draw } from './amounts.ts';

/** The place of one guest among those of its class. */
export interface Rank {
  readonly seed: number;
  readonly index: number;
  readonly count: number;
}

/**
 * One guest's value of a draw. The guests of a class share the quantiles out among themselves, in an order that is the seed's and
 * the label's: so even a small class has the distribution that is written down, and what they draw for two labels is unrelated.
 */
export function drawn<T>(draw: Draw<T>, number: (value: T) => number, rank: Rank, label: string): number {
  if ('value' in draw) return number(draw.value);
  const quantile = quantileOf(rank, label);
  if ('from' in draw) return lerp(number(draw.from), number(draw.to), quantile);
  const [p5, p50, p95] = [draw.p5, draw.p50, draw.p95].map(value => Math.log(Math.max(1e-9, number(value))));
  return Math.exp(
    quantile < 0.5
      ? lerp(p5 ?? 0, p50 ?? 0, (quantile - 0.05) / 0.45)
      : lerp(p50 ?? 0, p95 ?? 0, (quantile - 0.5) / 0.45),
  );
}

function quantileOf({ seed, index, count }: Rank, label: string): Ratio {
  const stream = deriveSeed(seed, label);
  if (count === 1) return randomAt(stream, 0);
  const own = randomAt(stream, index);
  let before = 0;
  for (let other = 0; other < count; other++) {
    const value = randomAt(stream, other);
    if (value < own || (value === own && other < index)) before++;
  }
  return (before + 0.5) / count;
}

function lerp(from: number, to: number, share: Ratio): number {
  return from + (to - from) * share;
}
