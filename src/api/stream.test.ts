import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type ApiBench, apiBench } from '../../test/fakes/api-bench.ts';
import { decisionOf, sampleOf } from '../../test/fakes/samples.ts';
import { tickEventOf } from '../../test/fakes/ticks.ts';
import type { Application } from '../actuators/actuator.ts';
import { Snapshot, StreamDecision, StreamEvent } from './schema/answers.ts';

const CLIENTS = 1000;
const applied: Application = { status: 'applied', targetBytes: 1 };

interface Listener {
  readonly socket: Socket;
  /** Type and data of each message that has come whole. */
  readonly heard: { readonly type: string; readonly data: { readonly id?: number } }[];
}

/** A client of the stream that reads what comes. */
function listen({ socket: path }: ApiBench, query = '', header = ''): Listener {
  const socket = connect(path);
  const heard: Listener['heard'] = [];
  let rest = '';
  socket.on('data', part => {
    const pieces = (rest + String(part)).split('\n\n');
    rest = pieces.pop() ?? '';
    for (const piece of pieces) {
      const [, type = '', data = ''] = /event: (\w+)\n(?:id: \d+\n)?data: (.*)/.exec(piece) ?? [];
      if (type !== '') heard.push({ type, data: JSON.parse(data) });
    }
  });
  socket.on('error', () => {});
  socket.write(`GET /api/v1/stream${query} HTTP/1.1\r\nhost: x\r\n${header}\r\n`);
  return { socket, heard };
}

/** A client that never reads a byte. */
function deaf({ socket: path }: ApiBench): Socket {
  const socket = connect(path);
  socket.on('error', () => {});
  socket.write('GET /api/v1/stream HTTP/1.1\r\nhost: x\r\n\r\n');
  return socket;
}

const guestA = sampleOf({ uuid: 'a', name: 'alpha' });
const guestB = sampleOf({ uuid: 'b', name: 'beta' });
const holds = [guestA, guestB].map(({ uuid, name }) =>
  decisionOf({ uuid, name, action: 'hold', reason: 'COOLDOWN' }),
);

function noteMove({ history }: ApiBench, uuid: string): void {
  history.noteEngine({ type: 'applied', decision: decisionOf({ uuid }), application: applied });
}

async function bench(): Promise<ApiBench> {
  const here = await apiBench();
  here.history.noteEngine(tickEventOf([guestA, guestB], holds));
  return here;
}

