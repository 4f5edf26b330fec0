/** The fake daemon of the wire tests against libvirt's own client: what it speaks is the protocol, not our idea of it. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectLibvirt } from '../../src/hypervisor/libvirt/hypervisor.ts';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import type { FakeDaemon } from '../wire/fake-daemon.ts';
import { startFakeDaemon } from '../wire/fake-daemon.ts';
import { MAX_KIB } from '../wire/fake-host.ts';

const run = promisify(execFile);

let folder: string;
let uri: string;
let daemon: FakeDaemon;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ballonet-fake-'));
  uri = `qemu+unix:///system?socket=${join(folder, 'sock')}`;
  daemon = await startFakeDaemon({ path: join(folder, 'sock'), domains: 3 });
});

afterEach(async () => {
  await daemon.close();
  await rm(folder, { recursive: true });
});

async function virsh(...words: readonly string[]): Promise<string> {
  const { stdout } = await run('virsh', ['-c', uri, ...words]);
  return stdout;
}

describe('virsh on the fake daemon', () => {
  it('lists its domains', async () => {
    expect((await virsh('list', '--name')).trim().split('\n')).toEqual(
      daemon.host.domains.map(({ name }) => name),
    );
    expect(await virsh('list')).toMatch(/ 3 +instance-00000002 +running/);
  });

  it('prints the very figures that our client reads', async () => {
    const printed = await virsh('domstats', '--balloon', '--state');
    const hypervisor = await connectLibvirt(uri);
    const records = await hypervisor.allDomainStats();
    await hypervisor.close();

    const expected = records.map(({ domain, params }) =>
      [`Domain: '${domain.name}'`, ...[...params].map(([name, value]) => `  ${name}=${value}`), ''].join(
        '\n',
      ),
    );
    expect(printed.trim()).toBe(expected.join('\n').trim());
  });

  it('reads memory statistics and moves a balloon', async () => {
    expect(await virsh('dommemstat', '2')).toBe(
      `actual ${MAX_KIB}\nunused 1024\nlast_update 1700000000\nrss 4096\n\n`,
    );
    await virsh('setmem', '2', '1000000', '--live');
    await virsh('dommemstat', '2', '--period', '3', '--live');
    expect(daemon.host.domains[1]).toMatchObject({ memoryKib: 1_000_000, periodSeconds: 3 });
  });

  it('understands the events that we read as lifecycle, reboot and balloon', async () => {
    const watcher = spawn('virsh', ['-c', uri, 'event', '--all', '--loop', '--timeout', '20']);
    let printed = '';
    watcher.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    const [domain] = daemon.host.domains;
    const [client] = await vi.waitFor(() => {
      expect(daemon.clients[0]?.callbacks.size).toBeGreaterThan(20);
      return daemon.clients;
    }, 10_000);
    if (!domain || !client) throw new Error('the fake daemon has neither domain nor client');

    client.event(PROCEDURE.eventLifecycle, 0, domain, writer => writer.i32(5).i32(1));
    client.event(PROCEDURE.eventReboot, 1, domain);
    client.event(PROCEDURE.eventBalloonChange, 13, domain, writer => writer.u64(1_572_864));

    await vi.waitFor(() => {
      expect(printed).toMatch(/event 'lifecycle' for domain '?instance-00000000'?: Stopped Destroyed/);
      expect(printed).toMatch(/event 'reboot' for domain '?instance-00000000'?/);
      expect(printed).toMatch(/event 'balloon-change' for domain '?instance-00000000'?: 1572864KiB/);
    }, 5000);
    watcher.kill('SIGINT');
  });
});
