/** The verb `serve` as people use it: started, found by virsh and by the daemon, stopped. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KiB, MiB } from '../../src/model/units.ts';
import { run, until } from './process.ts';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
const POLICY = fileURLToPath(new URL('../../policies/standard.yaml', import.meta.url));

let folder: string;
let path: string;
let uri: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ballonet-serve-'));
  path = join(folder, 'sock');
  uri = `test+unix:///default?socket=${path}`;
});

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  said(): string;
}

function ballonet(...words: readonly string[]): Running {
  const child = spawn(process.execPath, [BALLONET, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  const ended = new Promise<number | null>(resolve => {
    child.once('close', code => resolve(code));
  });
  return { child, ended, said: () => text };
}

async function serve(): Promise<Running> {
  const server = ballonet('serve', 'overcommitted', '--socket', path);
  await until('the server is there', 20, () => server.said().includes('serving'));
  return server;
}

describe('ballonet serve', () => {
  it.each([
    ['SIGTERM', 0],
    ['SIGINT', 130],
  ] as const)('serves until %s, and leaves nothing behind', async (signal, code) => {
    const server = await serve();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(server.said()).toContain(uri);
    expect((await run('virsh', ['-c', uri, 'list', '--name'])).trim().split('\n')).toHaveLength(12);
    const watcher = spawn('virsh', ['-c', uri, 'event', '--all', '--loop'], { stdio: 'ignore' });
    started.push(watcher);
    const begin = performance.now();
    server.child.kill(signal);
    expect(await server.ended).toBe(code);
    expect(performance.now() - begin).toBeLessThan(5000);
    expect(existsSync(path)).toBe(false);
  });

  it('takes the place of a server that was killed, and of none that lives', async () => {
    const first = await serve();
    first.child.kill('SIGKILL');
    await first.ended;
    expect(existsSync(path)).toBe(true);
    await serve();
    const third = ballonet('serve', 'sim:///overcommitted', '--socket', path);
    expect(await third.ended).toBe(1);
    expect(third.said()).toMatch(/something else listens/);
    expect(await run('virsh', ['-c', uri, 'list', '--name'])).toContain('db-1');
  });

  it.each([
    ['no socket', ['serve', 'overcommitted'], 2],
    ['no scenario', ['serve', '--socket', '/nowhere/sock'], 2],
    ['an unknown scenario', ['serve', 'nothing', '--socket', '/nowhere/sock'], 2],
    ['a real hypervisor', ['serve', 'qemu:///system', '--socket', '/nowhere/sock'], 2],
    ['a folder that is not there', ['serve', 'overcommitted', '--socket', '/nowhere/sock'], 1],
  ])('ends at once with %s', async (_, words, code) => {
    const command = ballonet(...words);
    expect(await command.ended).toBe(code);
    expect(command.said().trim().split('\n')).toHaveLength(1);
  });

  it('touches no file that is in the way', async () => {
    await writeFile(path, 'precious');
    expect(await ballonet('serve', 'overcommitted', '--socket', path).ended).toBe(1);
    expect(statSync(path).size).toBe(8);
  });

  it("is a hypervisor to the other verbs, and its guests' balloons move under the daemon", async () => {
    await serve();
    const list = ballonet('-c', uri, 'list', '-o', 'name');
    expect(await list.ended).toBe(0);
    expect(list.said().trim().split('\n')).toHaveLength(12);
    const stats = ballonet('-c', uri, 'dommemstat', 'off-the-list');
    expect(await stats.ended).toBe(5);

    const daemon = ballonet(
      '-c',
      uri,
      'run',
      '--policy',
      POLICY,
      '--state',
      join(folder, 'state'),
      '--socket',
      join(folder, 'api'),
    );
    const moved = await until('a balloon has moved', 60, () =>
      daemon
        .said()
        .split('\n')
        .find(line => line.includes('"balloon moved"')),
    );
    const { domain, fromBytes } = JSON.parse(moved) as { domain: string; fromBytes: number };
    await until('virsh sees it', 30, async () => {
      const actual = /^actual (\d+)$/m.exec(await run('virsh', ['-c', uri, 'dommemstat', domain]))?.[1];
      return Math.abs(Number(actual) * KiB - fromBytes) > MiB;
    });
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(daemon.said()).not.toContain('"level":50');
  });
});
