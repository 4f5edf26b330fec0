/** One client's connection to a fake daemon, and the bytes that can be sent on it. */
import type { Socket } from 'node:net';
import { writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import {
  HEADER_BYTES,
  KEEPALIVE,
  KEEPALIVE_PROGRAM,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
  PROGRAM_VERSION,
  REMOTE_PROGRAM,
  writeHeader,
} from '../../src/hypervisor/libvirt/wire.ts';
import { XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import type { FakeDomain } from './fake-host.ts';

export class FakeClient {
  readonly callbacks = new Map<number, number>();
  readonly #socket: Socket;
  /** Calls that have come in and have no reply yet, now and at most so far. */
  unanswered = 0;
  mostUnanswered = 0;
  pings = 0;
  pongs = 0;
  answersPings = true;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  raw(...bytes: readonly Buffer[]): void {
    this.#socket.cork();
    for (const part of bytes) this.#socket.write(part);
    this.#socket.uncork();
  }

  message(
    type: number,
    procedure: number,
    serial: number,
    status: number,
    payload: readonly Buffer[] = [],
  ): void {
    this.raw(frame({ type, procedure, serial, status }, payload), ...payload);
  }

  ping(): void {
    this.raw(frame({ program: KEEPALIVE_PROGRAM, type: MESSAGE_TYPE.message, procedure: KEEPALIVE.ping }));
  }

  pong(): void {
    this.raw(frame({ program: KEEPALIVE_PROGRAM, type: MESSAGE_TYPE.message, procedure: KEEPALIVE.pong }));
  }

  /** Sends a domain event if the client has registered for it, with the id of its callback. */
  event(
    procedure: number,
    eventId: number,
    domain: FakeDomain,
    rest: (writer: XdrWriter) => void = () => {},
  ): void {
    const callback = this.callbacks.get(eventId);
    if (callback === undefined) return;
    const writer = new XdrWriter().i32(callback);
    writeDomain(writer, domain);
    rest(writer);
    this.message(MESSAGE_TYPE.message, procedure, 0, MESSAGE_STATUS.ok, [writer.bytes()]);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

export interface FrameParts {
  readonly program?: number;
  readonly version?: number;
  readonly type?: number;
  readonly procedure?: number;
  readonly serial?: number;
  readonly status?: number;
  /** In place of the true length. */
  readonly length?: number;
}

/** The header of a message whose payload follows. */
export function frame(parts: FrameParts, payload: readonly Buffer[] = []): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  writeHeader(header, {
    program: parts.program ?? REMOTE_PROGRAM,
    version: parts.version ?? PROGRAM_VERSION,
    procedure: parts.procedure ?? 0,
    type: parts.type ?? MESSAGE_TYPE.reply,
    serial: parts.serial ?? 0,
    status: parts.status ?? MESSAGE_STATUS.ok,
  });
  header.writeUInt32BE(parts.length ?? HEADER_BYTES + payload.reduce((sum, part) => sum + part.length, 0), 0);
  return header;
}
