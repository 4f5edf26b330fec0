/** The API behind TLS: a daemon on the simulated host, certificates by openssl, clients that have the right one and others. */
import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlsFiles } from '../../src/cli/daemon/api-options.ts';
import { readTls } from '../../src/cli/daemon/tls.ts';
import { createAuthority, type Issued, type TestAuthority } from './remote-pki.ts';
import { requireLab } from './requirements.ts';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
const POLICY = fileURLToPath(new URL('../../policies/standard.yaml', import.meta.url));
const PATIENCE = { timeout: 30_000, interval: 50 };
const TOKEN = 'write-token-0123456789';

let folder: string;
let authority: TestAuthority;
let certificates: Readonly<
  Record<'server' | 'next' | 'reader' | 'writer' | 'nobody' | 'late' | 'stranger', Issued>
>;
const children: ChildProcess[] = [];

beforeAll(async () => {
  requireLab();
  folder = mkdtempSync(join(tmpdir(), 'ballonet-tls-'));
  authority = await createAuthority(join(folder, 'ca'));
  const other = await createAuthority(join(folder, 'other'));
  const names = ['IP:127.0.0.1'];
  certificates = {
    server: await authority.issue('server', { names }),
    next: await authority.issue('next', { names }),
    reader: await authority.issue('reader'),
    writer: await authority.issue('writer'),
    nobody: await authority.issue('nobody'),
    late: await authority.issue('late', { expired: true }),
    stranger: await other.issue('reader'),
  };
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly port: number;
  /** The lines of its log. */
  readonly log: () => string;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function daemon(listen: string, options: readonly string[]): Omit<Started, 'port'> {
  const socket = join(folder, `sock-${children.length}`);
  const own = [
    '-c',
    'sim:///overcommitted',
    'run',
    '--policy',
    POLICY,
    '--socket',
    socket,
    '--listen',
    listen,
  ];
  const child = spawn(BALLONET, [...own, ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
  });
  children.push(child);
  let log = '';
  child.stderr.on('data', (part: Buffer) => {
    log += part.toString();
  });
  return { child, log: () => log };
}

async function start(...options: string[]): Promise<Started> {
  const port = await freePort();
  const started = daemon(`127.0.0.1:${port}`, options);
  await expect.poll(started.log, PATIENCE).toContain('"tls":true');
  return { ...started, port };
}

function tlsOptions({ certificate, key } = certificates.server): string[] {
  return ['--tls-cert', certificate, '--tls-key', key];
}

/** When the certificate runs out that the daemon shows, as its metrics tell. */
async function expiry(port: number): Promise<number> {
  const answer = await ask(port, { path: '/metrics' });
  const [, value] =
    /^ballonet_certificate_expiry_timestamp_seconds\{certificate="listen"\} (\S+)$/m.exec(
      answer.body ?? '',
    ) ?? [];
  return Number(value);
}

interface Asked {
  readonly path?: string;
  readonly client?: Issued;
  readonly token?: string;
  readonly body?: object;
}

/** The status, and the fingerprint of the server's certificate; or the code of what kept it from answering. */
async function ask(port: number, { path = '/api/v1/status', client, token, body }: Asked = {}) {
  return new Promise<{ status: number | string; server?: string; body?: string }>(resolve => {
    const own = client && { cert: readFileSync(client.certificate), key: readFileSync(client.key) };
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sent = request(
      {
        ...{
          host: '127.0.0.1',
          port,
          path,
          method: body === undefined ? 'GET' : 'POST',
          agent: false,
          headers,
        },
        ...{ ca: readFileSync(authority.certificate), ...own },
      },
      response => {
        const server = (response.socket as TLSSocket).getPeerCertificate().fingerprint256;
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, server, body: Buffer.concat(parts).toString() }),
        );
      },
    );
    sent.on('error', error => resolve({ status: 'code' in error ? String(error.code) : error.message }));
    sent.end(body && JSON.stringify(body));
  });
}

const fingerprintOf = ({ certificate }: Issued): string =>
  new X509Certificate(readFileSync(certificate)).fingerprint256;

const expiryOf = ({ certificate }: Issued): number =>
  Date.parse(new X509Certificate(readFileSync(certificate)).validTo) / 1000;

