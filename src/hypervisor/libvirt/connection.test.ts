import { Duplex } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { RpcConnection } from './connection.ts';
import { HEADER_BYTES, MESSAGE_TYPE, PROGRAM_VERSION, REMOTE_PROGRAM, writeHeader } from './wire.ts';

const OPTIONS = { callTimeoutMs: 50, maxInFlight: 4, maxWaiting: 4 };

function inMemory(): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
}

function emptyEvent(): Buffer {
  const message = Buffer.alloc(HEADER_BYTES);
  const header = { program: REMOTE_PROGRAM, version: PROGRAM_VERSION, type: MESSAGE_TYPE.message };
  writeHeader(message, { ...header, procedure: 318, serial: 0, status: 0 });
  return message;
}

function keepBusy(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

describe('a connection', () => {
  it('gives other work its turn when much comes in at once', async () => {
    const stream = inMemory();
    const connection = new RpcConnection(stream, OPTIONS);
    let turn = 0;
    const count = (): void => {
      turn += 1;
      if (turns.length < 40) setImmediate(count);
    };
    const turns: number[] = [];
    connection.onEvent(() => {
      keepBusy(2);
      turns.push(turn);
    });
    setImmediate(count);

    for (let i = 0; i < 40; i++) stream.push(emptyEvent());
    await vi.waitFor(() => expect(turns).toHaveLength(40));
    await connection.close();

    const largest = Math.max(...turns.map(a => turns.filter(b => b === a).length));
    expect(largest).toBeLessThanOrEqual(10);
  });

  it('rejects a call whose arguments cannot be sent, and goes on', async () => {
    const connection = new RpcConnection(inMemory(), OPTIONS);
    const call = {
      procedure: 1,
      name: 'ANY',
      read: () => 0,
      write: () => {
        throw new RangeError('out of range');
      },
    };

    await expect(connection.call(call)).rejects.toMatchObject({
      code: 'VALUE_OUT_OF_RANGE',
      cause: expect.any(RangeError),
    });

    expect(connection.failure).toBeUndefined();
    await connection.close();
  });

  it('keeps the first reason for its end', async () => {
    const stream = inMemory();
    const connection = new RpcConnection(stream, OPTIONS);
    stream.destroy(new Error('broken pipe'));
    expect(await connection.ended).toMatchObject({
      code: 'HYPERVISOR_CLOSED',
      cause: { message: 'broken pipe' },
    });
    await connection.close();
    expect(connection.failure?.message).toContain('broken pipe');
  });
});
