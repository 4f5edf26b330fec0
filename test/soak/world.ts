/** Simulated guests behind a socket in libvirt's protocol, with hands on them, and a record of all that a daemon asks of them. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Domain, DomainRef, Hypervisor } from '../../src/hypervisor/driver.ts';
import { type HypervisorServer, serveHypervisor } from '../../src/hypervisor/server/server.ts';
import { SimulatedHost } from '../../src/hypervisor/simulated/host.ts';
import { openSimulatedHost } from '../../src/hypervisor/simulated/hypervisor.ts';
import { deriveSeed, randomAt, randomUuid } from '../../src/hypervisor/simulated/random.ts';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { type Bytes, GiB, KiB, MiB, type Seconds } from '../../src/model/units.ts';
import { MIN } from './policy.ts';

const MAX: Bytes = GiB;

export interface World extends AsyncDisposable {
  readonly uri: string;
  readonly control: SimulatedHost;
  /** Names of the guests that there were at the start; each is somebody's at any time. */
  readonly names: readonly string[];
  /** What is wrong with the guests now, and targets since the last look that break a guarantee. */
  look(): readonly string[];
  /** Somebody else's hand on a balloon. */
  setMemory(name: string, bytes: Bytes): Promise<void>;
  /** As a libvirtd that is started anew: its clients lose their connections, and cannot come back for so long. */
  restart(seconds: Seconds): Promise<void>;
  /** Sets the wall clock that QEMU stamps reports with. */
  stepWallClock(seconds: Seconds): void;
  /** A guest under the name of another one that is gone for ever. Gives its uuid. */
  replace(name: string): string;
}

export async function createWorld(guests: number, folder: string, seed: number): Promise<World> {
  const path = join(folder, 'libvirt-sock');
  let wallOffset = 0;
  const clock: Clock = {
    now: () => {
      const { monotonic, wall } = systemClock.now();
      return { monotonic, wall: wall + wallOffset };
    },
  };
  const specs = Array.from({ length: guests }, (_, i) => specOf(i, seed));
  const control = new SimulatedHost({
    scenario: {
      name: 'soak',
      description: '',
      host: { memory: guests * MAX * 0.75 + GiB, overhead: GiB / 2, cache: 256 * MiB },
      step: 0.2,
      warmUp: 20,
      guests: specs,
    },
    clock,
    seed,
  });
  const direct = openSimulatedHost(control, {
    uri: 'sim:///soak',
    readOnly: false,
    heartbeat: true,
    raw: true,
  });
  const broken: string[] = [];
  let replaced = 0;

  function ask(domain: Domain, kib: number): Promise<void> {
    const bytes = kib * KiB;
    if (bytes < MIN * MAX) broken.push(`${domain.name}: ${bytes / MiB} MiB is under its guarantee`);
    return domain.setMemory(kib, { live: true });
  }
  const watched: Hypervisor = {
    ...direct,
    domain(ref: DomainRef): Domain {
      const domain = direct.domain(ref);
      return { ...domain, setMemory: kib => ask(domain, kib) };
    },
  };
  const serve = (): Promise<HypervisorServer> =>
    serveHypervisor(watched, {
      path,
      onFault(error) {
        throw error;
      },
    });
  let server = await serve();

  return {
    uri: `test+unix:///default?socket=${path}`,
    control,
    names: specs.map(({ name }) => name),
    look: () => [
      ...broken.splice(0),
      ...control.guests().flatMap(({ name, memory, harm }) => [
        ...(harm.oomKills > 0 ? [`${name}: ${harm.oomKills} kills for want of memory`] : []),
        // A balloon is moved by whole pages of the guest.
        ...(memory !== undefined && memory.size < MIN * MAX - MiB
          ? [`${name}: has ${memory.size / MiB} MiB`]
          : []),
      ]),
    ],
    async setMemory(name, bytes) {
      await direct.domain(control.byName(name).ref).setMemory(bytes / KiB, { live: true });
    },
    async restart(seconds) {
      await server.close();
      await sleep(seconds * 1000);
      server = await serve();
    },
    stepWallClock(seconds) {
      wallOffset += seconds;
      control.sync();
    },
    replace(name) {
      const index = specs.findIndex(spec => spec.name === name);
      replaced += 1;
      const uuid = randomUuid(deriveSeed(seed, `${name} ${replaced}`));
      control.vanish(name);
      control.addGuest({ ...specOf(index, seed), uuid });
      return uuid;
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await direct.close();
    },
  };
}

/** Guests that use up to some 60 % of their memory, each in waves of its own. */
function specOf(index: number, seed: number): GuestSpec {
  const own = deriveSeed(seed, `guest ${index}`);
  return {
    name: `vm-${index}`,
    maximum: MAX,
    statsPeriod: 1,
    boot: 2,
    swap: 512 * MiB,
    files: { size: 64 * MiB, rate: 2 * MiB },
    demand: {
      kind: 'ramps',
      low: (80 + 120 * randomAt(own, 0)) * MiB,
      high: (250 + 300 * randomAt(own, 1)) * MiB,
      rest: 10 + 40 * randomAt(own, 2),
      rise: 10,
      hold: 5 + 20 * randomAt(own, 3),
      fall: 5,
      jitter: 0.2,
      offset: 60 * randomAt(own, 4),
    },
  };
}
