import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

it('tells systemd in datagrams, in order, and knows how often the watchdog wants to hear', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ballonet-notify-'));
  const socket = join(folder, 'notify');
  const child = spawn('python3', ['-c', LISTEN, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let heard = '';
    child.stdout.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    await once(child.stdout, 'data');
    const problems: string[] = [];
    const environment = { PATH: process.env.PATH, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '30000000' };
    const manager = serviceManager(environment, problem => problems.push(problem));
    expect(manager?.pingEvery).toBe(15);
    await manager?.tell('READY=1', 'STATUS=12 guests');
    await manager?.tell('WATCHDOG=1');
    await expect.poll(() => heard, { timeout: 10_000 }).toContain('WATCHDOG=1');
    expect(heard.indexOf('READY=1')).toBeGreaterThan(0);
    expect(heard.indexOf('READY=1')).toBeLessThan(heard.indexOf('WATCHDOG=1'));
    expect(heard).toContain('STATUS=12 guests');
    expect(problems).toEqual([]);
  } finally {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}, 30_000);

it('tells nobody where nobody wants to be told', () => {
  expect(serviceManager({}, () => {})).toBeUndefined();
});
