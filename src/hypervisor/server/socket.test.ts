import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listenAt } from './socket.ts';

let folder: string;
let path: string;
const servers: Server[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ballonet-socket-'));
  path = join(folder, 'sock');
});

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true });
});

function newServer(): Server {
  const server = createServer(socket => socket.on('error', () => {}).end('hello'));
  servers.push(server);
  return server;
}

/** Leaves a socket at `path` that nobody listens on: its process died without a chance to remove it. */
async function leaveStale(): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', script]), 'exit');
  expect(statSync(path).isSocket()).toBe(true);
}

async function greeting(): Promise<string> {
  const [chunk] = (await once(connect(path), 'data')) as [Buffer];
  return chunk.toString();
}

describe('the place of the socket', () => {
  it.each([0o000, 0o022, 0o077])('is for the owner alone, whatever the umask is (%i)', async mask => {
    const before = process.umask(mask);
    await listenAt(newServer(), path);
    expect(process.umask(before)).toBe(mask);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is taken from a server that is no more', async () => {
    await leaveStale();
    await listenAt(newServer(), path);
    expect(await greeting()).toBe('hello');
  });

  it('is left to a server that is there', async () => {
    await listenAt(newServer(), path);
    await expect(listenAt(newServer(), path)).rejects.toMatchObject({ code: 'SOCKET_UNAVAILABLE' });
    expect(await greeting()).toBe('hello');
  });

  it('is left to a file that is none', async () => {
    writeFileSync(path, 'precious');
    await expect(listenAt(newServer(), path)).rejects.toMatchObject({ code: 'SOCKET_UNAVAILABLE' });
    expect(statSync(path).size).toBe(8);
  });

  it('must be in a folder that is there, and be short enough for the kernel', async () => {
    for (const bad of [join(folder, 'none', 'sock'), join(folder, 'x'.repeat(100))])
      await expect(listenAt(newServer(), bad)).rejects.toMatchObject({ code: 'SOCKET_UNAVAILABLE' });
    await expect(listenAt(newServer(), join(folder, 'none', 'sock'))).rejects.toThrow(
      `no folder ${join(folder, 'none')}`,
    );
  });

  it('is empty again when the server has ended', async () => {
    const server = newServer();
    await listenAt(server, path);
    server.close();
    await once(server, 'close');
    expect(existsSync(path)).toBe(false);
  });
});
