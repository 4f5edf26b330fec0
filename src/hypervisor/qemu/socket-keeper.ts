/** Keeps one QMP socket connected: again and again, with back-off, for as long as it is wanted. */
import type { Duplex } from 'node:stream';
import { BallonetError, isBallonetError } from '../../model/errors.ts';
import { QmpSession } from './session.ts';
import { openSocket } from './transport.ts';

export interface KeeperOptions {
  readonly path: string;
  /** Longest wait for each of connection, greeting and answer. */
  readonly timeoutMs: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  /** False: one attempt, and its connection until it ends. */
  readonly reconnect: boolean;
  /** Takes a new session; what it throws counts as a failed attempt and ends the session. */
  readonly onUp: (session: QmpSession) => Promise<void>;
  /** A session that `onUp` had taken has ended. */
  readonly onDown: (error: BallonetError) => void;
  /** An attempt failed: told once, and again when the reason is another. */
  readonly onFailure: (error: BallonetError) => void;
}

export class SocketKeeper {
  readonly path: string;
  readonly #options: KeeperOptions;
  readonly #first: Promise<void>;
  #session: QmpSession | undefined;
  /** Of the attempt that is under way. */
  #stream: Duplex | undefined;
  #tried = false;
  #attempt = 0;
  #upSince = 0;
  #told: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.path = options.path;
    this.#options = options;
    this.#first = this.#try().then(() => {
      this.#tried = true;
    });
  }

  /** Resolves, and never rejects, when the first attempt has come to its end. */
  get first(): Promise<void> {
    return this.#first;
  }

  /** True when the first attempt has come to its end. */
  get tried(): boolean {
    return this.#tried;
  }

  /** True from the greeting to the end of a session. */
  get connected(): boolean {
    return this.#session !== undefined;
  }

  /** The socket's file has changed: tries at once what would be tried after a pause. */
  hurry(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#attempt = 0;
    void this.#try();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#session?.close();
    this.#stream?.destroy();
  }

  async #try(): Promise<void> {
    this.#timer = undefined;
    const { path, timeoutMs, onUp } = this.#options;
    try {
      this.#stream = await openSocket(path, timeoutMs);
      if (this.#closed) this.#stream.destroy();
      const session = await QmpSession.open(this.#stream, { path, timeoutMs });
      try {
        if (this.#closed) return session.close();
        await onUp(session);
      } catch (error) {
        session.close();
        throw error;
      }
      this.#session = session;
      this.#upSince = performance.now();
      this.#told = undefined;
      void session.ended.then(error => this.#down(error));
      if (this.#closed) session.close();
    } catch (error) {
      if (this.#closed) return;
      const failure = isBallonetError(error) ? error : unexpected(path, error);
      if (this.#told !== failure.code) this.#options.onFailure(failure);
      this.#told = failure.code;
      this.#later();
    }
  }

  #down(error: BallonetError): void {
    this.#session = undefined;
    this.#options.onDown(error);
    if (this.#closed) return;
    // One that ends as soon as it is up must not be remade without a pause.
    if (performance.now() - this.#upSince >= this.#options.backoffMaxMs) this.#attempt = 0;
    this.#later();
  }

  #later(): void {
    const { reconnect, backoffFirstMs, backoffMaxMs } = this.#options;
    if (!reconnect) return;
    const pause = Math.min(backoffFirstMs * 2 ** this.#attempt, backoffMaxMs);
    this.#attempt += 1;
    // Half of the pause is left to chance, so that many sockets are not tried all at once.
    this.#timer = setTimeout(() => void this.#try(), pause * (0.5 + Math.random() / 2));
  }
}

function unexpected(path: string, cause: unknown): BallonetError {
  return new BallonetError('HYPERVISOR_UNREACHABLE', `connecting to QEMU at ${path} failed`, { cause });
}
