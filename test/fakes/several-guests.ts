/** Guests of a fake hypervisor, to add and to spoil, and a collector over them. */
import { fileURLToPath } from 'node:url';
import type { Pool } from '../../src/collectors/host/pool.ts';
import type { Problem } from '../../src/collectors/problems.ts';
import { GiB } from '../../src/model/units.ts';
import { balloonParams } from './balloon-params.ts';
import { collectorOver, STALE_AFTER } from './collector.ts';
import { createFakeClock } from './fake-clock.ts';
import { createFakeHypervisor } from './fake-hypervisor.ts';

export function severalGuests(pool: Pool = { kind: 'size', bytes: 4 * GiB }, local = false) {
  const clock = createFakeClock();
  const hypervisor = createFakeHypervisor({ local });
  const settings = { pool, staleAfterSeconds: STALE_AFTER, intervalSeconds: 1 };
  const procRoot = fileURLToPath(new URL('../fixtures/host-v2', import.meta.url));
  const collector = collectorOver({ hypervisor, clock, procRoot, ...settings });
  const problems: Problem[] = [];
  collector.problems.subscribe(problem => problems.push(problem));
  const fresh = (rss = 600) => balloonParams({ lastUpdate: clock.now().wall, rss });
  return {
    ...{ clock, hypervisor, collector, settings, fresh },
    /** Without the one about guests whose period is not set: nothing arms them here. */
    edges: () =>
      problems
        .filter(({ source }) => source !== 'stats-period')
        .map(({ source, error }) => [source, error?.code]),
    add: (name: string, rss?: number) => hypervisor.add(name, { balloon: fresh(rss) }),
  };
}
