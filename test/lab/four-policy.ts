import { type Bytes, MiB, type Ratio, type Seconds } from '../../src/model/units.ts';
import { labPolicy } from './policy.ts';

/** Share of its maximum that every guest of the four scripts is sure of. */
export const GUARANTEE: Ratio = 0.2;

/** How often they are looked at. */
export const INTERVAL: Seconds = 0.1;

/**
 * The policy that the four scripts are played to. Half of what nobody needs is headroom of the guests, for their programs take memory
 * faster than any donor gives it, and half is kept for the first to ask; the interval is short for the same reason. The guests
 * are alike, so a shortage is shared.
 *
 * @param memory of the host, as a policy says it
 * @param reserve bytes that are no guest's: 64 MiB, and in a pool of fixed size what each QEMU holds beside its guest
 */
export function fourPolicy(memory: string, reserve: Bytes): string {
  return labPolicy({
    host: {
      mode: 'enforce',
      interval: `${INTERVAL * 1000}ms`,
      memory,
      reserve: { bytes: `${Math.ceil(reserve / MiB)}MiB`, percent: 0, select: 'max' },
      shortage: 'share',
    },
    guest: {
      guarantees: { min: `${GUARANTEE * 100}%`, max: '100%', reserve: '32MiB' },
      estimate: { signal: 'used', window: '2s', quantile: 0.95, growth: '2s' },
      target: 'guest.demand + 32 * MiB + 0.4 * host.available / host.guests',
      idleTax: 0.99,
      behavior: {
        tolerance: { percent: 2, bytes: '8MiB' },
        shrink: { at: ['none'], step: { max: '100%', min: '4MiB' }, cooldown: '3s' },
        grow: { step: { max: '100%' }, cooldown: '0s' },
      },
    },
  });
}
