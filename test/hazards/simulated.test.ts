/** The hazards of guests that run, on simulated ones, in virtual time. */
import { setImmediate } from 'node:timers/promises';
import { createSimulatedHypervisor } from '../../src/hypervisor/simulated/hypervisor.ts';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import { GiB, KiB, MiB } from '../../src/model/units.ts';
import { fakeClock } from '../fakes/simulated-bench.ts';
import { type HazardWorld, hazardsOfGuests, MAX } from './guests.ts';

const IDLE = { kind: 'constant', bytes: 12 * MiB } as const;

function guest(name: string, parts: Partial<GuestSpec> = {}): GuestSpec {
  const files = { size: 16 * MiB, rate: MiB };
  return { name, maximum: MAX, demand: IDLE, files, swap: 256 * MiB, machine: 'tcg', ...parts };
}

async function open(): Promise<HazardWorld> {
  const clock = fakeClock();
  const hypervisor = createSimulatedHypervisor({
    clock,
    scenario: {
      name: 'hazards',
      description: '',
      host: { memory: 8 * GiB, overhead: GiB, cache: 512 * MiB },
      warmUp: 20,
      guests: [
        guest('worker'),
        guest('auto', { autodeflate: true, freePageReporting: true }),
        guest('bare', { balloon: 'none' }),
      ],
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

hazardsOfGuests('simulated', open);
