/** What goes out to one client, and how much of it may lie unread. */
import type { Duplex } from 'node:stream';
import { BallonetError } from '../../model/errors.ts';
import type { MessageHeader } from '../libvirt/wire.ts';
import {
  HEADER_BYTES,
  KEEPALIVE_PROGRAM,
  MESSAGE_MAX_BYTES,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
  PROGRAM_VERSION,
  REMOTE_PROGRAM,
  writeHeader,
} from '../libvirt/wire.ts';
import { XdrWriter } from '../libvirt/xdr.ts';
import type { ServeLimits } from './limits.ts';
import type { Reply } from './procedure.ts';
import { refusalOf, refused, VIR_ERR, writeRefusal } from './refusal.ts';

export interface OutboxOptions {
  readonly limits: ServeLimits;
  /** Told of errors that are this program's fault, not the client's. */
  readonly onFault: (error: unknown) => void;
  /** Told when much has been written, so that all clients together can be held to a bound. */
  readonly onBacklog: () => void;
  /** Told when the client leaves too much unread, or for too long. */
  readonly onUnread: () => void;
}

export class Outbox {
  readonly #stream: Duplex;
  readonly #options: OutboxOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: Duplex, options: OutboxOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on('drain', () => this.close());
  }

  /** Bytes that the client has not taken, as far as this process holds them. */
  get unreadBytes(): number {
    return this.#stream.writableLength;
  }

  /** The client has taken enough that another call may be begun. */
  get hasRoom(): boolean {
    return this.unreadBytes <= this.#options.limits.unreadBytes;
  }

  /** The result of a call, or the refusal when it cannot be written. */
  reply(header: MessageHeader, reply: Reply | undefined): void {
    const writer = new XdrWriter(HEADER_BYTES);
    try {
      reply?.(writer);
      if (writer.bytes().length > MESSAGE_MAX_BYTES)
        throw refused('OPERATION_REFUSED', VIR_ERR.rpc, 'Unable to encode message payload');
    } catch (error) {
      this.refuse(header, error);
      return;
    }
    this.#send({ ...header, type: MESSAGE_TYPE.reply, status: MESSAGE_STATUS.ok }, writer);
  }

  refuse(header: MessageHeader, error: unknown): void {
    if (!(error instanceof BallonetError)) this.#options.onFault(error);
    const writer = new XdrWriter(HEADER_BYTES);
    writeRefusal(writer, refusalOf(error));
    this.#send({ ...header, type: MESSAGE_TYPE.reply, status: MESSAGE_STATUS.error }, writer);
  }

  /** A message that answers no call. One that cannot be written is left out. */
  message(procedure: number, write: Reply): void {
    const writer = new XdrWriter(HEADER_BYTES);
    try {
      write(writer);
    } catch (error) {
      this.#options.onFault(error);
      return;
    }
    this.#send(
      {
        program: REMOTE_PROGRAM,
        version: PROGRAM_VERSION,
        procedure,
        type: MESSAGE_TYPE.message,
        serial: 0,
        status: MESSAGE_STATUS.ok,
      },
      writer,
    );
  }

  keepalive(procedure: number): void {
    this.#send(
      {
        program: KEEPALIVE_PROGRAM,
        version: PROGRAM_VERSION,
        procedure,
        type: MESSAGE_TYPE.message,
        serial: 0,
        status: MESSAGE_STATUS.ok,
      },
      new XdrWriter(HEADER_BYTES, HEADER_BYTES),
    );
  }

  /** Ends the waiting for the client to read. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The writer has room for the header at its front. */
  #send(header: MessageHeader, writer: XdrWriter): void {
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    const message = writer.bytes();
    writeHeader(message, header);
    this.#stream.write(message);
    const { limits, onUnread, onBacklog } = this.#options;
    if (this.unreadBytes > limits.unreadMaxBytes) {
      onUnread();
    } else if (!this.hasRoom) {
      this.#timer ??= setTimeout(onUnread, limits.unreadMs).unref();
      onBacklog();
    }
  }
}
