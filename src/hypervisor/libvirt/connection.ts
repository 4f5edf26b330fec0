/**
 * One RPC connection over any duplex stream: calls with deadlines, replies in any order, events, keepalive both ways.
 * It fails closed: whatever breaks the protocol ends the connection, and everything under way is rejected with the reason.
 */
import type { Duplex } from 'node:stream';
import { BallonetError, isBallonetError } from '../../model/errors.ts';
import { MiB } from '../../model/units.ts';
import type { Call } from './call.ts';
import { FrameReader } from './framing.ts';
import { isPing, Keepalive } from './keepalive.ts';
import type { PendingCall } from './pending-call.ts';
import { pendingCall } from './pending-call.ts';
import * as procedures from './procedures.ts';
import { TurnBudget } from './turn-budget.ts';
import type { MessageHeader } from './wire.ts';
import {
  HEADER_BYTES,
  KEEPALIVE,
  KEEPALIVE_PROGRAM,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
  PROGRAM_VERSION,
  REMOTE_PROGRAM,
  readHeader,
  writeHeader,
} from './wire.ts';
import { malformed, XdrReader, XdrWriter } from './xdr.ts';

export interface ConnectionOptions {
  /** Longest wait for a call's answer, counted from the call, time in the queue included. */
  readonly callTimeoutMs: number;
  /**
   * Calls on the wire at once. libvirtd reads no further than `max_client_requests` (5), not even pings; the receive
   * slot counts as one, so 4 is the most that keeps the keepalive alive.
   */
  readonly maxInFlight: number;
  /** Calls that may wait for a free slot. */
  readonly maxWaiting: number;
}

/** Takes an event; the reader stands at its payload and must not be kept. */
export type EventHandler = (procedure: number, reader: XdrReader) => void;

/** PONGs that a peer does not read are not piled up past this. */
const PONG_BACKLOG_MAX_BYTES = MiB;
/** Time that replies may take of one turn of the event loop; a message more may come on top. */
const TURN_MAX_MS = 8;
const CLOSE_TIMEOUT_MS = 1000;

