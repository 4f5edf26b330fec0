/** TLS servers that are not libvirtd, or not as it should be. */
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { refusalOf } from './remote-host.ts';
import type { Issued } from './remote-pki.ts';
import { createAuthority } from './remote-pki.ts';

describe('a TLS connection', () => {
  let folder: string;
  let server: Issued;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ballonet-tls-'));
    const authority = await createAuthority(join(folder, 'ca'));
    server = await authority.issue('server', { names: ['IP:127.0.0.1', 'DNS:localhost'] });
    await copyFile(authority.certificate, join(folder, 'cacert.pem'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function listen(endpoint: Server): Promise<string> {
    const sockets = new Set<Socket>();
    endpoint.on('connection', socket => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    onTestFinished(() => {
      endpoint.close();
      for (const socket of sockets) socket.destroy();
    });
    endpoint.listen(0, '127.0.0.1');
    await once(endpoint, 'listening');
    const address = endpoint.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port.');
    return `test+tls://127.0.0.1:${address.port}/default?pkipath=${folder}`;
  }

  async function tlsServer(serve: (socket: TLSSocket) => void, options: TlsOptions = {}): Promise<string> {
    const identity = { cert: await readFile(server.certificate), key: await readFile(server.key) };
    return listen(
      createTlsServer({ ...identity, ...options }, socket => {
        socket.on('error', () => {});
        serve(socket);
      }).on('tlsClientError', () => {}),
    );
  }

  it.each<[string, string, (socket: TLSSocket) => void]>([
    ['says 0', 'HYPERVISOR_DENIED', socket => socket.write('\0')],
    ['says 2', 'HYPERVISOR_DENIED', socket => socket.write('\u0002')],
    ['hangs up instead of its byte', 'HYPERVISOR_DENIED', socket => socket.end()],
    ['breaks off instead of its byte', 'HYPERVISOR_DENIED', socket => socket.destroy()],
    ['says nothing', 'HYPERVISOR_TIMEOUT', () => {}],
    ['says 1 and nothing more', 'HYPERVISOR_TIMEOUT', socket => socket.write('\u0001')],
    ['says 1 and hangs up', 'HYPERVISOR_CLOSED', socket => socket.end('\u0001')],
    ['says 1 and nonsense with it', 'PROTOCOL', socket => socket.write('\u0001HTTP/1.1 400')],
  ])('to a server that %s ends in %s', async (_what, code, serve) => {
    const where = await tlsServer(serve);
    expect(await refusalOf(where, { callTimeout: 0.5 })).toMatchObject({ code });
  });

  it.each<[string, string, (socket: Socket) => void]>([
    ['speaks something else', 'HYPERVISOR_UNREACHABLE', socket => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['hangs up at once', 'HYPERVISOR_UNREACHABLE', socket => socket.destroy()],
    ['accepts and says nothing', 'HYPERVISOR_TIMEOUT', () => {}],
  ])('to a server that %s ends in %s', async (_what, code, serve) => {
    const where = await listen(createServer(serve));
    expect(await refusalOf(where, { callTimeout: 0.5 })).toMatchObject({ code });
  });

  it('is not made with a TLS older than 1.2', async () => {
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const where = await tlsServer(socket => socket.write('\u0001'), old);
    expect(await refusalOf(where, { callTimeout: 0.5 })).toMatchObject({
      code: expect.stringMatching(/^HYPERVISOR_(?:DENIED|UNREACHABLE)$/),
      message: expect.stringMatching(/version/i),
    });
  });

  it('names the host it wants, but not an address', async () => {
    const asked: unknown[] = [];
    const where = await tlsServer(socket => {
      asked.push(socket.servername);
      socket.end();
    });
    await refusalOf(where);
    await refusalOf(where.replace('127.0.0.1', 'localhost'));
    expect(asked).toEqual([false, 'localhost']);
  });
});
