/**
 * How punctual the daemon's ticks are while its API is used, and abused.
 *
 *   npm run bench -- api-load [--guests 100] [--seconds 30] [--clients 1000]
 *
 * Two daemons as they are shipped, one after the other, each over simulated guests at one tick a second: one that nobody asks, and one
 * with, all at once, clients that read the stream, one that never reads, clients that send their headers byte by byte, bodies that are
 * too large, routes that are not there and bodies of wrong types. Jitter is how far the time between two ticks is from a second, by the
 * times in the daemon's own journal. Guests and load have processes of their own, the load with the least priority; the daemon's
 * event loop runs in real time where the user may say so, so that what else the machine does counts little. Descriptors are counted again ten seconds after the clients left, when
 * connections that are kept alive have ended.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startFleet } from './daemon.ts';

const SELF = fileURLToPath(import.meta.url);
const AIM_MS = 20;
const LINGER_SECONDS = 10;
const SLOW = 50;
/** Requests a second of the kinds that are refused. */
const REFUSED_RATE = 100;

const { values } = parseArgs({
  options: {
    guests: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '30' },
    clients: { type: 'string', default: '1000' },
    // How this script starts itself for the load.
    abuse: { type: 'string' },
  },
});
const [guests, seconds, clients] = [Number(values.guests), Number(values.seconds), Number(values.clients)];

interface Ran {
  readonly jitter: readonly number[];
  readonly residentBytes: number;
  /** Its event loop ran before all else. */
  readonly isFirst: boolean;
  readonly handles: readonly [before: number, under: number, after: number];
}

async function run(withLoad: boolean): Promise<Ran> {
  await using fleet = await startFleet(guests);
  const isFirst = fleet.putFirst();
  await sleep(5000);
  const before = fleet.handles();
  const load = withLoad ? startLoad(fleet.socket) : undefined;
  await sleep(seconds * 500);
  const under = fleet.handles();
  await sleep(seconds * 500);
  const residentBytes = fleet.residentBytes();
  await load?.end();
  await sleep(LINGER_SECONDS * 1000);
  const after = fleet.handles();
  const at = (await fleet.end()).slice(5);
  const jitter = at.slice(1).map((time, i) => Math.abs(time - (at[i] ?? 0) - 1) * 1000);
  return {
    jitter: jitter.toSorted((a, b) => a - b),
    residentBytes,
    isFirst,
    handles: [before, under, after],
  };
}

function startLoad(socket: string): { readonly end: () => Promise<void> } {
  const child = spawn(process.execPath, [SELF, '--abuse', socket, '--clients', String(clients)], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  const ended = once(child, 'close');
  return {
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Everything at once, until standard input ends. */
async function abuse(socket: string): Promise<void> {
  let isOver = false;
  process.stdin.resume().once('end', () => {
    isOver = true;
  });
  const sockets: Socket[] = [];
  const open = (text: string): Socket => {
    const client = connect(socket);
    client.on('error', () => {});
    client.write(text);
    sockets.push(client);
    return client;
  };
  const stream = 'GET /api/v1/stream HTTP/1.1\r\nhost: x\r\n\r\n';
  for (let i = 0; i < clients; i++) open(stream).resume();
  open(stream).pause();
  for (let i = 0; i < SLOW; i++) open('GET /healthz HTTP/1.1\r\n');
  let turn = 0;
  while (!isOver) {
    for (const slow of sockets.slice(-SLOW)) slow.write('x');
    for (let i = 0; i < REFUSED_RATE / 10; i++) send(socket, turn++);
    await sleep(100);
  }
  for (const client of sockets) client.destroy();
}

const LARGE = 'x'.repeat(1 << 20);

function send(socket: string, turn: number): void {
  const [path, body] = [
    ['/api/v1/nowhere', '{}'],
    ['/api/v1/reload', '{"unknown": 1}'],
    ['/api/v1/guests/vm-1/pause', '{"reason": 7}'],
    ['/api/v1/release', LARGE],
  ][turn % 4] as [string, string];
  const headers = { 'content-type': 'application/json' };
  const sent = request({ socketPath: socket, method: 'POST', path, headers }, response => response.resume());
  sent.on('error', () => {});
  sent.end(body);
}

function print(title: string, { jitter, residentBytes, handles, isFirst }: Ran): void {
  const part = (share: number): string =>
    `${(jitter[Math.floor(share * (jitter.length - 1))] ?? 0).toFixed(1)} ms`;
  console.log(
    `${title.padEnd(8)}${String(jitter.length).padStart(4)} ticks  jitter p50 ${part(0.5)}, p95 ${part(0.95)}, most ${part(1)} (aim ${AIM_MS} ms)` +
      `  resident ${(residentBytes / 1e6).toFixed(0)} MB  handles before ${handles[0]}, under load ${handles[1]}, after ${handles[2]}${isFirst ? '' : '  (beside whatever else runs: no right to real time)'}`,
  );
}

if (values.abuse !== undefined) await abuse(values.abuse);
else {
  console.log(
    `${guests} guests, ${seconds} s; load: ${clients} streams, 1 that never reads, ${SLOW} slow, ${REFUSED_RATE} refused a second`,
  );
  print('quiet', await run(false));
  print('load', await run(true));
}
