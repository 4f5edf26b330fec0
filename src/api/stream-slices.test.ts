import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createHistory } from '../engine/history.ts';
import { createStreaming, STREAM_LIMITS } from './stream.ts';

const CLIENTS = 200;

/** Responses of clients of a stream of events, with how often each has been written to since they began. */
function open() {
  const history = createHistory({ now: () => ({ monotonic: 1, wall: 1_700_000_000 }) });
  const unasked = () => {
    throw new Error('no snapshot is wanted');
  };
  const streaming = createStreaming(history, unasked, STREAM_LIMITS);
  const clients = Array.from({ length: CLIENTS }, () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    streaming.add(response, { types: ['event'], uuid: undefined, since: undefined });
    const client = { response, writes: 0 };
    response.write = () => {
      client.writes += 1;
      return true;
    };
    return client;
  });
  const reached = () => clients.filter(({ writes }) => writes > 0).length;
  return { history, streaming, clients, reached };
}

const nextTurn = () => new Promise(setImmediate);

describe('a message to many clients', () => {
  it('lets others have their turn between slices of them, and comes to all', async () => {
    const { history, streaming, reached } = open();
    history.noteNotice({ type: 'SAFETY_HOLD' });
    expect(reached()).toBeLessThan(CLIENTS / 2);
    for (let turn = 0; turn < CLIENTS; turn++) await nextTurn();
    expect(reached()).toBe(CLIENTS);
    streaming.close();
  });

  it('is not written to one that has gone meanwhile', async () => {
    const { history, streaming, clients } = open();
    history.noteNotice({ type: 'SAFETY_HOLD' });
    const last = clients.at(-1);
    expect(last?.writes).toBe(0);
    last?.response.emit('close');
    for (let turn = 0; turn < CLIENTS; turn++) await nextTurn();
    expect(last?.writes).toBe(0);
    expect(clients.filter(({ writes }) => writes === 1).length).toBe(CLIENTS - 1);
    streaming.close();
  });
});
