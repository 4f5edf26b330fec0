/** `ballonet run` on the simulated host, and the commands that ask it, as processes of their own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createApiClient } from '../../src/api/client.ts';
import { ROUTES } from '../../src/api/routes.ts';
import buildWhenStale from '../build.ts';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
const POLICY = fileURLToPath(new URL('../../policies/standard.yaml', import.meta.url));
const PATIENCE = { timeout: 30_000, interval: 100 };

let folder: string;
let socket: string;
const children: ChildProcess[] = [];

beforeAll(() => {
  buildWhenStale();
  folder = mkdtempSync(join(tmpdir(), 'ballonet-run-'));
  socket = join(folder, 'sock');
}, 120_000);
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.length = 0;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts a daemon; resolves when it has seen its guests. */
async function start(): Promise<ChildProcess> {
  const child = daemon();
  const client = createApiClient(socket, 'test');
  const ready = () =>
    client.call(ROUTES.readyz).then(
      ({ ok }) => ok,
      () => child.exitCode,
    );
  await expect.poll(ready, PATIENCE).toBe(true);
  return child;
}

/** Its socket comes from its configuration as well, and is that of the flag. */
function daemon(): ChildProcess {
  const config = join(folder, 'ballonet.yaml');
  const spec = { connect: 'sim:///overcommitted', policies: [POLICY], socket: 'elsewhere', logLevel: 'warn' };
  writeFileSync(config, JSON.stringify({ apiVersion: 'ballonet/v1', kind: 'Config', spec }));
  const args = ['run', '--config', config, '--socket', socket];
  const child = spawn(BALLONET, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Killed, it leaves its journal there.
    env: { ...process.env, TMPDIR: folder },
  });
  children.push(child);
  return child;
}

async function ask(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(BALLONET, [...args, '--socket', socket]);
  return stdout;
}

describe('a daemon and the commands that ask it', () => {
  it('explains a guest from a thread of its own, for people and for programs', async () => {
    await start();
    const text = await ask('explain', 'web-1');
    expect(text).toMatch(/^web-1 /);
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    const explanation = JSON.parse(await ask('explain', 'web-1', '-o', 'json'));
    expect(explanation).toMatchObject({
      apiVersion: 'ballonet/v1',
      kind: 'Explanation',
      decision: { name: 'web-1' },
      changes: expect.any(Array),
    });
    expect(await ask('list', '-o', 'name')).toContain('web-1\n');
  }, 60_000);

  it('has one daemon at a socket, which goes with it when it is asked to stop', async () => {
    const first = await start();
    const second = daemon();
    const [code] = await once(second, 'close');
    expect(code).toBe(1);
    expect(await ask('status', '-o', 'name')).toBe('standard\n');
    first.kill('SIGTERM');
    expect(await once(first, 'close')).toEqual([0, null]);
    expect(existsSync(socket)).toBe(false);
  }, 60_000);

  it('takes the socket of a daemon that was killed', async () => {
    const first = await start();
    first.kill('SIGKILL');
    await once(first, 'close');
    expect(existsSync(socket)).toBe(true);
    await expect(ask('status')).rejects.toMatchObject({ code: 4 });
    await start();
    await expect(ask('describe', 'nobody')).rejects.toMatchObject({ code: 5 });
  }, 60_000);
});
