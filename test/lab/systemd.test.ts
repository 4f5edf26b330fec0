import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { serviceManager } from '../../src/telemetry/systemd.ts';

const LISTEN = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(s.recv(4096).decode(), flush=True)
`;

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
const POLICY = fileURLToPath(new URL('../../policies/standard.yaml', import.meta.url));

/** A folder with a socket in it at which somebody listens as systemd would. */
async function listener() {
  const folder = mkdtempSync(join(tmpdir(), 'ballonet-notify-'));
  const socket = join(folder, 'notify');
  const child = spawn('python3', ['-c', LISTEN, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  child.stdout.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
  });
  await once(child.stdout, 'data');
  return {
    ...{ folder, socket },
    heard: () => heard,
    [Symbol.dispose]() {
      child.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

it('tells systemd in datagrams, in order, and knows how often the watchdog wants to hear', async () => {
  using systemd = await listener();
  const { socket } = systemd;
  const problems: string[] = [];
  const environment = { PATH: process.env.PATH, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '30000000' };
  const manager = serviceManager(environment, problem => problems.push(problem));
  expect(manager?.pingEvery).toBe(15);
  await manager?.tell('READY=1', 'STATUS=12 guests');
  await manager?.tell('WATCHDOG=1');
  await expect.poll(systemd.heard, { timeout: 10_000 }).toContain('WATCHDOG=1');
  expect(systemd.heard().indexOf('READY=1')).toBeGreaterThan(0);
  expect(systemd.heard().indexOf('READY=1')).toBeLessThan(systemd.heard().indexOf('WATCHDOG=1'));
  expect(systemd.heard()).toContain('STATUS=12 guests');
  expect(problems).toEqual([]);
}, 30_000);

it('says when a reload begins, by the clock that systemd goes by, and that it is over, taken up or not', async () => {
  using systemd = await listener();
  const { folder, socket, heard } = systemd;
  const policy = join(folder, 'policy.yaml');
  copyFileSync(POLICY, policy);
  const args = ['-c', 'sim:///overcommitted', 'run', '--policy', policy, '--socket', join(folder, 'sock')];
  const env = { ...process.env, NOTIFY_SOCKET: socket };
  const daemon = spawn(BALLONET, args, { stdio: 'ignore', env });
  try {
    await expect.poll(heard, { timeout: 30_000 }).toContain('READY=1');
    const before = systemd.heard().length;
    daemon.kill('SIGHUP');
    const since = () => heard().slice(before);
    await expect.poll(since, { timeout: 30_000 }).toMatch(/RELOADING=1\nMONOTONIC_USEC=\d+\n[\s\S]*READY=1/);
    const [, told] = /MONOTONIC_USEC=(\d+)/.exec(since()) ?? [];
    const now = Number(process.hrtime.bigint() / 1000n);
    expect(Number(told)).toBeLessThanOrEqual(now);
    expect(Number(told)).toBeGreaterThan(now - 60e6);
    const good = heard().length;
    appendFileSync(policy, '\nnonsense: [');
    daemon.kill('SIGHUP');
    await expect.poll(() => heard().slice(good), { timeout: 30_000 }).toMatch(/RELOADING=1[\s\S]*READY=1/);
  } finally {
    daemon.kill('SIGKILL');
    await once(daemon, 'close');
  }
}, 120_000);

it('tells nobody where nobody wants to be told', () => {
  expect(serviceManager({}, () => {})).toBeUndefined();
});
