/** A QEMU that stands still (SIGSTOP), behind libvirt and behind QMP: what it costs itself, and what it costs the others. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BehaviorSubject } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dryRunActuator } from '../../src/actuators/balloon.ts';
import { hostPolicyFiles } from '../../src/cli/policy-files.ts';
import { createCollector } from '../../src/collectors/snapshot.ts';
import { runEngine } from '../../src/engine/engine.ts';
import type { Hypervisor } from '../../src/hypervisor/driver.ts';
import { connect } from '../../src/index.ts';
import { systemClock } from '../../src/model/clock.ts';
import { isBallonetError } from '../../src/model/errors.ts';
import type { GuestSample } from '../../src/model/snapshot.ts';
import { KiB, MiB } from '../../src/model/units.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import { initialState } from '../../src/policy/state.ts';
import { type Lab, startLab } from './lab.ts';
import { labPolicy } from './policy.ts';
import { until } from './process.ts';
import { type QmpGuests, startQmpGuests } from './qmp-guests.ts';
import { report } from './report.ts';

const CALL_SECONDS = 8;
/** A tick a second, one of them a second late, on a machine that may be busy; a lost deadline would show. */
const GAP_MS_MAX = 4000;
/** Long enough for more than one deadline. */
const WATCH_SECONDS = 14;

/** The daemon's own loop, and what each of its ticks saw. */
interface Watch extends AsyncDisposable {
  readonly hypervisor: Hypervisor;
  readonly ticks: { readonly at: number; readonly guests: readonly GuestSample[] }[];
  readonly failures: unknown[];
}

async function watch(uri: string, folder: string): Promise<Watch> {
  const file = join(folder, 'policy.yaml');
  await writeFile(file, labPolicy({}));
  const policies = requirePolicySet(loadPolicySet([file], hostPolicyFiles));
  const hypervisor = await connect(uri, { reconnect: true, callTimeout: CALL_SECONDS });
  const collector = createCollector({
    hypervisor,
    clock: systemClock,
    pool: policies.host.memory,
    staleAfterSeconds: policies.host.staleAfterSeconds,
    intervalSeconds: policies.host.intervalSeconds,
    arm: true,
  });
  const seen: Pick<Watch, 'ticks' | 'failures'> = { ticks: [], failures: [] };
  const engine = runEngine({
    collect: () => collector.collect(),
    actuator: dryRunActuator,
    policies: new BehaviorSubject(policies),
    state: new BehaviorSubject(initialState(systemClock.now().monotonic)),
    clock: systemClock,
  }).subscribe(event => {
    if (event.type === 'tick') seen.ticks.push({ at: performance.now(), guests: event.snapshot.guests });
    if (event.type === 'tick-failed') seen.failures.push(event.error);
  });
  return {
    ...seen,
    hypervisor,
    async [Symbol.asyncDispose]() {
      engine.unsubscribe();
      collector.close();
      await hypervisor.close();
    },
  };
}

/** Stops a QEMU under the loop's eyes. */
async function stand(seen: Watch, signal: (name: NodeJS.Signals) => void): Promise<number> {
  const { hypervisor } = seen;
  const fresh = (sample: GuestSample | undefined): boolean =>
    sample?.readings.available.quality === 'ok' && (sample.statsAgeSeconds ?? 99) < 4;
  const of = (name: string, guests: readonly GuestSample[]) => guests.find(guest => guest.name === name);

  await until('both report', 30, () => {
    const last = seen.ticks.at(-1);
    return last && fresh(of('steady', last.guests)) && fresh(of('hung', last.guests));
  });
  signal('SIGSTOP');
  const stopped = performance.now();
  await new Promise(resolve => setTimeout(resolve, WATCH_SECONDS * 1000));
  const during = seen.ticks.filter(({ at }) => at > stopped);
  const times = [stopped, ...during.map(({ at }) => at), performance.now()];
  const gaps = times.slice(1).map((at, i) => at - (times[i] ?? at));

  const began = performance.now();
  const hung = await hypervisor.lookup('hung');
  const codes = await Promise.all([
    codeOf(hung.memoryStats()),
    codeOf(hung.setMemory((512 * MiB) / KiB, { live: true })),
  ]);
  const seconds = (performance.now() - began) / 1000;
  signal('SIGCONT');
  await until('it reports again', 60, () => fresh(of('hung', seen.ticks.at(-1)?.guests ?? [])));

  expect(seen.failures).toEqual([]);
  expect(during.filter(({ guests }) => !fresh(of('steady', guests)))).toEqual([]);
  expect(Math.max(...gaps)).toBeLessThan(GAP_MS_MAX);
  expect(of('hung', during.at(-1)?.guests ?? [])?.readings.available.quality).toBe('stale');
  expect(codes).toEqual(['HYPERVISOR_TIMEOUT', 'HYPERVISOR_TIMEOUT']);
  expect(seconds).toBeLessThan(CALL_SECONDS + 1);
  return Math.max(...gaps);
}

function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: unknown) => (isBallonetError(error) ? error.code : String(error)),
  );
}

// Each waits out deadlines, so they do it at the same time, on hosts of their own.
describe.concurrent('a QEMU that stands still', () => {
  const names = ['hung', 'hung-2', 'hung-3'];
  let one: Lab;
  let three: Lab;
  let unmanaged: QmpGuests;

  beforeAll(async () => {
    one = await startLab({ guests: [{ name: 'steady' }, { name: 'hung' }] });
    three = await startLab({ guests: [{ name: 'steady' }, ...names.map(name => ({ name }))] });
    unmanaged = await startQmpGuests([
      { name: 'steady', balloon: 'virtio-balloon-pci' },
      { name: 'hung', balloon: 'virtio-balloon-pci' },
    ]);
  });

  afterAll(async () => {
    await one?.close();
    await three?.close();
    await unmanaged?.[Symbol.asyncDispose]();
  });

  it('H30: behind libvirt', async () => {
    const hung = await one.guest(1).qemuPid();
    await using seen = await watch(one.uri, one.folder);
    await stand(seen, name => process.kill(hung, name));
  });

  it('H30: three at once behind libvirt', async () => {
    const pids = await Promise.all(names.map((_, i) => three.guest(i + 1).qemuPid()));
    await using seen = await watch(three.uri, three.folder);
    const gap = await stand(seen, name => {
      for (const pid of pids) process.kill(pid, name);
    });
    report('three QEMUs stopped at once', { 'longest time between two ticks, s': gap / 1000 });
  });

  it('H30: behind QMP', async () => {
    await using seen = await watch(`qmp://${unmanaged.folder}`, unmanaged.scratch);
    await stand(seen, name => unmanaged.guest('hung').signal(name));
  });
});
