/** The suite on simulated guests: straight, and through the wire. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectLibvirt } from '../../src/hypervisor/libvirt/hypervisor.ts';
import { serveHypervisor } from '../../src/hypervisor/server/server.ts';
import { SimulatedHost } from '../../src/hypervisor/simulated/host.ts';
import { openSimulatedHost } from '../../src/hypervisor/simulated/hypervisor.ts';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import { systemClock } from '../../src/model/clock.ts';
import { KiB, MiB } from '../../src/model/units.ts';
import { scenario } from '../fakes/simulated-bench.ts';
import type { DriverName, Subject } from './subject.ts';
import { conformance, type StartSubject } from './suite.ts';

const MAXIMUM = 512 * MiB;
const DEMAND = { kind: 'constant', bytes: 64 * MiB } as const;
const GUESTS: readonly GuestSpec[] = [
  { name: 'guest', maximum: MAXIMUM, demand: DEMAND, statsPeriod: 1 },
  { name: 'bare', maximum: MAXIMUM, demand: DEMAND, balloon: 'none' },
  { name: 'off', maximum: MAXIMUM, demand: DEMAND, running: false },
];

function hostOf(driver: DriverName): { host: SimulatedHost; hands: Omit<Subject, 'connect'> } {
  const host = new SimulatedHost({
    scenario: { ...scenario(...GUESTS), warmUp: 20 },
    clock: systemClock,
    seed: 1,
  });
  const hands = {
    driver,
    maximumKib: MAXIMUM / KiB,
    pause: async (name: string) => host.pause(name),
    resume: async (name: string) => host.resume(name),
    reboot: async (name: string) => host.reboot(name),
    vanish: async () => host.vanish('bare'),
  };
  return { host, hands };
}

const startSimulated: StartSubject = async () => {
  const { host, hands } = hostOf('simulated');
  return {
    subject: {
      ...hands,
      connect: async ({ readOnly = false, callTimeout } = {}) =>
        openSimulatedHost(host, { uri: 'sim:///test', readOnly, callTimeout, heartbeat: true }),
    },
    close: async () => {},
  };
};

const startServed: StartSubject = async () => {
  const { host, hands } = hostOf('served');
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-conformance-'));
  const path = join(folder, 'sock');
  const hypervisor = openSimulatedHost(host, {
    uri: 'sim:///test',
    readOnly: false,
    heartbeat: true,
    raw: true,
  });
  const server = await serveHypervisor(hypervisor, {
    path,
    onFault: error => {
      throw error;
    },
  });
  return {
    subject: {
      ...hands,
      connect: options => connectLibvirt(`test+unix:///default?socket=${path}`, options),
    },
    async close() {
      await server.close();
      await hypervisor.close();
      await rm(folder, { recursive: true });
    },
  };
};

conformance('simulated', startSimulated);
conformance('served', startServed);
