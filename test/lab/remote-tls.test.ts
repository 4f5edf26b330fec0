import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './process.ts';
import type { RemoteHost } from './remote-host.ts';
import {
  freePort,
  refusalOf,
  seenByBallonet,
  seenByVirsh,
  startRemoteHost,
  withConnection,
} from './remote-host.ts';
import type { Issued, TestAuthority } from './remote-pki.ts';
import { createAuthority } from './remote-pki.ts';

describe('a libvirtd that listens for TLS', () => {
  let host: RemoteHost;
  let authority: TestAuthority;
  let port: number;
  let server: Issued;
  let client: Issued;

  beforeAll(async () => {
    host = await startRemoteHost();
    authority = await createAuthority(join(host.folder, 'ca'));
    // Not for `localhost`, which is the same machine under a name that the certificate does not have.
    server = await authority.issue('server', { names: ['IP:127.0.0.1', 'DNS:remote.example'] });
    client = await authority.issue('client');
    port = await freePort();
    await host.serve(tls(server), { port });
  });

  afterAll(async () => {
    await host?.close();
  });

  function tls({ certificate, key }: Issued, ...more: string[]): string[] {
    return [
      'listen_tls = 1',
      'listen_addr = "127.0.0.1"',
      `tls_port = "${port}"`,
      'auth_tls = "none"',
      'auth_unix_rw = "none"',
      `ca_file = "${authority.certificate}"`,
      `cert_file = "${certificate}"`,
      `key_file = "${key}"`,
      ...more,
    ];
  }

  let folders = 0;
  /** A `pkipath` with these files. */
  async function pki(
    files: { authority?: string | undefined; client?: Issued | undefined; revoked?: string | undefined } = {},
  ): Promise<string> {
    folders += 1;
    const folder = join(host.folder, `pki${folders}`);
    await mkdir(folder);
    const copy = async (from: string | undefined, name: string): Promise<void> => {
      if (from !== undefined) await copyFile(from, join(folder, name));
    };
    await copy('authority' in files ? files.authority : authority.certificate, 'cacert.pem');
    const identity = 'client' in files ? files.client : client;
    await copy(identity?.certificate, 'clientcert.pem');
    await copy(identity?.key, 'clientkey.pem');
    await copy(files.revoked, 'cacrl.pem');
    return folder;
  }

  function uri(pkiPath: string, { name = '127.0.0.1', more = '' } = {}): string {
    return `test+tls://${name}:${port}/default?pkipath=${pkiPath}${more}`;
  }

  it('shows Ballonet what it shows virsh', async () => {
    const where = uri(await pki());
    const seen = await seenByVirsh(where);
    expect(seen).toMatchObject([{ name: 'test', stats: { actual: expect.any(Number) } }]);
    expect(await seenByBallonet(where)).toEqual(seen);
    expect(await seenByBallonet(where, { readOnly: true })).toEqual(seen);
  });

  it('lets a balloon be moved, and tells of what happens', async () => {
    const where = uri(await pki());
    await withConnection(where, {}, async hypervisor => {
      expect(hypervisor.local).toBe(false);
      const events: unknown[] = [];
      hypervisor.events.subscribe(event => events.push(event));
      const domain = await hypervisor.lookup('test');
      await domain.setMemory(1024 * 1024, { live: true });
      expect(await run('virsh', ['-c', where, 'dominfo', 'test'])).toMatch(/Used memory: +1048576 KiB/);
      await run('virsh', ['-c', where, 'suspend', 'test']);
      await run('virsh', ['-c', where, 'resume', 'test']);
      await expect.poll(() => events.length, { timeout: 5000 }).toBeGreaterThanOrEqual(2);
      expect(events).toMatchObject([{ kind: 'suspended' }, { kind: 'resumed' }]);
      await domain.setMemory(2 * 1024 * 1024, { live: true });
    });
  });

  it('answers calls that are sent together without a pause', async () => {
    await withConnection(uri(await pki()), { callTimeout: 2 }, async hypervisor => {
      const domain = await hypervisor.lookup('test');
      const infos = await Promise.all(Array.from({ length: 200 }, () => domain.info()));
      expect(new Set(infos.map(info => info.maxMemKib)).size).toBe(1);
    });
  });

  it.each([
    ['a certificate of another authority', { name: '127.0.0.1' }, 'other', /self.signed|issuer|verify/i],
    ['a certificate for another name', { name: 'localhost' }, 'same', /localhost|altname/i],
  ])('is not believed with %s, and no_verify=1 believes it', async (_what, name, whose, why) => {
    const other = await createAuthority(join(host.folder, `ca-${whose}`));
    const path = await pki(whose === 'other' ? { authority: other.certificate } : {});

    expect(await refusalOf(uri(path, name))).toMatchObject({
      code: 'HYPERVISOR_DENIED',
      message: expect.stringMatching(why),
      cause: expect.any(Error),
    });

    const blind = uri(path, { ...name, more: '&no_verify=1' });
    expect(await seenByBallonet(blind)).toMatchObject([{ name: 'test' }]);
    await expect(run('virsh', ['-c', uri(path, name), 'list'])).rejects.toThrow();
  });

  it.each([
    ['no certificate', undefined],
    ['one that has expired', 'expired'],
    ['one of another authority', 'stranger'],
  ])('refuses a client with %s', async (_what, kind) => {
    let identity: Issued | undefined;
    if (kind === 'expired') identity = await authority.issue('expired-client', { expired: true });
    if (kind === 'stranger')
      identity = await (await createAuthority(join(host.folder, 'ca-stranger'))).issue('stranger');
    expect(await refusalOf(uri(await pki({ client: identity })))).toMatchObject({
      code: 'HYPERVISOR_DENIED',
      message: expect.stringContaining(`127.0.0.1 port ${port}`),
    });
  });

  it('refuses a client by its name alone, and says so by its byte or by hanging up', async () => {
    await host.serve(tls(server, 'tls_allowed_dn_list = ["CN=somebody else"]'), { port });
    expect(await refusalOf(uri(await pki()))).toMatchObject({ code: 'HYPERVISOR_DENIED' });
    await host.serve(tls(server, 'tls_allowed_dn_list = ["CN=client"]'), { port });
    expect(await seenByBallonet(uri(await pki()))).toMatchObject([{ name: 'test' }]);
  });

  it('is not believed with a certificate that has expired', async () => {
    const expired = await authority.issue('expired-server', { names: ['IP:127.0.0.1'], expired: true });
    await host.serve(tls(expired, 'tls_no_sanity_certificate = 1'), { port });
    expect(await refusalOf(uri(await pki()))).toMatchObject({
      code: 'HYPERVISOR_DENIED',
      message: expect.stringMatching(/expired/i),
    });
    await host.serve(tls(server), { port });
  });

  it('is not believed with a certificate that is revoked', async () => {
    const path = await pki({ revoked: await authority.revoke(await authority.issue('other')) });
    expect(await seenByBallonet(uri(path))).toMatchObject([{ name: 'test' }]);
    const revoked = await pki({ revoked: await authority.revoke(server) });
    expect(await refusalOf(uri(revoked))).toMatchObject({
      code: 'HYPERVISOR_DENIED',
      message: expect.stringMatching(/revoked/i),
    });
  });

  it.each([
    ['authority', 'cacert.pem', /cacert\.pem/],
    ['key', 'clientkey.pem', /clientkey\.pem/],
  ])('is not asked with a broken %s', async (_what, file, why) => {
    const folder = await pki();
    await writeFile(join(folder, file), 'no PEM');
    expect(await refusalOf(uri(folder))).toMatchObject({
      code: 'HYPERVISOR_DENIED',
      message: expect.stringMatching(why),
    });
  });

  it('is not asked with a key of another certificate', async () => {
    const folder = await pki();
    await copyFile(server.key, join(folder, 'clientkey.pem'));
    expect(await refusalOf(uri(folder))).toMatchObject({ code: 'HYPERVISOR_DENIED' });
  });

  it('is unreachable when it is gone, and reached again when it is back', async () => {
    const where = uri(await pki());
    await withConnection(where, { reconnect: true, callTimeout: 5 }, async hypervisor => {
      const states: boolean[] = [];
      hypervisor.link.subscribe(({ up }) => states.push(up));
      await host.stop();
      expect(await refusalOf(where)).toMatchObject({ code: 'HYPERVISOR_UNREACHABLE' });
      await host.serve(tls(server), { port });
      await expect.poll(() => states.at(-1), { timeout: 20_000 }).toBe(true);
      expect(states).toContain(false);
      expect(await hypervisor.domains()).toHaveLength(1);
    });
  });
});