describe('the API behind TLS', () => {
  it('lets those in whose certificates were named, by name or fingerprint, as far as they may', async () => {
    const { port, log } = await start(
      ...tlsOptions(),
      ...['--tls-client-ca', authority.certificate, '--tls-read', 'reader'],
      ...['--tls-write', `sha256:${fingerprintOf(certificates.writer)}`],
    );
    const { reader, writer, nobody, late, stranger } = certificates;
    const reload = { path: '/api/v1/reload', body: {} };
    expect(await ask(port, { client: reader })).toMatchObject({ status: 200 });
    expect(await ask(port, { client: reader, ...reload })).toMatchObject({ status: 403 });
    expect(await ask(port, { client: writer })).toMatchObject({ status: 200 });
    expect(await ask(port, { client: writer, ...reload })).toMatchObject({ status: 200 });
    expect(await ask(port, { client: nobody })).toMatchObject({ status: 401 });
    // A token that nobody has set opens nothing.
    expect(await ask(port, { client: nobody, token: TOKEN })).toMatchObject({ status: 401 });
    for (const client of [undefined, late, stranger]) {
      const { status } = await ask(port, client && { client });
      expect(status, client?.certificate).toMatch(/^(ERR_SSL_|ECONNRESET|EPIPE)/);
    }
    expect(log()).toContain('"by":"\\"writer\\" (certificate) from 127.0.0.1"');
    expect(log()).toMatch(/"what":"reload".*"refused"|"refused".*"what":"reload"/);
  }, 60_000);

  it('takes a token instead of a certificate where there is one, and no certificate that does not hold', async () => {
    const file = join(folder, 'token');
    writeFileSync(file, TOKEN, { mode: 0o600 });
    const { port, log } = await start(
      ...tlsOptions(),
      ...['--tls-client-ca', authority.certificate, '--tls-read', '*', '--token-file', file],
    );
    const { nobody, late, stranger } = certificates;
    expect(await ask(port, { client: nobody })).toMatchObject({ status: 200 });
    expect(await ask(port, { token: TOKEN, path: '/api/v1/reload', body: {} })).toMatchObject({
      status: 200,
    });
    expect(await ask(port, { token: TOKEN, client: stranger })).toMatchObject({ status: 200 });
    for (const client of [undefined, late, stranger])
      expect(await ask(port, client && { client })).toMatchObject({ status: 401 });
    expect(await ask(port, { token: `${TOKEN}0`, client: nobody })).toMatchObject({ status: 401 });
    expect(log()).not.toContain(TOKEN);
  }, 60_000);

  it('takes up a renewed certificate on SIGHUP, and keeps the old one when the new one is unsound', async () => {
    const { server, next } = certificates;
    const used = { certificate: join(folder, 'used.crt'), key: join(folder, 'used.key') };
    const put = ({ certificate, key }: Issued): void => {
      copyFileSync(certificate, used.certificate);
      copyFileSync(key, used.key);
    };
    put(server);
    const { port, child, log } = await start(...tlsOptions(used));
    expect(await ask(port)).toMatchObject({ status: 200, server: fingerprintOf(server) });
    expect(await expiry(port)).toBe(expiryOf(server));
    put(next);
    child.kill('SIGHUP');
    await expect.poll(log, PATIENCE).toContain('CERTIFICATE_RELOADED');
    expect(await ask(port)).toMatchObject({ status: 200, server: fingerprintOf(next) });
    expect(await expiry(port)).toBe(expiryOf(next));
    copyFileSync(server.certificate, used.certificate);
    child.kill('SIGHUP');
    await expect.poll(log, PATIENCE).toContain('CERTIFICATE_REFUSED');
    expect(await ask(port)).toMatchObject({ status: 200, server: fingerprintOf(next) });
  }, 60_000);

  it('ends at once with a client that never shakes hands', async () => {
    const { port, child } = await start(...tlsOptions());
    const silent = connectTcp(port, '127.0.0.1');
    await once(silent, 'connect');
    silent.on('error', () => {});
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    silent.destroy();
  }, 60_000);

  it.each([
    ['in the clear', () => [], '--tls-cert and --tls-key, and --tls-client-ca'],
    ['where nobody can be known', () => tlsOptions(), '--tls-client-ca, --token-file'],
  ])(
    'is not opened where other machines reach it %s, and says what to do',
    async (_, options, said) => {
      const { child, log } = daemon('0.0.0.0:1', options());
      expect(await once(child, 'close')).toEqual([78, null]);
      expect(log()).toContain(said);
    },
    30_000,
  );

  it('wants files and names that go together, and says which do not', () => {
    const { server, next, late } = certificates;
    const clientAuthority = authority.certificate;
    const of = (parts: Partial<TlsFiles>): TlsFiles => ({
      ...{ certificate: server.certificate, key: server.key, clientAuthority: undefined },
      ...{ readers: [], writers: [], ...parts },
    });
    expect(readTls(of({}))?.clients).toBeUndefined();
    expect(readTls(of({ clientAuthority, readers: ['me'] }))?.expiries).toEqual({
      listen: expiryOf(server),
      clients: Date.parse(new X509Certificate(readFileSync(clientAuthority)).validTo) / 1000,
    });
    expect(readTls(of({ certificate: undefined, key: undefined }))).toBeUndefined();
    const refused: readonly (readonly [Partial<TlsFiles>, string])[] = [
      [{ key: undefined }, '--tls-key'],
      [{ certificate: undefined, key: undefined, readers: ['me'] }, '--tls-cert'],
      [{ key: next.key }, 'cannot be used together'],
      [{ ...late }, 'ran out on'],
      [{ clientAuthority }, '--tls-read'],
      [{ readers: ['me'] }, '--tls-client-ca'],
      [{ clientAuthority, readers: ['sha256:ab'] }, '64 hexadecimal digits'],
      [{ clientAuthority: POLICY, readers: ['*'] }, '--tls-client-ca'],
      [{ certificate: POLICY }, 'PEM'],
      [{ certificate: '/nowhere' }, '/nowhere'],
    ];
    for (const [parts, said] of refused)
      expect(() => readTls(of(parts)), said).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(said) }),
      );
    chmodSync(server.key, 0o604);
    expect(() => readTls(of({}))).toThrow(
      expect.objectContaining({ message: expect.stringContaining('chmod') }),
    );
    chmodSync(server.key, 0o600);
  });
});
