/**
 * One client's connection: its calls in, replies and events out. Whatever breaks the framing or the header ends the
 * connection; a call that cannot be read, or is not known, gets libvirt's error. How much a client can make this process do
 * and keep is bounded by `ServeLimits`.
 */
import type { Duplex } from 'node:stream';
import { BallonetError, errorMessage, isBallonetError } from '../../model/errors.ts';
import type { Hypervisor, HypervisorEvent } from '../driver.ts';
import { FrameReader } from '../libvirt/framing.ts';
import { isPing, Keepalive } from '../libvirt/keepalive.ts';
import { PROCEDURE } from '../libvirt/numbers.ts';
import type { MessageHeader } from '../libvirt/wire.ts';
import {
  HEADER_BYTES,
  KEEPALIVE,
  KEEPALIVE_PROGRAM,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
  PROGRAM_VERSION,
  REMOTE_PROGRAM,
  readHeader,
} from '../libvirt/wire.ts';
import { malformed, XdrReader } from '../libvirt/xdr.ts';
import { EventCallbacks } from './callbacks.ts';
import { notOpen } from './connect-procedures.ts';
import type { ServeLimits } from './limits.ts';
import type { Machine } from './machine.ts';
import { Outbox } from './outbox.ts';
import type { Answer, Reply } from './procedure.ts';
import { procedureOf } from './procedures.ts';
import { refused, VIR_ERR } from './refusal.ts';
import type { Opened, Session } from './session.ts';

/** Calls of one client in one turn of the event loop; the other clients get theirs in between. */
const CALLS_A_TURN = 16;
/** Time for the last reply to go out before the connection is cut. */
const GOODBYE_MS = 1000;
/** `virConnectCloseReason`: the hypervisor was lost for a reason that the client need not know. */
const CLOSE_REASON_ERROR = 0;

export interface ClientOptions {
  readonly hypervisor: Hypervisor;
  readonly machine: Machine;
  readonly limits: ServeLimits;
  /** Told of errors that are this program's fault, not the client's. */
  readonly onFault: (error: unknown) => void;
  /** Told when much has been written, so that all clients together can be held to a bound. */
  readonly onBacklog: () => void;
  /** Told once, with the reason, when the connection has ended. */
  readonly onEnd: (reason: BallonetError) => void;
}

