/**
 * A daemon as it is shipped, in a process of its own, over a fleet of simulated guests at one tick a second. They live in another
 * process behind libvirt's protocol, as real ones do behind libvirtd, or, embedded, in the daemon's own.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createApiClient } from '../../src/api/client.ts';
import { ROUTES } from '../../src/api/routes.ts';
import { readJournal } from '../../src/journal/reader.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Linux reports processor time in these, whatever the kernel's own (USER_HZ, proc(5)). */
const TICKS_PER_SECOND = 100;
const START_SECONDS = 60;

export interface Fleet extends AsyncDisposable {
  readonly socket: string;
  /** Seconds of processor time that it took so far. */
  cpuSeconds(): number;
  residentBytes(): number;
  /** Its ticks so far, and how many of its guests it has figures of that it goes by. */
  seen(): Promise<{ readonly ticks: number; readonly reporting: number }>;
  /** Lets the daemon's event loop run before all else on the machine; false where this user may not say so. */
  putFirst(): boolean;
  /** Descriptors that it holds. */
  handles(): number;
  journalBytes(): number;
  /** Times of the ticks so far, by the monotonic clock; the daemon is ended first, so that its journal is whole. */
  end(): Promise<readonly number[]>;
}

export type Home = 'served' | 'embedded';

export async function startFleet(guests: number, home: Home = 'served'): Promise<Fleet> {
  const folder = mkdtempSync(path.join(tmpdir(), 'fleet-'));
  const scenario = path.join(folder, 'fleet.yaml');
  writeFileSync(
    scenario,
    readFileSync(path.join(ROOT, 'scenarios/diurnal-fleet.yaml'), 'utf8')
      .replace('count: 200', `count: ${guests}`)
      .replace('memory: 640GiB', `memory: ${Math.ceil(3.2 * guests)}GiB`)
      .replaceAll(/(step|interval): 5s/g, '$1: 1s'),
  );
  const socket = path.join(folder, 'sock');
  const state = path.join(folder, 'state');
  const policy = path.join(ROOT, 'policies/standard.yaml');
  const served = path.join(folder, 'libvirt-sock');
  const server = home === 'served' ? await serve(scenario, served) : undefined;
  const uri = server === undefined ? `sim:///${scenario}` : `test+unix:///default?socket=${served}`;
  const args = ['-c', uri, 'run', '--policy', policy, '--socket', socket, '--state', state];
  const child = spawn(path.join(ROOT, 'bin/ballonet'), [...args, '--log-level', 'error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...unitEnvironment() },
  });
  const pid = child.pid ?? 0;
  const files = () =>
    readdirSync(state, { recursive: true, encoding: 'utf8' }).filter(name => /journal-.*ndjson/.test(name));
  try {
    await ready(socket, child);
  } catch (error) {
    child.kill('SIGKILL');
    server?.kill('SIGKILL');
    throw error;
  }
  return {
    socket,
    cpuSeconds() {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    },
    residentBytes() {
      const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      return Number(kib) * 1024;
    },
    async seen() {
      const client = createApiClient(socket, 'bench');
      const [{ lastTick }, { items }] = await Promise.all([
        client.call(ROUTES.status),
        client.call(ROUTES.guests),
      ]);
      const reporting = items.filter(({ reason }) => !reason.startsWith('STATS_')).length;
      return { ticks: lastTick?.sequence ?? 0, reporting };
    },
    // Real time (sched(7)) for its first thread, which is the event loop's; a nice value only gives it a larger share.
    putFirst: () =>
      spawnSync('chrt', ['--fifo', '--pid', '1', String(pid)], { stdio: 'ignore' }).status === 0,
    handles: () => readdirSync(`/proc/${pid}/fd`).length,
    journalBytes: () => files().reduce((all, name) => all + statSync(path.join(state, name)).size, 0),
    async end() {
      child.kill('SIGTERM');
      await once(child, 'close');
      const [first = ''] = files();
      const at: number[] = [];
      for await (const record of readJournal(path.join(state, path.dirname(first))))
        if (record.type === 'tick') at.push(record.at.monotonic);
      return at;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
      server?.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What the unit sets for the daemon's runtime. */
function unitEnvironment(): Record<string, string> {
  const unit = readFileSync(path.join(ROOT, 'packaging/ballonet.service'), 'utf8');
  const { NODE_OPTIONS, MALLOC_ARENA_MAX } = Object.fromEntries(
    [...unit.matchAll(/"?\b(NODE_OPTIONS|MALLOC_ARENA_MAX)=([^"\n]*)/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
  if (NODE_OPTIONS === undefined || MALLOC_ARENA_MAX === undefined)
    throw new Error('packaging/ballonet.service is not written as it was: see test/bench/daemon.ts');
  return { NODE_OPTIONS, MALLOC_ARENA_MAX };
}

/** The guests behind a socket, once it is there. */
async function serve(scenario: string, socket: string): Promise<ChildProcess> {
  const server = spawn(path.join(ROOT, 'bin/ballonet'), ['serve', scenario, '--socket', socket], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await Promise.race([once(server.stderr, 'data'), once(server, 'close')]);
  if (server.exitCode !== null) throw new Error(`serve has ended with ${server.exitCode}`);
  server.stderr.resume();
  return server;
}

async function ready(socket: string, child: ChildProcess): Promise<void> {
  const client = createApiClient(socket, 'bench');
  for (let i = 0; i < START_SECONDS * 5; i++) {
    if (child.exitCode !== null) throw new Error(`the daemon has ended with ${child.exitCode}`);
    const isReady = await client.call(ROUTES.readyz).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    await sleep(200);
  }
  throw new Error(`the daemon has not been ready in ${START_SECONDS} s`);
}
