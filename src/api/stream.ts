/**
 * Server-sent events: snapshots, decisions and events to any number of clients. A message is made once and shared by all. What a
 * client does not read is bounded: it misses snapshots while it is behind, and is dropped when that does not help.
 */
import type { ServerResponse } from 'node:http';
import type { Subscription } from 'rxjs';
import type { TickEvent } from '../engine/engine.ts';
import type { History, Recorded } from '../engine/history.ts';
import type { Streamed } from './schema/requests.ts';
import { eventView, recordView, type State, snapshotView } from './views.ts';

export interface StreamLimits {
  /** What may wait for one client, beside what the kernel holds for it. */
  readonly backlogBytes: number;
  /** Proxies and clients give up on a connection that is silent for a minute. */
  readonly keepAliveMs: number;
  /** A client that has read nothing for so long is dropped. */
  readonly stalledMs: number;
}

export const STREAM_LIMITS: StreamLimits = {
  backlogBytes: 1024 * 1024,
  keepAliveMs: 15_000,
  stalledMs: 30_000,
};

interface Wish {
  readonly types: readonly Streamed[];
  /** Decisions and events of this guest alone. */
  readonly uuid: string | undefined;
  /** Decisions and events after this id come first, as far as they are remembered. */
  readonly since: number | undefined;
}

interface Client {
  readonly response: ServerResponse;
  readonly wish: Wish;
  /** When it fell behind; undefined while it keeps up. */
  behindSince: number | undefined;
}

/** A message on its way to those who want it. */
interface Sending {
  readonly message: Buffer;
  readonly droppable: boolean;
  readonly to: readonly Client[];
}

/**
 * Clients that are written to in one turn of the event loop: a write takes some 20 µs, and between two slices ticks and other requests
 * get their turn.
 */
const SLICE = 64;

export interface Streaming {
  /** Answers with a stream that lasts until either side ends it. */
  add(response: ServerResponse, wish: Wish): void;
  readonly size: number;
  close(): void;
}

export function createStreaming(
  history: History,
  state: () => State,
  { backlogBytes, keepAliveMs, stalledMs }: StreamLimits,
): Streaming {
  const clients = new Set<Client>();
  const snapshotMessage = memoOfLast(tickMessage);
  let watching: Subscription | undefined;
  let beat: NodeJS.Timeout | undefined;
  // All messages go through it, so that each client gets them in their order.
  const queue: Sending[] = [];
  let reached = 0;
  let turn: NodeJS.Immediate | undefined;

  function send(client: Client, message: Buffer, droppable: boolean): void {
    const { response } = client;
    if (response.writableNeedDrain) {
      if (droppable) return;
      if (response.writableLength + message.length > backlogBytes) {
        response.destroy();
        return;
      }
    }
    if (!response.write(message)) client.behindSince ??= performance.now();
  }

  function messageOf(item: Recorded): Buffer {
    switch (item.kind) {
      case 'tick':
        return snapshotMessage(item.tick, state());
      case 'decision':
        return message('decision', { ...kind('Decision'), ...recordView(item.record) }, item.record.id);
      case 'event':
        return message('event', { ...kind('Event'), ...eventView(item.record) }, item.record.id);
    }
  }

  /** What a client that begins has missed: the last snapshot, and what came after the id that it names. */
  function greeting({ types, uuid, since }: Wish): Buffer[] {
    const tick = history.tick();
    const snapshot = tick !== undefined && types.includes('snapshot') ? [snapshotMessage(tick, state())] : [];
    if (since === undefined) return snapshot;
    const missed: Recorded[] = [
      ...(types.includes('decision') ? history.decisions(uuid) : []).map(
        (record): Recorded => ({ kind: 'decision', record }),
      ),
      ...(types.includes('event') ? history.events() : []).map(
        (record): Recorded => ({ kind: 'event', record }),
      ),
    ];
    const wanted = missed
      .filter(item => item.kind !== 'tick' && item.record.id > since)
      .filter(item => uuid === undefined || uuidOf(item) === uuid)
      .toSorted((a, b) => idOf(a) - idOf(b));
    return [...snapshot, ...wanted.map(messageOf)];
  }

  function publish(item: Recorded): void {
    const type = item.kind === 'tick' ? 'snapshot' : item.kind;
    const uuid = uuidOf(item);
    const to = [...clients].filter(
      ({ wish }) =>
        wish.types.includes(type) && (type === 'snapshot' || wish.uuid === undefined || wish.uuid === uuid),
    );
    // Nothing is made that nobody wants.
    if (to.length === 0) return;
    queue.push({ message: messageOf(item), droppable: type === 'snapshot', to });
    if (turn === undefined) sendSlice();
  }

  function sendSlice(): void {
    turn = undefined;
    let left = SLICE;
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      for (; reached < first.to.length; reached++) {
        if (left-- === 0) {
          turn = setImmediate(sendSlice);
          return;
        }
        const client = first.to[reached];
        if (client !== undefined && clients.has(client)) send(client, first.message, first.droppable);
      }
      queue.shift();
      reached = 0;
    }
  }

  function checkClients(): void {
    const now = performance.now();
    for (const client of clients) {
      if (client.behindSince !== undefined && now - client.behindSince > stalledMs) client.response.destroy();
      else send(client, KEEP_ALIVE, true);
    }
  }

  function begin(): void {
    watching = history.stream.subscribe(publish);
    beat = setInterval(checkClients, keepAliveMs);
    beat.unref();
  }

  function end(): void {
    watching?.unsubscribe();
    clearInterval(beat);
    clearImmediate(turn);
    turn = undefined;
    queue.length = 0;
    reached = 0;
  }

  return {
    add(response, wish) {
      const client: Client = { response, wish, behindSince: undefined };
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      response.on('drain', () => {
        client.behindSince = undefined;
      });
      response.on('error', () => response.destroy());
      response.on('close', () => {
        clients.delete(client);
        if (clients.size === 0) end();
      });
      if (clients.size === 0) begin();
      clients.add(client);
      response.flushHeaders();
      for (const message of greeting(wish)) send(client, message, false);
    },
    get size() {
      return clients.size;
    },
    close() {
      for (const { response } of clients) response.destroy();
    },
  };
}

const KEEP_ALIVE = Buffer.from(':\n\n');

function idOf(item: Recorded): number {
  return item.kind === 'tick' ? 0 : item.record.id;
}

function uuidOf(item: Recorded): string | undefined {
  switch (item.kind) {
    case 'tick':
      return undefined;
    case 'decision':
      return item.record.decision.uuid;
    case 'event':
      return item.record.notice.uuid;
  }
}

/** The last answer again for the same tick and state: a thousand clients that connect at once are told the same. */
function memoOfLast(make: (tick: TickEvent, state: State) => Buffer): typeof make {
  let last: { readonly tick: TickEvent; readonly state: State; readonly made: Buffer } | undefined;
  return (tick, state) => {
    if (last?.tick !== tick || last.state !== state) last = { tick, state, made: make(tick, state) };
    return last.made;
  };
}

function tickMessage(tick: TickEvent, state: State): Buffer {
  return message('snapshot', snapshotView(tick, state));
}

function kind(name: string) {
  return { apiVersion: 'ballonet/v1', kind: name };
}

function message(type: Streamed, data: object, id?: number): Buffer {
  const label = id === undefined ? '' : `id: ${id}\n`;
  return Buffer.from(`event: ${type}\n${label}data: ${JSON.stringify(data)}\n\n`);
}
