/** How far the model is from what was recorded. */
import type { Ratio } from '../../src/model/units.ts';
import { AMOUNTS, FIGURES, type Figure, type Recording, readRecording } from './recording.ts';
import type { Figures } from './replay.ts';
import type { CalibrationScript } from './script.ts';

export interface FigureError {
  readonly median: Ratio;
  readonly p95: Ratio;
  /** The mean: a moment that the two others do not see counts too. */
  readonly mean: Ratio;
}

export interface Played {
  readonly script: CalibrationScript;
  readonly recording: Recording;
  readonly model: Figures;
}

/** Whose counters are the measure of all: it swaps much, and is touched all the time. */
export const YARDSTICK = 'demand';

/**
 * Errors of one figure over all moments of some scripts: amounts as a share of the guest's maximum, counters as a share of what they
 * came to in the script that is the yardstick.
 */
export function errorOf(figure: Figure, played: readonly Played[]): FigureError {
  const most = readRecording(YARDSTICK).figures[figure].at(-1) ?? Number.NaN;
  const shares = played
    .flatMap(({ script, recording, model }) => {
      const whole = AMOUNTS.includes(figure) ? script.memory / 1024 : most;
      return recording.figures[figure].map((real, i) => Math.abs((model[figure][i] ?? 0) - real) / whole);
    })
    .toSorted((a, b) => a - b);
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return { median: quantile(shares, 0.5), p95: quantile(shares, 0.95), mean };
}

/** What a fit makes small: every figure's median, p95 and mean, each by its aim. */
export function lossOf(played: readonly Played[]): number {
  return FIGURES.reduce((sum, figure) => {
    const { median, p95, mean } = errorOf(figure, played);
    return sum + median / 0.03 + p95 / 0.08 + mean / 0.03;
  }, 0);
}

function quantile(sorted: readonly number[], share: Ratio): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
