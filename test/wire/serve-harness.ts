/** What the server's tests share: simulated guests behind a socket, and clients on it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { DomainRef, Hypervisor } from '../../src/hypervisor/driver.ts';
import { connectLibvirt } from '../../src/hypervisor/libvirt/hypervisor.ts';
import { writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import type { HypervisorServer, ServeOptions } from '../../src/hypervisor/server/server.ts';
import { serveHypervisor } from '../../src/hypervisor/server/server.ts';
import { SimulatedHost } from '../../src/hypervisor/simulated/host.ts';
import { openSimulatedHost } from '../../src/hypervisor/simulated/hypervisor.ts';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import { systemClock } from '../../src/model/clock.ts';
import { GiB } from '../../src/model/units.ts';
import { scenario, VM } from '../fakes/simulated-bench.ts';
import type { ServeClient, Write } from './serve-client.ts';
import { connectRaw } from './serve-client.ts';

export const GUESTS: readonly GuestSpec[] = [
  { ...VM, statsPeriod: 1 },
  { ...VM, name: 'vm-2', maximum: 1 * GiB, statsPeriod: 1 },
  { ...VM, name: '3', running: false },
];

export interface ServeTest {
  readonly path: string;
  readonly uri: string;
  readonly control: SimulatedHost;
  /** The very host that is served, without the wire. */
  readonly direct: Hypervisor;
  readonly server: HypervisorServer;
  /** Errors that were the server's fault. A test that ends with one fails. */
  readonly faults: readonly unknown[];
  /** Why clients' connections ended. */
  readonly ends: readonly string[];
  /** A connection that nothing has been sent on. */
  readonly raw: () => Promise<ServeClient>;
  /** A connection that has opened. */
  readonly opened: () => Promise<ServeClient>;
  /** Our own client. */
  readonly client: () => Promise<Hypervisor>;
}

export interface ServeTestOptions extends Omit<ServeOptions, 'path'> {
  readonly guests?: readonly GuestSpec[];
  readonly callTimeout?: number;
  /** What to serve in place of the simulated guests. */
  readonly hypervisor?: Hypervisor;
}

/** Serves guests that have run for 10 s; all that is started here ends with the test. */
export async function serveTest(options: ServeTestOptions = {}): Promise<ServeTest> {
  const { guests = GUESTS, callTimeout = 10, hypervisor, ...serveOptions } = options;
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-serve-'));
  const path = join(folder, 'sock');
  const control = new SimulatedHost({
    scenario: { ...scenario(...guests), warmUp: 10 },
    clock: systemClock,
    seed: 1,
  });
  const direct = openSimulatedHost(control, {
    uri: 'sim:///test',
    readOnly: false,
    heartbeat: true,
    callTimeout,
    raw: true,
  });
  const faults: unknown[] = [];
  const ends: string[] = [];
  const server = await serveHypervisor(hypervisor ?? direct, {
    path,
    onFault: error => faults.push(error),
    onClientEnd: ({ message }) => ends.push(message),
    ...serveOptions,
  });
  const closing: (() => Promise<void> | void)[] = [() => direct.close(), () => server.close()];
  onTestFinished(async () => {
    for (const close of closing.toReversed()) await close();
    await rm(folder, { recursive: true });
    if (faults.length > 0) throw new Error('the server failed', { cause: faults[0] });
  });
  const raw = async (): Promise<ServeClient> => {
    const client = await connectRaw(path);
    closing.push(() => void client.socket.destroy());
    return client;
  };
  const uri = `test+unix:///default?socket=${path}`;
  return {
    path,
    uri,
    control,
    direct,
    server,
    faults,
    ends,
    raw,
    async opened() {
      const client = await raw();
      await client.open();
      return client;
    },
    async client() {
      const connected = await connectLibvirt(uri);
      closing.push(() => connected.close());
      return connected;
    },
  };
}

/** Writes the first domain and then the rest of a call's arguments. */
export type OfDomain = (rest?: Write) => Write;

/** As `serveTest`, with the arguments of calls for its first domain. */
export async function serveFirst(
  options?: ServeTestOptions,
): Promise<{ test: ServeTest; ofFirst: OfDomain }> {
  const test = await serveTest(options);
  const first = await test.direct.lookup('vm-1');
  return {
    test,
    ofFirst:
      (rest = () => {}) =>
      writer => {
        writeDomain(writer, first);
        rest(writer);
      },
  };
}

export const refOf = ({ name, uuid, id }: DomainRef): DomainRef => ({ name, uuid, id });
