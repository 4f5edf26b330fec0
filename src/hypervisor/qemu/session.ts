/**
 * One QMP connection over any duplex stream: the greeting, commands with deadlines, events. QEMU answers in the order of the
 * commands (docs/interop/qmp-spec.rst, without out-of-band execution, which is not asked for). It fails closed: whatever
 * breaks the protocol ends the connection, and everything under way is rejected with the reason.
 */
import type { Duplex } from 'node:stream';
import { BallonetError, isBallonetError } from '../../model/errors.ts';
import type { Command } from './commands.ts';
import { negotiate } from './commands.ts';
import { fieldOf, isObject, type Json, parseJson } from './json.ts';
import { LineReader } from './lines.ts';
import { type PendingCommand, pendingCommand } from './pending-command.ts';
import { readVersion } from './replies.ts';
import { timedOut } from './transport.ts';

/** Commands on the wire at once. QEMU stops reading at 8 it has not got to (QMP_REQ_QUEUE_LEN_MAX); the rest lies in the socket. */
const IN_FLIGHT_MAX = 32;
/** Commands that may wait for their turn. */
const WAITING_MAX = 1024;

export interface SessionOptions {
  /** For messages. */
  readonly path: string;
  /** Longest wait for the greeting, and for a command's answer unless told otherwise. */
  readonly timeoutMs: number;
}

/** Takes an event of QEMU by its name. */
export type EventHandler = (name: string, data: Json | undefined) => void;

export class QmpSession {
  readonly #stream: Duplex;
  readonly #options: SessionOptions;
  readonly #lines = new LineReader();
  /** Sent and not answered, oldest first. */
  readonly #pending = new Map<number, PendingCommand>();
  readonly #waiting = new Set<PendingCommand>();
  readonly #ended: Promise<BallonetError>;
  readonly #greeting: Promise<string>;
  #greeted: ((version: string) => void) | undefined;
  #announceEnd: (error: BallonetError) => void = () => {};
  #failure: BallonetError | undefined;
  #onEvent: EventHandler = () => {};
  #id = 0;
  #version = '';

