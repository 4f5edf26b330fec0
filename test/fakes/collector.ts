import { type Collector, type CollectorOptions, createCollector } from '../../src/collectors/snapshot.ts';
import { GiB } from '../../src/model/units.ts';

export const STALE_AFTER = 10;

/** A collector that ticks every second, for a pool of 4 GiB, and sets no period unless told. */
export function collectorOver(
  options: Pick<CollectorOptions, 'hypervisor' | 'clock'> & Partial<CollectorOptions>,
): Collector {
  return createCollector({
    pool: { kind: 'size', bytes: 4 * GiB },
    staleAfterSeconds: STALE_AFTER,
    intervalSeconds: 1,
    arm: false,
    ...options,
  });
}
