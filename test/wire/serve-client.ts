/** A client for tests of the server: it sends any bytes, and shows what comes back. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { FrameReader } from '../../src/hypervisor/libvirt/framing.ts';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import type { MessageHeader } from '../../src/hypervisor/libvirt/wire.ts';
import {
  HEADER_BYTES,
  KEEPALIVE,
  KEEPALIVE_PROGRAM,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
  readHeader,
} from '../../src/hypervisor/libvirt/wire.ts';
import { XdrReader, XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import type { FrameParts } from './fake-client.ts';
import { frame } from './fake-client.ts';

export interface Message {
  readonly header: MessageHeader;
  readonly payload: Buffer;
}

/** A refusal as the client sees it: libvirt's number, the part that speaks, its words. */
export interface SeenRefusal {
  readonly number: number;
  readonly origin: number;
  readonly message: string | undefined;
}

export type Write = (writer: XdrWriter) => void;

export class ServeClient {
  readonly socket: Socket;
  /** Everything that came, in order. */
  readonly messages: Message[] = [];
  answersPings = true;
  #closed = false;
  #serial = 0;
  /** Told of whatever happens next. */
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    const frames = new FrameReader({ scratchMaxBytes: 0 });
    socket.on('data', (chunk: Buffer) => frames.push(chunk, message => this.#take(message)));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  get pings(): number {
    return this.#keepalives(KEEPALIVE.ping);
  }

  get pongs(): number {
    return this.#keepalives(KEEPALIVE.pong);
  }

  /** Messages that answer no call, keepalive left out. */
  get events(): readonly Message[] {
    return this.messages.filter(
      ({ header }) => header.type === MESSAGE_TYPE.message && header.program !== KEEPALIVE_PROGRAM,
    );
  }

  raw(...bytes: readonly Buffer[]): void {
    for (const part of bytes) this.socket.write(part);
  }

  /** Sends a call; parts of its header can be other than right. */
  send(procedure: number, write: Write = () => {}, parts: FrameParts = {}): number {
    this.#serial += 1;
    const writer = new XdrWriter();
    write(writer);
    const payload = writer.bytes();
    this.raw(
      frame({ type: MESSAGE_TYPE.call, procedure, serial: this.#serial, ...parts }, [payload]),
      payload,
    );
    return parts.serial ?? this.#serial;
  }

  ping(): void {
    this.raw(frame({ program: KEEPALIVE_PROGRAM, type: MESSAGE_TYPE.message, procedure: KEEPALIVE.ping }));
  }

  /** The reply to a call; the connection must last until then. */
  async reply(serial: number): Promise<Message> {
    for (;;) {
      const found = this.messages.find(
        ({ header }) => header.type === MESSAGE_TYPE.reply && header.serial === serial,
      );
      if (found) return found;
      if (this.#closed) throw new Error(`the connection ended before the reply to call ${serial}`);
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    }
  }

  /** Calls, and gives the reply's content. */
  async call(procedure: number, write?: Write): Promise<XdrReader> {
    const { header, payload } = await this.reply(this.send(procedure, write));
    if (header.status !== MESSAGE_STATUS.ok) throw new Error(JSON.stringify(refusalIn(payload)));
    return new XdrReader(payload);
  }

  /** Calls, and gives the refusal; the call must be refused. */
  async refusal(procedure: number, write?: Write, parts?: FrameParts): Promise<SeenRefusal> {
    const { header, payload } = await this.reply(this.send(procedure, write, parts));
    if (header.status !== MESSAGE_STATUS.error) throw new Error(`procedure ${procedure} was not refused`);
    return refusalIn(payload);
  }

  async open(uri = 'test:///default', readOnly = false): Promise<void> {
    await this.call(PROCEDURE.open, w =>
      w.optional(uri, (writer, text) => writer.string(text)).u32(readOnly ? 1 : 0),
    );
  }

  #take(message: Buffer): void {
    const header = readHeader(message);
    this.messages.push({ header, payload: message.subarray(HEADER_BYTES) });
    this.#wake();
    if (header.program === KEEPALIVE_PROGRAM && header.procedure === KEEPALIVE.ping && this.answersPings)
      this.raw(frame({ program: KEEPALIVE_PROGRAM, type: MESSAGE_TYPE.message, procedure: KEEPALIVE.pong }));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #keepalives(procedure: number): number {
    return this.messages.filter(
      ({ header }) => header.program === KEEPALIVE_PROGRAM && header.procedure === procedure,
    ).length;
  }
}

export async function connectRaw(path: string): Promise<ServeClient> {
  const socket = connect(path);
  await once(socket, 'connect');
  return new ServeClient(socket);
}

function refusalIn(payload: Buffer): SeenRefusal {
  const reader = new XdrReader(payload);
  return {
    number: reader.i32(),
    origin: reader.i32(),
    message: reader.optional(item => item.string()),
  };
}