export class RpcConnection {
  readonly #stream: Duplex;
  readonly #options: ConnectionOptions;
  readonly #frames = new FrameReader();
  readonly #turn = new TurnBudget(TURN_MAX_MS);
  readonly #keepalive = new Keepalive({
    ping: () => this.#sendKeepalive(KEEPALIVE.ping),
    lost: count =>
      this.fail(new BallonetError('HYPERVISOR_CLOSED', `libvirt left ${count} keepalive pings unanswered`)),
  });
  readonly #pending = new Map<number, PendingCall>();
  readonly #waiting = new Set<PendingCall>();
  readonly #ended: Promise<BallonetError>;
  #announceEnd: (error: BallonetError) => void = () => {};
  #failure: BallonetError | undefined;
  #onEvent: EventHandler = () => {};
  #serial = 0;

  /** Takes over a stream that is connected. */
  constructor(stream: Duplex, options: ConnectionOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#ended = new Promise(resolve => {
      this.#announceEnd = resolve;
    });
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', error => {
      // A transport that knows what its end means says so itself.
      this.fail(
        isBallonetError(error)
          ? error
          : new BallonetError('HYPERVISOR_CLOSED', `the connection to libvirt broke: ${error.message}`, {
              cause: error,
            }),
      );
    });
    for (const event of ['end', 'close']) {
      stream.on(event, () =>
        this.fail(new BallonetError('HYPERVISOR_CLOSED', 'libvirt closed the connection')),
      );
    }
  }

  /** Resolves, and never rejects, with the reason for the end when the connection has ended. */
  get ended(): Promise<BallonetError> {
    return this.#ended;
  }

  /** Set once it has ended. */
  get failure(): BallonetError | undefined {
    return this.#failure;
  }

  /** Ends the connection when every call that may be under way has been so this long: nothing can be called any more. */
  giveUpIfFull(milliseconds: number): void {
    const stuck = this.stuckFor(milliseconds);
    if (stuck >= this.#options.maxInFlight) this.fail(allStuck(stuck));
  }

  /** Calls that went out this long ago and have no answer. */
  stuckFor(milliseconds: number): number {
    const before = performance.now() - milliseconds;
    let stuck = 0;
    for (const { sentAt } of this.#pending.values()) if (sentAt !== undefined && sentAt <= before) stuck += 1;
    return stuck;
  }

  /** What the handler throws ends the connection. */
  onEvent(handler: EventHandler): void {
    this.#onEvent = handler;
  }

  /**
   * Calls a procedure.
   *
   * @throws BallonetError HYPERVISOR_TIMEOUT, HYPERVISOR_CLOSED, PROTOCOL, or what libvirt's own error means
   */
  call<T>(call: Call<T>, timeoutMs = this.#options.callTimeoutMs): Promise<T> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#waiting.size >= this.#options.maxWaiting) {
      return Promise.reject(
        new BallonetError(
          'HYPERVISOR_TIMEOUT',
          `${call.name} was not sent: ${this.#waiting.size} calls are waiting already`,
        ),
      );
    }
    const { pending, result } = pendingCall(call);
    pending.timer = setTimeout(() => this.#expire(pending, timeoutMs), timeoutMs);
    this.#waiting.add(pending);
    this.#startWaiting();
    return result;
  }

  /** Pings whenever nothing came for an interval; `count` unanswered ones end the connection, as in libvirt. */
  startKeepalive(intervalMs: number, count: number): void {
    this.#keepalive.start(intervalMs, count);
  }

  /** Says goodbye if there is a slot for it, then ends. Calls under way are rejected with HYPERVISOR_CLOSED. */
  async close(): Promise<void> {
    if (!this.#failure && this.#pending.size < this.#options.maxInFlight) {
      await this.call(procedures.close(), Math.min(CLOSE_TIMEOUT_MS, this.#options.callTimeoutMs)).catch(
        () => {},
      );
    }
    this.fail(new BallonetError('HYPERVISOR_CLOSED', 'the connection was closed from this side'));
  }

  /** Ends the connection at once; the first reason is the one that stays. */
  fail(error: BallonetError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#keepalive.stop();
    this.#stream.destroy();
    for (const pending of [...this.#pending.values(), ...this.#waiting]) {
      clearTimeout(pending.timer);
      pending.reject(error);
    }
    this.#pending.clear();
    this.#waiting.clear();
    this.#announceEnd(error);
  }

  #startWaiting(): void {
    for (const pending of this.#waiting) {
      if (this.#pending.size >= this.#options.maxInFlight) return;
      this.#waiting.delete(pending);
      const writer = new XdrWriter(HEADER_BYTES);
      try {
        pending.call.write?.(writer);
      } catch (error) {
        clearTimeout(pending.timer);
        pending.reject(
          isBallonetError(error)
            ? error
            : new BallonetError(
                'VALUE_OUT_OF_RANGE',
                `the arguments of ${pending.call.name} cannot be sent`,
                { cause: error },
              ),
        );
        continue;
      }
      const serial = this.#nextSerial();
      pending.sentAt = performance.now();
      this.#pending.set(serial, pending);
      this.#send(
        { program: REMOTE_PROGRAM, procedure: pending.call.procedure, type: MESSAGE_TYPE.call, serial },
        writer.bytes(),
      );
    }
  }

  #nextSerial(): number {
    do {
      this.#serial = (this.#serial + 1) >>> 0;
    } while (this.#serial === 0 || this.#pending.has(this.#serial));
    return this.#serial;
  }

  /** `message` has room for the header at its front. */
  #send(
    header: Pick<MessageHeader, 'program' | 'procedure' | 'type' | 'serial'>,
    message: Buffer = Buffer.allocUnsafe(HEADER_BYTES),
  ): void {
    writeHeader(message, { ...header, version: PROGRAM_VERSION, status: MESSAGE_STATUS.ok });
    this.#stream.write(message);
  }

  #expire(pending: PendingCall, timeoutMs: number): void {
    const wasWaiting = this.#waiting.delete(pending);
    pending.expired = true;
    const stuck = [...this.#pending.values()].filter(other => other.expired).length;
    pending.reject(
      new BallonetError(
        'HYPERVISOR_TIMEOUT',
        `${pending.call.name} had no answer within ${timeoutMs / 1000} s${wasWaiting ? ` and was not sent: ${stuck} calls before it are stuck in libvirt` : ''}`,
      ),
    );
    // Nothing can be called any more. On a new connection libvirt answers for the other domains, since with NOWAIT it
    // passes over those that a stuck call holds.
    if (wasWaiting && stuck >= this.#options.maxInFlight) this.fail(allStuck(stuck));
  }

  #receive(chunk: Buffer): void {
    this.#keepalive.heard();
    if (this.#failure) return;
    this.#turn.begin();
    try {
      this.#frames.push(chunk, message => this.#dispatch(message));
    } catch (error) {
      this.fail(isBallonetError(error, 'PROTOCOL') ? error : malformed('it could not be read', error));
    }
    this.#startWaiting();
    if (this.#turn.spent) {
      this.#stream.pause();
      setImmediate(() => this.#stream.resume());
    }
  }

  #dispatch(message: Buffer): void {
    if (this.#failure) return;
    const header = readHeader(message);
    if (header.version !== PROGRAM_VERSION) throw malformed(`version ${header.version} of a program`);
    if (header.program === KEEPALIVE_PROGRAM) {
      if (isPing(message) && this.#stream.writableLength <= PONG_BACKLOG_MAX_BYTES)
        this.#sendKeepalive(KEEPALIVE.pong);
    } else if (header.program !== REMOTE_PROGRAM)
      throw malformed(`program ${header.program} was not asked for`);
    else if (header.type === MESSAGE_TYPE.reply) this.#reply(header, message);
    else if (header.type === MESSAGE_TYPE.message) this.#event(header, message);
    else throw malformed(`message type ${header.type} was not asked for`);
  }

  #sendKeepalive(procedure: number): void {
    this.#send({ program: KEEPALIVE_PROGRAM, procedure, type: MESSAGE_TYPE.message, serial: 0 });
  }

  #event(header: MessageHeader, message: Buffer): void {
    if (header.status !== MESSAGE_STATUS.ok) throw malformed(`an event of status ${header.status}`);
    this.#onEvent(header.procedure, new XdrReader(message, HEADER_BYTES));
  }

  #reply(header: MessageHeader, message: Buffer): void {
    const pending = this.#pending.get(header.serial);
    if (!pending) throw malformed(`a reply to call ${header.serial}, which is not under way`);
    const { call } = pending;
    if (call.procedure !== header.procedure)
      throw malformed(`a reply of procedure ${header.procedure} to ${call.name}`);
    if (header.status !== MESSAGE_STATUS.ok && header.status !== MESSAGE_STATUS.error) {
      throw malformed(`a reply of status ${header.status}`);
    }
    clearTimeout(pending.timer);
    if (!pending.expired) pending.answer(header.status, new XdrReader(message, HEADER_BYTES));
    this.#pending.delete(header.serial);
  }
}

function allStuck(count: number): BallonetError {
  return new BallonetError(
    'HYPERVISOR_CLOSED',
    `all ${count} calls that may be under way at once are stuck in libvirt`,
  );
}