export class ServedClient implements Session {
  readonly hypervisor: Hypervisor;
  readonly machine: Machine;
  readonly callbacks = new EventCallbacks();
  closeCallback = false;
  readonly #stream: Duplex;
  readonly #options: ClientOptions;
  readonly #outbox: Outbox;
  readonly #frames: FrameReader;
  readonly #keepalive = new Keepalive({
    ping: () => this.#outbox.keepalive(KEEPALIVE.ping),
    lost: () => this.drop('it leaves keepalive pings unanswered'),
    deaf: () => this.#paused,
  });
  /** Calls that have come in and are not begun: no more than one chunk of the stream holds. */
  readonly #queue: Buffer[] = [];
  #opened: Opened | undefined;
  #inFlight = 0;
  #resting = false;
  #paused = false;
  #ending = false;
  #ended = false;
  #openTimer: NodeJS.Timeout | undefined;
  #messageTimer: NodeJS.Timeout | undefined;

  /** Takes over a stream that is connected. */
  constructor(stream: Duplex, options: ClientOptions) {
    this.#stream = stream;
    this.#options = options;
    this.hypervisor = options.hypervisor;
    this.machine = options.machine;
    this.#outbox = new Outbox(stream, {
      limits: options.limits,
      onFault: options.onFault,
      onBacklog: options.onBacklog,
      onUnread: () => this.drop('it does not read'),
    });
    this.#frames = new FrameReader({ messageMaxBytes: options.limits.messageBytes, scratchMaxBytes: 0 });
    this.#openTimer = this.#deadline(options.limits.openMs, 'it opened nothing in time');
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('drain', () => this.#drained());
    stream.on('error', error => this.drop(`the stream broke: ${errorMessage(error)}`, error));
    for (const event of ['end', 'close']) stream.on(event, () => this.drop('it went away'));
  }

  get opened(): Opened | undefined {
    return this.#opened;
  }

  /** Bytes written to the client that it has not read, as far as this process holds them. */
  get unreadBytes(): number {
    return this.#outbox.unreadBytes;
  }

  open(opened: Opened): void {
    this.#opened = opened;
    clearTimeout(this.#openTimer);
  }

  startKeepalive(): void {
    const { keepaliveMs, keepaliveCount } = this.#options.limits;
    if (!this.#ended) this.#keepalive.start(keepaliveMs, keepaliveCount);
  }

  endAfterReply(): void {
    this.#ending = true;
  }

  /** Sends an event to the callbacks that asked for it. */
  event(event: HypervisorEvent): void {
    if (this.#ended || this.callbacks.size === 0) return;
    for (const { procedure, write } of this.callbacks.messages(event)) this.#outbox.message(procedure, write);
  }

  /** Tells a client that asked for it that the hypervisor is lost. */
  hypervisorLost(): void {
    if (this.closeCallback && !this.#ended)
      this.#outbox.message(PROCEDURE.eventConnectionClosed, writer => void writer.i32(CLOSE_REASON_ERROR));
  }

  /** Ends the connection at once. */
  drop(why: string, cause?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#keepalive.stop();
    for (const timer of [this.#openTimer, this.#messageTimer]) clearTimeout(timer);
    this.#outbox.close();
    this.#queue.length = 0;
    this.#stream.destroy();
    this.#options.onEnd(new BallonetError('HYPERVISOR_CLOSED', `client dropped: ${why}`, { cause }));
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.#keepalive.heard();
    let whole = 0;
    let pinged = false;
    try {
      this.#frames.push(chunk, message => {
        whole += 1;
        if (readHeader(message).program === KEEPALIVE_PROGRAM) pinged = isPing(message) || pinged;
        else this.#queue.push(message);
      });
    } catch (error) {
      this.drop('it broke the protocol', error);
      return;
    }
    // One answer tells as much as many, and a flood of pings must not become a flood of answers.
    if (pinged) this.#outbox.keepalive(KEEPALIVE.pong);
    if (whole > 0 || !this.#frames.partial) {
      clearTimeout(this.#messageTimer);
      this.#messageTimer = undefined;
    }
    if (this.#frames.partial)
      this.#messageTimer ??= this.#deadline(
        this.#options.limits.messageMs,
        'a message took too long to arrive',
      );
    if (!this.#resting) this.#work();
  }

  /** Begins as many of the waiting calls as may be begun now; reading goes on when none are left waiting. */
  #work(): void {
    this.#resting = false;
    for (let begun = 0; !this.#ended && !this.#ending && this.#mayBegin(); begun++) {
      const message = this.#queue.shift();
      if (message === undefined) break;
      if (begun >= CALLS_A_TURN) {
        this.#queue.unshift(message);
        this.#rest();
        break;
      }
      this.#begin(message);
    }
    this.#readOn(this.#queue.length === 0 && this.#mayBegin());
  }

  #rest(): void {
    this.#resting = true;
    setImmediate(() => {
      if (!this.#ended) this.#work();
    });
  }

  #mayBegin(): boolean {
    return (
      this.#inFlight < this.#options.limits.calls && this.unreadBytes <= this.#options.limits.unreadBytes
    );
  }

  #readOn(on: boolean): void {
    if (this.#ended || this.#paused === !on) return;
    this.#paused = !on;
    if (on) this.#stream.resume();
    else this.#stream.pause();
  }

  #begin(message: Buffer): void {
    const header = readHeader(message);
    if (header.type !== MESSAGE_TYPE.call) {
      this.drop('it broke the protocol', malformed(`message type ${header.type} is none of a client's`));
      return;
    }
    let answer: Answer;
    try {
      answer = this.#answer(header, message);
    } catch (error) {
      this.#outbox.refuse(header, error);
      return;
    }
    if (!(answer instanceof Promise)) {
      this.#reply(header, answer);
      return;
    }
    this.#inFlight += 1;
    answer
      .then(
        reply => this.#reply(header, reply),
        (error: unknown) => this.#outbox.refuse(header, error),
      )
      .finally(() => {
        this.#inFlight -= 1;
        if (!this.#resting) this.#rest();
      });
  }

  #answer(header: MessageHeader, message: Buffer): Answer {
    if (header.program !== REMOTE_PROGRAM || header.version !== PROGRAM_VERSION)
      throw rpcError(`Cannot find program ${header.program} version ${header.version}`);
    if (header.status !== MESSAGE_STATUS.ok) throw rpcError(`Unexpected message status ${header.status}`);
    const procedure = procedureOf(header.procedure);
    if (!this.#opened && !procedure.early) throw notOpen();
    if (this.#opened?.readOnly && procedure.changes) {
      throw refused(
        'OPERATION_DENIED',
        VIR_ERR.operationDenied,
        `operation forbidden: read only access prevents ${procedure.name}`,
      );
    }
    let run: (session: Session) => Answer;
    try {
      run = procedure.prepare(new XdrReader(message, HEADER_BYTES));
    } catch (error) {
      throw isBallonetError(error, 'PROTOCOL') ? rpcError('Unable to decode message payload', error) : error;
    }
    return run(this);
  }

  #reply(header: MessageHeader, reply: Reply | undefined): void {
    this.#outbox.reply(header, reply);
    if (this.#ending) this.#sayGoodbye();
  }

  #drained(): void {
    if (!this.#resting) this.#work();
  }

  #sayGoodbye(): void {
    this.#stream.end(() => this.drop('it said goodbye'));
    this.#messageTimer ??= this.#deadline(GOODBYE_MS, 'it said goodbye and did not read the answer');
  }

  #deadline(ms: number, why: string): NodeJS.Timeout {
    return setTimeout(() => this.drop(why), ms).unref();
  }
}

function rpcError(message: string, cause?: unknown): BallonetError {
  return refused('PROTOCOL', VIR_ERR.rpc, message, cause);
}
