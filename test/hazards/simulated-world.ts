/** Simulated guests on a clock that the loop moves. */
import { setImmediate } from 'node:timers/promises';
import {
  createSimulatedHypervisor,
  type SimulatedHypervisor,
} from '../../src/hypervisor/simulated/hypervisor.ts';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import { GiB, KiB, MiB } from '../../src/model/units.ts';
import { fakeClock } from '../fakes/simulated-bench.ts';
import { type HazardWorld, MAX } from './guests.ts';

/** What programs of an idle guest use. */
export const IDLE = { kind: 'constant', bytes: 12 * MiB } as const;

/** An idle guest of 512 MiB. */
export function idle(name: string, parts: Partial<GuestSpec> = {}): GuestSpec {
  const files = { size: 16 * MiB, rate: MiB };
  return { name, maximum: MAX, demand: IDLE, files, swap: 256 * MiB, machine: 'tcg', ...parts };
}

export interface SimulatedWorld extends HazardWorld {
  readonly control: SimulatedHypervisor['control'];
}

/** Guests on a host of so much memory, of which a gibibyte is its own. */
export async function simulatedWorld(
  guests: readonly GuestSpec[],
  memory = 8 * GiB,
): Promise<SimulatedWorld> {
  const clock = fakeClock();
  const hypervisor = createSimulatedHypervisor({
    clock,
    scenario: {
      name: 'hazards',
      description: '',
      host: { memory, overhead: GiB, cache: 512 * MiB },
      warmUp: 20,
      guests,
    },
  });
  const { control } = hypervisor;
  const pass = async (seconds: number) => {
    clock.seconds += seconds;
    control.sync();
    await setImmediate();
  };
  return {
    hypervisor,
    control,
    clock,
    pass,
    async settled(calls) {
      const over = calls.then(
        () => false,
        () => false,
      );
      while (await Promise.race([over, setImmediate(true)])) if (control.waiting) await pass(1);
      return calls;
    },
    guest: name => ({
      async take(bytes) {
        control.byName(name).setDemand({ kind: 'constant', bytes: IDLE.bytes + bytes });
        await pass(4);
      },
      free: async () => control.byName(name).setDemand(IDLE),
      size: async () => control.byName(name).memory?.size ?? 0,
      setMemory: async bytes => (await hypervisor.lookup(name)).setMemory(bytes / KiB, { live: true }),
      pause: async () => control.pause(name),
      resume: async () => control.resume(name),
      reset: async () => control.reboot(name),
      async restart() {
        control.destroy(name);
        control.start(name);
      },
      oomKills: async () => control.byName(name).harm.oomKills,
    }),
    async [Symbol.asyncDispose]() {
      await hypervisor.close();
    },
  };
}
