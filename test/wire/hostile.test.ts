import { describe, expect, it, vi } from 'vitest';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import {
  KEEPALIVE_PROGRAM,
  MESSAGE_MAX_BYTES,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
} from '../../src/hypervisor/libvirt/wire.ts';
import { XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import type { FakeCall } from './fake-answers.ts';
import type { FrameParts } from './fake-client.ts';
import { frame } from './fake-client.ts';
import { codeOf, collect, wireTest } from './harness.ts';

function words(...values: readonly number[]): Buffer {
  const writer = new XdrWriter();
  for (const value of values) writer.u32(value);
  return writer.bytes();
}

/** The answer to a list of domains: header parts that differ from a right one, and the payload. */
type Answer = [what: string, parts: (call: FakeCall) => FrameParts, payload?: Buffer];

const EMPTY_LIST = words(0, 0);

const ANSWERS: Answer[] = [
  ['a length of 0', () => ({ length: 0 })],
  ['a length below the header', () => ({ length: 27 })],
  ['a length above the maximum', () => ({ length: MESSAGE_MAX_BYTES + 1 })],
  ['a length of 4 GiB', () => ({ length: 0xffff_ffff })],
  ['another program', () => ({ program: 0x2000_8087 })],
  ['another version', () => ({ version: 2 })],
  ['the serial of no call', ({ serial }) => ({ serial: serial + 100 })],
  ['serial 0', () => ({ serial: 0 })],
  ['the serial of a call that has been answered', ({ serial }) => ({ serial: serial - 1 })],
  ['another procedure', () => ({ procedure: PROCEDURE.lookupById })],
  ['a negative procedure', () => ({ procedure: -1 })],
  ['the type of a call', () => ({ type: 0 })],
  ['the type of a stream', () => ({ type: 3 })],
  ['the type of a reply with file descriptors', () => ({ type: 5 })],
  ['an unknown type', () => ({ type: 99 })],
  ['the status of a stream', () => ({ status: MESSAGE_STATUS.continue })],
  ['an unknown status', () => ({ status: 3 })],
  ['bytes left over', () => ({}), words(0, 0, 0)],
  ['too few bytes', () => ({}), words(0)],
  ['more domains than bytes', () => ({}), words(5, 0)],
  ['more domains than the limit', () => ({}), words(0x8000_0000, 0)],
  ['a name longer than the message', () => ({}), words(1, 0xffff_ffff, 0, 0, 0, 0, 0, 0, 0)],
  ['an empty error', () => ({ status: MESSAGE_STATUS.error }), Buffer.alloc(0)],
  ['an error with a text of 4 GiB', () => ({ status: MESSAGE_STATUS.error }), words(1, 1, 1, 0xffff_ffff)],
  ['an error whose option is neither 0 nor 1', () => ({ status: MESSAGE_STATUS.error }), words(1, 1, 7, 0)],
  [
    'a keepalive of unknown procedure',
    () => ({ program: KEEPALIVE_PROGRAM, type: 2, procedure: 3 }),
    Buffer.alloc(0),
  ],
  ['a keepalive of the wrong type', () => ({ program: KEEPALIVE_PROGRAM, procedure: 1 }), Buffer.alloc(0)],
  ['a keepalive with content', () => ({ program: KEEPALIVE_PROGRAM, type: 2, procedure: 1 }), words(1)],
  ['an event with the status of an error', () => ({ type: MESSAGE_TYPE.message, status: 1, procedure: 318 })],
  ['an event cut short', () => ({ type: MESSAGE_TYPE.message, procedure: PROCEDURE.eventLifecycle })],
  ['an end of the driver cut short', () => ({ type: MESSAGE_TYPE.message, procedure: 362 }), Buffer.alloc(0)],
];

describe('a peer that breaks the protocol', () => {
  it.each<Answer>(ANSWERS)(
    'with %s loses the connection, and the call fails with PROTOCOL',
    async (_, parts, payload = EMPTY_LIST) => {
      const { start, connect } = await wireTest();
      const daemon = await start();
      const hypervisor = await connect();
      const links = collect(hypervisor.link);
      await hypervisor.version();
      daemon.intercept = call => {
        if (call.procedure !== PROCEDURE.listAllDomains) return false;
        const right = { procedure: call.procedure, serial: call.serial };
        call.client.raw(frame({ ...right, ...parts(call) }, [payload]), payload);
        return true;
      };

      expect(await codeOf(hypervisor.domains())).toBe('PROTOCOL');

      expect(links.at(-1)).toMatchObject({ up: false, error: { code: 'PROTOCOL' } });
      expect(await codeOf(hypervisor.version())).toBe('HYPERVISOR_CLOSED');
      await vi.waitFor(() => expect(daemon.clients).toHaveLength(0));
    },
  );

  it('is refused by nothing but the breach: the same answer unharmed is taken', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    daemon.intercept = call => {
      if (call.procedure !== PROCEDURE.listAllDomains) return false;
      call.client.raw(frame({ procedure: call.procedure, serial: call.serial }, [EMPTY_LIST]), EMPTY_LIST);
      return true;
    };
    expect(await hypervisor.domains()).toEqual([]);
  });

  it('in the handshake fails the connection attempt', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    daemon.intercept = call => {
      call.client.raw(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
      return true;
    };
    expect(await codeOf(connect())).toBe('PROTOCOL');
  });

  it('gets no more pongs piled up than it reads', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    const [client] = daemon.clients;
    for (let i = 0; i < 10_000; i++) client?.ping();
    expect(await hypervisor.version()).toBe('libvirt 9.0.0');
    expect(client?.pongs).toBeGreaterThan(0);
  });
});
