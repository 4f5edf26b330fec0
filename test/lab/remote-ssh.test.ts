import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { childrenOf, run, until } from './process.ts';
import type { RemoteHost, RemoteServer } from './remote-host.ts';
import {
  accepts,
  freePort,
  refusalOf,
  seenByBallonet,
  seenByVirsh,
  startRemoteHost,
  withConnection,
} from './remote-host.ts';

describe('a host with sshd and libvirtd', () => {
  let host: RemoteHost;
  let port: number;
  let sshd: RemoteServer;

  beforeAll(async () => {
    host = await startRemoteHost();
    await host.serve(['auth_unix_rw = "none"']);
    await mkdir(path('ssh'));
    for (const name of ['host', 'user', 'stranger']) await keygen(path('ssh', name));
    port = await freePort();
    await writeFile(path('ssh', 'sshd_config'), sshdConfig());
    await run('cp', [path('ssh', 'user.pub'), path('ssh', 'authorized_keys')]);
    // The folder that sshd's unprivileged half lives in; /run is the room's own.
    const start = 'mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f "$1"';
    sshd = await host.start(['/bin/sh', '-c', start, 'sh', path('ssh', 'sshd_config')], path('sshd.log'));
    await until('sshd listens', 20, () => accepts({ port }));
    await client('known', `[127.0.0.1]:${port} ${await run('cat', [path('ssh', 'host.pub')])}`);
    await client('changed', `[127.0.0.1]:${port} ${await run('cat', [path('ssh', 'stranger.pub')])}`);
    await client('unknown', '');
  });

  afterAll(async () => {
    await host?.close();
  });

  function path(...parts: string[]): string {
    return join(host.folder, ...parts);
  }

  async function keygen(file: string): Promise<void> {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file]);
  }

  function sshdConfig(): string {
    return [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${path('ssh', 'host')}`,
      `AuthorizedKeysFile ${path('ssh', 'authorized_keys')}`,
      'AuthenticationMethods publickey',
      'PermitRootLogin prohibit-password',
      // The folder of a lab is under /tmp, which everybody may write to.
      'StrictModes no',
      'UsePAM no',
      'PidFile none',
      '',
    ].join('\n');
  }

  /** An ssh that has a configuration and known hosts of its own, and the number of its process in a file. */
  async function client(name: string, knownHosts: string): Promise<void> {
    await writeFile(path('ssh', `${name}_hosts`), knownHosts);
    await writeFile(
      path('ssh', `${name}_config`),
      `UserKnownHostsFile ${path('ssh', `${name}_hosts`)}\nGlobalKnownHostsFile /dev/null\nIdentitiesOnly yes\nIdentityAgent none\n`,
    );
    const script = `#!/bin/sh\necho $$ > ${path('ssh', `${name}_pid`)}\nexec ssh -F ${path('ssh', `${name}_config`)} "$@"\n`;
    await writeFile(path('ssh', name), script);
    await chmod(path('ssh', name), 0o755);
  }

  function uri({ client: name = 'known', key = 'user', to = port, more = '' } = {}): string {
    const own = `command=${path('ssh', name)}&keyfile=${path('ssh', key)}&no_tty=1&proxy=native`;
    return `test+ssh://root@127.0.0.1:${to}/default?${own}${more}`;
  }

  async function clientPid(name = 'known'): Promise<number> {
    return Number(await run('cat', [path('ssh', `${name}_pid`)]));
  }

  it('shows Ballonet what it shows virsh', async () => {
    const seen = await seenByVirsh(uri());
    expect(seen).toMatchObject([{ name: 'test', stats: { actual: expect.any(Number) } }]);
    expect(await seenByBallonet(uri())).toEqual(seen);
    expect(await seenByBallonet(uri({ more: '&mode=auto' }))).toEqual(seen);
  });

  it('is for the command line what it is for virsh', async () => {
    const ballonet = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
    const print = ['-c', uri(), 'dommemstat', 'test'];
    expect(await run(ballonet, print)).toBe(await run('virsh', print));
  });

  it('lets a balloon be moved, tells of what happens, and ends its programs with the connection', async () => {
    let pid = 0;
    await withConnection(uri(), {}, async hypervisor => {
      pid = await clientPid();
      expect(hypervisor.local).toBe(false);
      expect(await hypervisor.version()).toMatch(/^libvirt \d+\.\d+\.\d+$/);
      const events: unknown[] = [];
      hypervisor.events.subscribe(event => events.push(event));
      await (await hypervisor.lookup('test')).setMemory(1024 * 1024, { live: true });
      expect(await run('virsh', ['-c', uri(), 'dominfo', 'test'])).toMatch(/Used memory: +1048576 KiB/);
      await run('virsh', ['-c', uri(), 'suspend', 'test']);
      await run('virsh', ['-c', uri(), 'resume', 'test']);
      await expect.poll(() => events.length, { timeout: 5000 }).toBeGreaterThanOrEqual(2);
      await (await hypervisor.lookup('test')).setMemory(2 * 1024 * 1024, { live: true });
    });
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
    // Each connection has a process of sshd at the far end.
    await expect.poll(() => childrenOf(sshd.pid), { timeout: 5000 }).toEqual([]);
  });

  it('lets one who only reads read, and no more', async () => {
    await withConnection(uri(), { readOnly: true }, async hypervisor => {
      const domain = await hypervisor.lookup('test');
      expect((await domain.memoryStats()).length).toBeGreaterThan(0);
      await expect(domain.setMemory(1024 * 1024, { live: true })).rejects.toMatchObject({
        code: 'OPERATION_DENIED',
      });
    });
  });

  it.each([
    ['a key that it does not know', { key: 'stranger' }, 'HYPERVISOR_DENIED', /Permission denied/],
    ['a host key that is not known', { client: 'unknown' }, 'HYPERVISOR_DENIED', /Host key verification/],
    ['a host key that has changed', { client: 'changed' }, 'HYPERVISOR_DENIED', /Host key verification/],
    ['a port that nobody listens on', { to: 1 }, 'HYPERVISOR_UNREACHABLE', /Connection refused/],
    ['an ssh that is not there', { client: 'none' }, 'HYPERVISOR_UNREACHABLE', /no such program/],
  ])('is not used with %s', async (_what, parts, code, why) => {
    const error = await refusalOf(uri(parts));
    expect(error).toMatchObject({ code, message: expect.stringMatching(why) });
  });

  it('is used with a host key that is not known where no_verify=1 says so', async () => {
    await client('fresh', '');
    expect(await seenByBallonet(uri({ client: 'fresh', more: '&no_verify=1' }))).toHaveLength(1);
  });

  it('takes the name of a URI as it is, whatever a shell would make of it', async () => {
    const name = encodeURIComponent(`test:///default;touch '${path('touched')}'; #`);
    const error = await refusalOf(uri({ more: `&name=${name}` }));
    expect(error).toMatchObject({ code: expect.stringMatching(/^HYPERVISOR_/) });
    await expect(run('ls', [path('touched')])).rejects.toThrow();
  });

  it('has its own words when libvirtd is gone there, and is reached again when it is back', async () => {
    await withConnection(uri(), { reconnect: true, callTimeout: 5 }, async hypervisor => {
      const states: boolean[] = [];
      hypervisor.link.subscribe(({ up }) => states.push(up));
      await host.stop();
      expect(await refusalOf(uri())).toMatchObject({
        code: 'HYPERVISOR_UNREACHABLE',
        message: expect.stringMatching(/virt-ssh-helper: .*libvirt-sock/),
      });
      await host.serve(['auth_unix_rw = "none"']);
      await expect.poll(() => states.at(-1), { timeout: 20_000 }).toBe(true);
      expect(states).toContain(false);
      expect(await hypervisor.domains()).toHaveLength(1);
    });
  });

  it('is reached again when ssh is killed', async () => {
    await withConnection(uri(), { reconnect: true }, async hypervisor => {
      const states: unknown[] = [];
      hypervisor.link.subscribe(state => states.push(state.up || state.error.message));
      process.kill(await clientPid(), 'SIGKILL');
      await expect.poll(() => states, { timeout: 20_000 }).toHaveLength(3);
      expect(states).toEqual([true, expect.stringContaining('SIGKILL'), true]);
    });
  });

  it('is given up within the deadline when it does not answer', async () => {
    sshd.freeze();
    try {
      expect(await refusalOf(uri(), { callTimeout: 1 })).toMatchObject({ code: 'HYPERVISOR_TIMEOUT' });
      const pid = await clientPid();
      await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
    } finally {
      sshd.thaw();
    }
  });

  it('is as good as any program that joins its standard input and output to libvirt’s socket', async () => {
    const helper = path('tunnel');
    await writeFile(
      helper,
      `#!/usr/bin/python3
import os, socket, threading
far = socket.socket(socket.AF_UNIX)
far.connect(${JSON.stringify(host.socket)})
def back():
    while data := far.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=back).start()
while data := os.read(0, 65536):
    far.sendall(data)
os._exit(0)
`,
    );
    await chmod(helper, 0o755);
    const where = `test+ext:///default?command=${helper}`;
    const seen = await seenByVirsh(where);
    expect(seen).toMatchObject([{ name: 'test' }]);
    expect(await seenByBallonet(where)).toEqual(seen);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
