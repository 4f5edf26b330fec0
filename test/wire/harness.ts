/** What the wire tests share: a fake daemon, connections to it, and their end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Observable } from 'rxjs';
import { onTestFinished } from 'vitest';
import type { ConnectOptions, Hypervisor } from '../../src/hypervisor/driver.ts';
import type { Tuning } from '../../src/hypervisor/libvirt/hypervisor.ts';
import { connectLibvirt } from '../../src/hypervisor/libvirt/hypervisor.ts';
import type { FakeCall } from './fake-answers.ts';
import type { FakeDaemon, FakeOptions } from './fake-daemon.ts';
import { startFakeDaemon } from './fake-daemon.ts';
import type { FakeDomain } from './fake-host.ts';

export interface WireTest {
  readonly path: string;
  readonly uri: string;
  /** Starts the daemon; again after `close()` of the one before. */
  readonly start: (options?: Omit<FakeOptions, 'path'>) => Promise<FakeDaemon>;
  readonly connect: (options?: ConnectOptions, tuning?: Partial<Tuning>) => Promise<Hypervisor>;
}

/** A place for a socket; all that is started there ends with the test. */
export async function wireTest(): Promise<WireTest> {
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-wire-'));
  const path = join(folder, 'sock');
  const uri = `qemu+unix:///system?socket=${path}`;
  const ends: (() => Promise<void>)[] = [];
  onTestFinished(async () => {
    for (const end of ends.toReversed()) await end();
    await rm(folder, { recursive: true });
  });
  return {
    path,
    uri,
    async start(options = {}) {
      const daemon = await startFakeDaemon({ path, ...options });
      ends.push(() => daemon.close());
      return daemon;
    },
    async connect(options = {}, tuning = {}) {
      const hypervisor = await connectLibvirt(uri, options, tuning);
      ends.push(() => hypervisor.close());
      return hypervisor;
    },
  };
}

/** An interceptor that refuses every call of one procedure. */
export function refusing(procedure: number, code: number): (call: FakeCall) => boolean {
  return call => {
    if (call.procedure !== procedure) return false;
    call.refuse(code, 'no');
    return true;
  };
}

/** The first domain of a fake host. */
export function firstDomain(daemon: FakeDaemon): FakeDomain {
  const [domain] = daemon.host.domains;
  if (!domain) throw new Error('the fake host has no domain');
  return domain;
}

/** Everything that an observable gives from now on. */
export function collect<T>(source: Observable<T>): T[] {
  const seen: T[] = [];
  source.subscribe(value => seen.push(value));
  return seen;
}

/** The code of a call's error; the call must fail. */
export async function codeOf(call: Promise<unknown>): Promise<unknown> {
  const error: unknown = await call.then(
    value => {
      throw new Error(`the call succeeded with ${JSON.stringify(value)}`);
    },
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error) || !('code' in error)) throw error;
  return error.code;
}