  /**
   * Waits for QEMU's greeting and enters command mode.
   *
   * @throws BallonetError HYPERVISOR_TIMEOUT (no greeting), HYPERVISOR_CLOSED, PROTOCOL
   */
  static async open(stream: Duplex, options: SessionOptions): Promise<QmpSession> {
    const session = new QmpSession(stream, options);
    const { path, timeoutMs } = options;
    const timer = setTimeout(
      () => session.fail(timedOut(path, `it sent no greeting within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    const ended = session.ended.then((error): never => {
      throw error;
    });
    try {
      session.#version = await Promise.race([session.#greeting, ended]);
      await session.call(negotiate());
      return session;
    } catch (error) {
      session.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private constructor(stream: Duplex, options: SessionOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#ended = new Promise(resolve => {
      this.#announceEnd = resolve;
    });
    this.#greeting = new Promise(resolve => {
      this.#greeted = resolve;
    });
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', cause => this.fail(this.#closed(`the connection broke: ${cause.message}`, cause)));
    for (const event of ['end', 'close']) {
      stream.on(event, () => this.fail(this.#closed('QEMU closed the connection')));
    }
  }

  /** Of QEMU, such as `7.2.22`. */
  get version(): string {
    return this.#version;
  }

  /** Resolves, and never rejects, with the reason for the end when the connection has ended. */
  get ended(): Promise<BallonetError> {
    return this.#ended;
  }

  /** Set once it has ended. */
  get failure(): BallonetError | undefined {
    return this.#failure;
  }

  /** True while a command whose caller has given up is unanswered: QEMU hangs, or it did until a moment ago. */
  get stuck(): boolean {
    for (const pending of this.#pending.values()) if (pending.expired) return true;
    return false;
  }

  /** What the handler throws ends the connection. */
  onEvent(handler: EventHandler): void {
    this.#onEvent = handler;
  }

  /**
   * Gives a command. While QEMU hangs nothing is sent: what waits until its deadline is not carried out later.
   *
   * @throws BallonetError HYPERVISOR_TIMEOUT, HYPERVISOR_CLOSED, PROTOCOL, or what QEMU's own error means
   */
  call<T>(command: Command<T>, timeoutMs = this.#options.timeoutMs): Promise<T> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#waiting.size >= WAITING_MAX) {
      return Promise.reject(
        this.#late(command.execute, `was not sent: ${WAITING_MAX} commands wait already`),
      );
    }
    const { pending, result } = pendingCommand(command);
    // On a busy machine the answer may lie unread in the socket when the timer is due: it is read first.
    pending.timer = setTimeout(() => setImmediate(() => this.#expire(pending, timeoutMs)), timeoutMs);
    this.#waiting.add(pending);
    this.#startWaiting();
    return result;
  }

  close(): void {
    this.fail(this.#closed('the connection was closed from this side'));
  }

  /** Ends the connection at once; the first reason is the one that stays. */
  fail(error: BallonetError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#stream.destroy();
    for (const pending of [...this.#pending.values(), ...this.#waiting]) {
      clearTimeout(pending.timer);
      pending.settled = true;
      pending.reject(error);
    }
    this.#pending.clear();
    this.#waiting.clear();
    this.#announceEnd(error);
  }

  #startWaiting(): void {
    if (this.stuck) return;
    for (const pending of this.#waiting) {
      if (this.#pending.size >= IN_FLIGHT_MAX) return;
      this.#waiting.delete(pending);
      this.#id += 1;
      this.#pending.set(this.#id, pending);
      const { execute, args } = pending;
      const text = JSON.stringify({ execute, id: this.#id, ...(args && { arguments: args }) });
      this.#stream.write(`${text}\n`);
    }
  }

  #expire(pending: PendingCommand, timeoutMs: number): void {
    if (pending.settled) return;
    const unsent = this.#waiting.delete(pending);
    pending.expired = true;
    const [oldest] = this.#pending.values();
    const why =
      unsent && oldest
        ? `was not sent: QEMU has not answered ${oldest.execute}`
        : `had no answer within ${timeoutMs / 1000} s`;
    pending.reject(this.#late(pending.execute, why));
  }

  #receive(chunk: Buffer): void {
    if (this.#failure) return;
    try {
      this.#lines.push(chunk, line => {
        if (!this.#failure) this.#dispatch(parseJson(line));
      });
    } catch (error) {
      this.fail(isBallonetError(error, 'PROTOCOL') ? error : broken('could not be read', error));
    }
    this.#startWaiting();
  }

  #dispatch(message: Json): void {
    if (!isObject(message)) throw broken('is no object');
    if (this.#greeted) {
      this.#greeted(readVersion(fieldOf(message.get('QMP'), 'version')));
      this.#greeted = undefined;
    } else if (message.has('event')) {
      const name = message.get('event');
      if (typeof name !== 'string') throw broken('is an event without a name');
      this.#onEvent(name, message.get('data'));
    } else this.#reply(message.get('id'), message.get('return'), message.get('error'));
  }

  #reply(id: Json | undefined, value: Json | undefined, error: Json | undefined): void {
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (typeof id !== 'number' || !pending) throw broken('answers a command that was not given');
    if ((value === undefined) === (error === undefined)) throw broken('is neither a result nor an error');
    clearTimeout(pending.timer);
    if (!pending.expired) pending.answer(value, error);
    pending.settled = true;
    this.#pending.delete(id);
  }

  #closed(what: string, cause?: unknown): BallonetError {
    return new BallonetError('HYPERVISOR_CLOSED', `QEMU at ${this.#options.path}: ${what}`, { cause });
  }

  #late(execute: string, what: string): BallonetError {
    return new BallonetError('HYPERVISOR_TIMEOUT', `QEMU at ${this.#options.path}: ${execute} ${what}`);
  }
}

function broken(what: string, cause?: unknown): BallonetError {
  return new BallonetError('PROTOCOL', `QEMU sent a message that ${what}`, { cause });
}
