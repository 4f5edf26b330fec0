import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createFakeHypervisor } from '../../../test/fakes/fake-hypervisor.ts';
import { HEADER_BYTES, MESSAGE_TYPE, PROGRAM_VERSION, REMOTE_PROGRAM, writeHeader } from '../libvirt/wire.ts';
import { SERVED } from './numbers.ts';
import { Crowd } from './server.ts';

const CALLS = 1000;

function call(procedure: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const message = Buffer.concat([Buffer.alloc(HEADER_BYTES), payload]);
  writeHeader(message, {
    program: REMOTE_PROGRAM,
    version: PROGRAM_VERSION,
    procedure,
    type: MESSAGE_TYPE.call,
    serial: 1,
    status: 0,
  });
  return message;
}

describe('a client that sends a thousand calls in one piece', () => {
  it('gets its answers over many turns of the event loop, so that others come in between', async () => {
    let replies = 0;
    const stream = new Duplex({
      read() {},
      write(_chunk, _encoding, done) {
        replies += 1;
        done();
      },
    });
    const crowd = new Crowd(createFakeHypervisor());
    crowd.admit(stream);
    stream.push(
      Buffer.concat([call(1, Buffer.alloc(8)), ...Array.from({ length: CALLS }, () => call(SERVED.getType))]),
    );

    const perTurn: number[] = [];
    for (let before = 0; replies <= CALLS; before = replies) {
      await new Promise(resolve => setImmediate(resolve));
      perTurn.push(replies - before);
      expect(perTurn.length).toBeLessThan(10 * CALLS);
    }
    crowd.close();

    expect(replies).toBe(CALLS + 1);
    // Two batches may fall between two looks.
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(32);
  });
});