describe('the stream', () => {
  it('begins with the last snapshot and goes on with what comes, each in the shape that its schema says', async () => {
    await using here = await bench();
    const { heard } = listen(here);
    await expect.poll(() => here.api.streams).toBe(1);
    noteMove(here, 'a');
    here.history.noteNotice({ type: 'SAFETY_HOLD' });
    await expect.poll(() => heard.map(({ type }) => type)).toEqual(['snapshot', 'decision', 'event']);
    for (const [index, schema] of [Snapshot, StreamDecision, StreamEvent].entries())
      expect(schema.parse(heard[index]?.data)).toEqual(heard[index]?.data);
  });

  it('gives what was asked for: types, one guest, and what came after an id', async () => {
    await using here = await bench();
    noteMove(here, 'a');
    noteMove(here, 'b');
    const ids = (listener: Listener) => listener.heard.map(({ data }) => data.id);
    const all = listen(here, '?types=decision&since=0');
    const ofAlpha = listen(here, '?types=decision&domain=alpha&since=0');
    const resumed = listen(here, '?types=decision,event', 'last-event-id: 3\r\n');
    const events = listen(here, '?types=event');
    await expect.poll(() => here.api.streams).toBe(4);
    here.history.noteNotice({ type: 'SAFETY_OVER' });
    noteMove(here, 'b');
    await expect.poll(() => ids(events)).toEqual([5]);
    await expect.poll(() => ids(all)).toEqual([1, 2, 3, 4, 6]);
    await expect.poll(() => ids(resumed)).toEqual([4, 5, 6]);
    expect(ids(ofAlpha)).toEqual([1, 3]);
  });

  it('lets a client that is behind miss snapshots and nothing else', async () => {
    await using here = await bench();
    const { socket, heard } = listen(here);
    await expect.poll(() => here.api.streams).toBe(1);
    socket.pause();
    const many = Array.from({ length: 300 }, (_, i) => sampleOf({ uuid: `u${i}`, name: `guest-${i}` }));
    const still = many.map(({ uuid, name }) => decisionOf({ uuid, name, action: 'grow' }));
    for (let i = 0; i < 100; i += 1) here.history.noteEngine(tickEventOf(many, still));
    for (let i = 0; i < 50; i += 1) noteMove(here, 'a');
    socket.resume();
    const count = (type: string) => heard.filter(message => message.type === type).length;
    await expect.poll(() => count('decision')).toBe(50);
    expect(count('snapshot')).toBeLessThan(50);
    const caughtUp = () => {
      here.history.noteEngine(tickEventOf([guestA], holds.slice(0, 1)));
      return heard.at(-1)?.type;
    };
    await expect.poll(caughtUp).toBe('snapshot');
  });

  it('drops a client that reads nothing, with little more waiting for it than a megabyte', async () => {
    await using here = await bench();
    const socket = deaf(here);
    await expect.poll(() => here.api.streams).toBe(1);
    const problem = new Error('x'.repeat(4096));
    let bytes = 0;
    while (here.api.streams > 0 && bytes < 64 * 2 ** 20) {
      here.history.noteNotice({ type: 'TICK_FAILED', error: problem });
      bytes += problem.message.length;
      if (bytes % 2 ** 18 === 0) await new Promise(setImmediate);
    }
    // The kernel holds some for it too: net.core.wmem_max is 208 KiB unless somebody raised it.
    expect(bytes).toBeLessThan(4 * 2 ** 20);
    await expect.poll(() => here.api.streams).toBe(0);
    socket.destroy();
  });

  it('drops a client that reads nothing for a while, however little waits for it', async () => {
    const stream = { backlogBytes: 2 ** 30, keepAliveMs: 50, stalledMs: 1000 };
    await using here = await apiBench({}, { stream });
    const reading = listen(here, '?types=event');
    const silent = deaf(here);
    await expect.poll(() => here.api.streams).toBe(2);
    // More than the kernel holds for it.
    here.history.noteNotice({ type: 'TICK_FAILED', error: new Error('x'.repeat(2 ** 21)) });
    await expect.poll(() => here.api.streams, { timeout: 10_000 }).toBe(1);
    here.history.noteNotice({ type: 'SAFETY_HOLD' });
    await expect.poll(() => reading.heard.length).toBe(2);
    silent.destroy();
  }, 20_000);

  it('serves a thousand clients and one that reads nothing, and keeps nothing when they have gone', async () => {
    await using here = await bench();
    const listeners = Array.from({ length: CLIENTS }, () => listen(here, '?types=snapshot,event'));
    const silent = deaf(here);
    await expect.poll(() => here.api.streams, { timeout: 20_000 }).toBe(CLIENTS + 1);
    here.history.noteEngine(tickEventOf([guestA, guestB], holds));
    here.history.noteNotice({ type: 'SAFETY_HOLD' });
    const complete = () => listeners.filter(({ heard }) => heard.length === 3).length;
    await expect.poll(complete, { timeout: 20_000 }).toBe(CLIENTS);
    // Written to in slices, and in order all the same.
    const orders = new Set(listeners.map(({ heard }) => heard.map(({ type }) => type).join(' ')));
    expect([...orders]).toEqual(['snapshot snapshot event']);
    for (const { socket } of listeners) socket.destroy();
    silent.destroy();
    await expect.poll(() => here.api.streams, { timeout: 20_000 }).toBe(0);
    expect(here.history.stream.observed).toBe(false);
    expect((await here.ask('/healthz')).status).toBe(200);
  }, 60_000);

  it('ends for all when the daemon ends', async () => {
    const here = await bench();
    const { socket } = listen(here);
    await expect.poll(() => here.api.streams).toBe(1);
    const closed = once(socket, 'close');
    await here[Symbol.asyncDispose]();
    await closed;
    await expect.poll(() => here.history.stream.observed).toBe(false);
  });
});
