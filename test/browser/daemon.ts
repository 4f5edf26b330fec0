/** `ballonet run` over simulated guests, as a process of its own, with the console at an address. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));

const READY_MS = 30_000;

/** Shrinks only when the host is short of memory, which it is not: an edit of one word makes it shrink. */
const POLICY = `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: quiet}
spec:
  mode: enforce
  interval: 1s
  reserve: {bytes: 256MiB, percent: 1, select: max}
  pressure:
    - {name: hard, when: host.available_ratio < 0.01, for: 5s, keepFor: 10s}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: everybody}
spec:
  match: {}
  guarantees: {min: 10%, max: 100%, reserve: 128MiB}
  estimate: {signal: used, window: 30s, quantile: 0.95, growth: 1s}
  target: guest.demand + guarantees.reserve
  behavior:
    shrink: {at: [hard], step: {max: 20%, min: 16MiB}, cooldown: 2s}
    grow: {at: [none, hard], cooldown: 0s}
`;

/** What the policy shrinks for, and what a test writes instead. */
export const SHRINKS_AT = 'shrink: {at: [hard]';
export const SHRINKS_ALWAYS = 'shrink: {at: [none, hard]';

const POLICY_TEST = `apiVersion: ballonet/v1
kind: PolicyTest
metadata: {name: leaves guests alone while there is memory}
policies: [policy.yaml]
host: {memory: 64GiB}
guests: [{name: a, max: 4GiB}]
series: {a.used: 1GiBx60}
never: [{action: shrink}]
`;

/** Guests that are busy enough for each tick to bring other figures. */
function scenario(guests: number): string {
  return `apiVersion: ballonet/v1
kind: Scenario
metadata: {name: fleet}
spec:
  host: {memory: ${guests * 3}GiB}
  guests:
    - name: web
      count: ${guests}
      memory: 2GiB
      demand: {diurnal: {low: 300MiB, high: 900MiB, period: 60s, phase: 10%}}
      stagger: 7s
      files: {size: 200MiB, rate: 20MiB/s}
      touched: 40%
      statsPeriod: 1s
`;
}

export interface Daemon extends AsyncDisposable {
  /** Where the page is. */
  readonly url: string;
  /** What stood in its policy file. */
  readonly policy: string;
  /** Kills it and starts it again at the same address. */
  restart(): Promise<void>;
}

interface Options {
  readonly guests: number;
  readonly tokens?: { readonly read: string; readonly write: string };
}

/** Starts a daemon, and waits until it has seen its guests. */
export async function startDaemon({ guests, tokens }: Options): Promise<Daemon> {
  const folder = mkdtempSync(join(tmpdir(), 'ballonet-browser-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const policy = file('policy.yaml', POLICY);
  file('policy.test.yaml', POLICY_TEST);
  const fleet = file('fleet.yaml', scenario(guests));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const auth =
    tokens === undefined
      ? []
      : ['--read-token-file', file('read', tokens.read), '--token-file', file('write', tokens.write)];
  let child: ChildProcess;

  async function start(): Promise<void> {
    const place = ['--socket', join(folder, 'sock'), '--listen', `127.0.0.1:${port}`];
    const args = ['-c', `sim:///${fleet}`, 'run', '--policy', policy, ...place, ...auth];
    child = spawn(BALLONET, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, TMPDIR: folder },
    });
    let said = '';
    child.stderr?.on('data', data => {
      said = (said + String(data)).slice(-2000);
    });
    const isReady = () =>
      fetch(`${url}readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    const deadline = performance.now() + READY_MS;
    while (!(await isReady())) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`the daemon is not ready: ${said}`);
      await sleep(100);
    }
  }

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
  }

  await start();
  return {
    url,
    policy: POLICY,
    async restart() {
      await stop();
      await start();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
