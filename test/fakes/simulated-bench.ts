/** A simulated guest on a clock that the test moves. */

import type { Domain, HypervisorEvent } from '../../src/hypervisor/driver.ts';
import {
  createSimulatedHypervisor,
  type SimulatedHypervisor,
} from '../../src/hypervisor/simulated/hypervisor.ts';
import type { GuestSpec, Scenario } from '../../src/hypervisor/simulated/scenario.ts';
import type { MemoryStatsRecord } from '../../src/model/memory-stats.ts';
import { memoryStatsToRecord } from '../../src/model/memory-stats.ts';
import { GiB, MiB } from '../../src/model/units.ts';

/** The wall clock when a bench begins. */
export const WALL = 1_700_000_000;

/** Both clocks move with `seconds`; `wallShift` sets the wall clock alone. */
export function fakeClock(): {
  seconds: number;
  wallShift: number;
  now(): { monotonic: number; wall: number };
} {
  return {
    seconds: 500,
    wallShift: WALL - 500,
    now() {
      return { monotonic: this.seconds, wall: this.seconds + this.wallShift };
    },
  };
}

export function scenario(...guests: GuestSpec[]): Scenario {
  return {
    name: 'test',
    description: '',
    host: { memory: 8 * GiB, overhead: 1 * GiB, cache: 512 * MiB },
    warmUp: 0,
    guests,
  };
}

/** 2 GiB, of which its programs want a quarter. */
export const VM: GuestSpec = {
  name: 'vm-1',
  title: 'First & only',
  maximum: 2 * GiB,
  demand: { kind: 'constant', bytes: 512 * MiB },
  files: { size: 256 * MiB, rate: 64 * MiB },
};

export interface Bench {
  readonly clock: ReturnType<typeof fakeClock>;
  readonly hypervisor: SimulatedHypervisor;
  readonly domain: Domain;
  readonly events: HypervisorEvent[];
  /** Lets time pass, and the model follow. */
  readonly pass: (seconds: number) => void;
  readonly stats: () => Promise<MemoryStatsRecord>;
  readonly bulk: () => Promise<Record<string, unknown>>;
}

export async function bench(spec: Partial<GuestSpec> = {}): Promise<Bench> {
  const clock = fakeClock();
  const hypervisor = createSimulatedHypervisor({ scenario: scenario({ ...VM, ...spec }), clock });
  const events: HypervisorEvent[] = [];
  hypervisor.events.subscribe(event => events.push(event));
  const domain = await hypervisor.lookup('vm-1');
  return {
    clock,
    hypervisor,
    domain,
    events,
    pass(seconds) {
      clock.seconds += seconds;
      hypervisor.control.sync();
    },
    stats: async () => memoryStatsToRecord(await domain.memoryStats()),
    bulk: async () =>
      Object.fromEntries((await hypervisor.allDomainStats({ domains: [domain] }))[0]?.params ?? []),
  };
}
