/**
 * A proportional-integral controller for each guest by itself (qemus/qemu, balloon): the host is to be four fifths in use. The part
 * of it that follows the host's PSI has nothing to follow here.
 */
import { type Bytes, MiB, type Ratio } from '../../model/units.ts';
import type { Algorithm, Baseline } from './baseline.ts';

const HOST_USE: Ratio = 0.8;
/** Above this the guest's own use is no floor any more. */
const HOST_CRITICAL: Ratio = 0.9;
const [PROPORTIONAL, INTEGRAL] = [0.5, 0.05];
const INTERVAL = 5;
const LEAST_SHARE: Ratio = 0.33;
const LEAST_MOVE: Bytes = 128 * MiB;

export interface PiGuest {
  readonly size: Bytes;
  readonly max: Bytes;
  /** Total less available, as the guest reports them. */
  readonly used: Bytes;
}

export interface PiStep {
  readonly integral: number;
  /** Undefined: too little to move for. */
  readonly target: Bytes | undefined;
}

/** @param available share of the host that is available */
export function piStep(before: number, available: Ratio, { size, max, used }: PiGuest): PiStep {
  const error = 1 - HOST_USE - available;
  const integral = clamp(before + error * INTERVAL, -1, 1);
  const asked = size - (PROPORTIONAL * error + INTEGRAL * integral) * max;
  const least = LEAST_SHARE * max;
  const lower = 1 - available > HOST_CRITICAL ? least : Math.max(least, used);
  const target = clamp(asked, Math.min(lower, max), max);
  const bounded = target !== asked;
  // At a bound the integral is taken back to what would just have led there, so that it does not wind up.
  const unwound = bounded
    ? clamp(((size - target) / max - PROPORTIONAL * error) / INTEGRAL, -1, 1)
    : integral;
  const moves = Math.abs(target - size) >= LEAST_MOVE || (bounded && target !== size);
  return { integral: unwound, target: moves ? target : undefined };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

function start(): Algorithm {
  const integrals = new Map<string, number>();
  return ({ host, guests }) => {
    const targets = new Map<string, Bytes>();
    for (const { id, size, max, report } of guests) {
      if (report === undefined) continue;
      const used = report.total - report.available;
      const step = piStep(integrals.get(id) ?? 0, host.available / host.total, { size, max, used });
      integrals.set(id, step.integral);
      if (step.target !== undefined) targets.set(id, step.target);
    }
    return targets;
  };
}

export const pi: Baseline = { name: 'pi', intervalSeconds: INTERVAL, statsPeriod: INTERVAL, start };
