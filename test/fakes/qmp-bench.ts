/** What tests of the qemu driver share: a folder of fake QEMUs, connections to it, and their end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Observable } from 'rxjs';
import { onTestFinished } from 'vitest';
import type { ConnectOptions, Domain, DomainStats, Hypervisor } from '../../src/hypervisor/driver.ts';
import { connectQmp, type Tuning } from '../../src/hypervisor/qemu/hypervisor.ts';
import { uuidFromName } from '../../src/hypervisor/qemu/identity.ts';
import { type BallonetError, isBallonetError } from '../../src/model/errors.ts';
import { type FakeMachine, type FakeQemu, startFakeQemu } from './fake-qemu.ts';

const QUICK: Tuning = { backoffFirstMs: 10, backoffMaxMs: 40, rescanMs: 50, settleMs: 500, nowaitMs: 150 };

export interface QmpBench {
  readonly folder: string;
  /** A QEMU behind the socket NAME.qmp, named so unless told otherwise. */
  readonly start: (name: string, change?: Partial<FakeMachine>) => Promise<FakeQemu>;
  /** To the folder, or to a file in it. */
  readonly connect: (
    path?: string,
    options?: ConnectOptions,
    tuning?: Partial<Tuning>,
  ) => Promise<Hypervisor>;
  /** Of all connections. */
  readonly warnings: readonly BallonetError[];
}

/** A folder for sockets; all that is started there ends with the test. */
export function qmpBench(): QmpBench {
  const folder = mkdtempSync(join(tmpdir(), 'ballonet-qmp-'));
  const ends: (() => Promise<void>)[] = [];
  const warnings: BallonetError[] = [];
  onTestFinished(async () => {
    for (const end of ends.toReversed()) await end();
    rmSync(folder, { recursive: true });
  });
  return {
    folder,
    warnings,
    async start(name, change = {}) {
      const machine = { name, uuid: uuidFromName(name), ...change };
      const qemu = await startFakeQemu(join(folder, `${name}.qmp`), machine);
      ends.push(() => qemu.end());
      return qemu;
    },
    async connect(path = '', options = {}, tuning = {}) {
      const hypervisor = await connectQmp(
        `qmp://${join(folder, path)}`,
        { onWarning: error => warnings.push(error), ...options },
        { ...QUICK, ...tuning },
      );
      ends.push(() => hypervisor.close());
      return hypervisor;
    },
  };
}

/** The code of the error that it ends with, `none` for a success. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isBallonetError(error)) return error.code;
    throw error;
  }
  return 'none';
}

/** All that comes from now on. */
export function collect<T>(observable: Observable<T>): T[] {
  const seen: T[] = [];
  observable.subscribe(value => seen.push(value));
  return seen;
}

export async function onlyDomain(hypervisor: Hypervisor): Promise<Domain> {
  const [domain] = await hypervisor.domains();
  if (!domain) throw new Error('there is no domain');
  return domain;
}

export function paramsOf(records: readonly DomainStats[]): Record<string, unknown>[] {
  return records.map(record => Object.fromEntries(record.params));
}
