/**
 * Hyper-V Dynamic Memory: a guest gets what its programs have committed and a buffer of a fifth, between its minimum and maximum.
 * When that does not fit, buffers shrink first. Its own hot-add and balloon are one balloon here, and so is smart paging left out.
 *
 * Not published, and assumed here: that it looks every 5 s, and that weights are equal.
 */
import type { Bytes, Ratio } from '../../model/units.ts';
import type { Algorithm, Baseline } from './baseline.ts';

const BUFFER: Ratio = 0.2;

export interface HypervGuest {
  readonly id: string;
  readonly committed: Bytes;
  readonly min: Bytes;
  readonly max: Bytes;
}

/** @param pool what there is for all guests */
export function hypervTargets(guests: readonly HypervGuest[], pool: Bytes): Map<string, Bytes> {
  const within = ({ min, max }: HypervGuest, bytes: Bytes) => Math.min(max, Math.max(min, bytes));
  const wants = guests.map(guest => within(guest, guest.committed * (1 + BUFFER)));
  const needs = guests.map(guest => within(guest, guest.committed));
  const least = guests.map(({ min, max }) => Math.min(min, max));
  const sizes = spread(wants, needs, pool) ?? spread(needs, least, pool) ?? least;
  return new Map(guests.map(({ id }, i) => [id, sizes[i] ?? 0]));
}

/** The upper sizes, or between them and the lower ones as far as the pool reaches; undefined when it does not reach these. */
function spread(upper: readonly Bytes[], lower: readonly Bytes[], pool: Bytes): Bytes[] | undefined {
  const sum = (sizes: readonly Bytes[]) => sizes.reduce((total, size) => total + size, 0);
  const [most, least] = [sum(upper), sum(lower)];
  if (most <= pool) return [...upper];
  if (least > pool) return undefined;
  const share = (pool - least) / (most - least);
  return upper.map((size, i) => (lower[i] ?? 0) + share * (size - (lower[i] ?? 0)));
}

function start(): Algorithm {
  return ({ host, guests }) =>
    hypervTargets(
      guests.map(({ id, committed, min, max }) => ({ id, committed, min, max })),
      host.capacity,
    );
}

export const hyperv: Baseline = { name: 'hyperv', intervalSeconds: 5, statsPeriod: 5, start };
