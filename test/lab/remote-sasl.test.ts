import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './process.ts';
import type { RemoteHost } from './remote-host.ts';
import { freePort, refusalOf, seenByBallonet, seenByVirsh, startRemoteHost } from './remote-host.ts';
import { createAuthority } from './remote-pki.ts';

const USER = 'balloon,=ä';
const PASSWORD = ' p=ss, \\ "wörd" ';
/** The same as an auth file has it. */
const WRITTEN = '\\sp=ss, \\\\ "wörd" ';

describe('a libvirtd that asks for a password', () => {
  let host: RemoteHost;
  let port: number;
  let pkiPath: string;
  let certificates: readonly string[];

  beforeAll(async () => {
    host = await startRemoteHost();
    const authority = await createAuthority(join(host.folder, 'ca'));
    const server = await authority.issue('server', { names: ['IP:127.0.0.1'] });
    port = await freePort();
    pkiPath = join(host.folder, 'pki');
    await mkdir(pkiPath);
    await run('cp', [authority.certificate, join(pkiPath, 'cacert.pem')]);
    await mkdir(join(host.folder, 'sasl2'));
    await offer('scram-sha-256');
    await addUser(USER, PASSWORD);
    certificates = [
      `ca_file = "${authority.certificate}"`,
      `cert_file = "${server.certificate}"`,
      `key_file = "${server.key}"`,
    ];
    await serve();
  });

  afterAll(async () => {
    await host?.close();
  });

  async function serve(): Promise<void> {
    await host.serve(
      [
        ...['auth_unix_rw = "sasl"', 'auth_tls = "sasl"', 'listen_tls = 1', 'listen_addr = "127.0.0.1"'],
        ...[`tls_port = "${port}"`, ...certificates],
        // The password is what is tried here, with clients that have no certificate.
        'tls_no_verify_certificate = 1',
      ],
      { env: { SASL_CONF_PATH: join(host.folder, 'sasl2') }, port },
    );
  }

  async function offer(mechanisms: string): Promise<void> {
    const lines = [
      `mech_list: ${mechanisms}`,
      'pwcheck_method: auxprop',
      'auxprop_plugin: sasldb',
      `sasldb_path: ${join(host.folder, 'passwords.db')}`,
    ];
    await writeFile(join(host.folder, 'sasl2/libvirt.conf'), `${lines.join('\n')}\n`);
  }

  async function addUser(user: string, password: string): Promise<void> {
    const script = 'printf %s "$1" | saslpasswd2 -p -c -f "$2" -a libvirt "$3"';
    await run('/bin/sh', ['-c', script, 'sh', password, join(host.folder, 'passwords.db'), user], {
      env: { ...process.env, SASL_CONF_PATH: join(host.folder, 'sasl2') },
    });
  }

  let files = 0;
  async function authFile(user: string, password: string, name = 'default'): Promise<string> {
    files += 1;
    const path = join(host.folder, `auth${files}.conf`);
    await writeFile(
      path,
      `[credentials-one]\nauthname=${user}\npassword=${password}\n[auth-libvirt-${name}]\ncredentials=one\n`,
    );
    return path;
  }

  function unix(more: string): string {
    return `test+unix:///default?socket=${host.socket}${more}`;
  }

  function tls(more: string, user = ''): string {
    return `test+tls://${user}127.0.0.1:${port}/default?pkipath=${pkiPath}${more}`;
  }

  it('lets Ballonet and virsh in by the same file, over a unix socket and over TLS', async () => {
    for (const [make, name] of [
      [unix, 'localhost'],
      [tls, '127.0.0.1'],
    ] as const) {
      const where = make(`&authfile=${await authFile(USER, WRITTEN, name)}`);
      const seen = await seenByVirsh(where);
      expect(seen).toMatchObject([{ name: 'test' }]);
      expect(await seenByBallonet(where)).toEqual(seen);
    }
  });

  it('asks nobody who only reads, by the read-only socket', async () => {
    expect(await seenByBallonet(`${unix('')}-ro`, { readOnly: true })).toMatchObject([{ name: 'test' }]);
  });

  it.each([
    ['a wrong password', USER, `${WRITTEN}x`],
    ['a password whose last blank is lost', USER, WRITTEN.trim()],
    ['an unknown user', 'nobody', WRITTEN],
  ])('refuses %s', async (_what, user, password) => {
    const file = await authFile(user, password);
    for (const where of [unix(`&authfile=${file}`), tls(`&authfile=${file}`)])
      expect(await refusalOf(where)).toMatchObject({ code: 'HYPERVISOR_DENIED', hypervisorCode: 45 });
    await expect(run('virsh', ['-c', unix(`&authfile=${file}`), 'list'])).rejects.toThrow(/authentication/);
  });

  it('is not asked without a password, or with one of another user', async () => {
    expect(await refusalOf(unix(`&authfile=${join(host.folder, 'missing')}`))).toMatchObject({
      code: 'HYPERVISOR_DENIED',
      message: expect.stringContaining('missing'),
    });
    const file = await authFile(USER, WRITTEN, 'other.example');
    expect(await refusalOf(tls(`&authfile=${file}`))).toMatchObject({
      code: 'HYPERVISOR_DENIED',
      message: expect.stringContaining('auth-libvirt-127.0.0.1'),
    });
    const own = `&authfile=${await authFile(USER, WRITTEN)}`;
    expect(await refusalOf(tls(own, 'fred@'))).toMatchObject({ code: 'HYPERVISOR_DENIED' });
    expect(await seenByBallonet(tls(own, `${encodeURIComponent(USER)}@`))).toHaveLength(1);
  });

  it('is told apart when it offers other mechanisms only', async () => {
    await offer('scram-sha-1 digest-md5');
    await serve();
    expect(await refusalOf(unix(`&authfile=${await authFile(USER, WRITTEN)}`))).toMatchObject({
      code: 'HYPERVISOR_DENIED',
      message: expect.stringMatching(/SCRAM-SHA-1\b.*SCRAM-SHA-256 alone is supported/),
    });
  });
});
