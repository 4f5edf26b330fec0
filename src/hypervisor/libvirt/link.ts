/** Keeps a connection: the first one must succeed, later ones are made again with back-off if that is wanted. */
import type { Observable } from 'rxjs';
import { BehaviorSubject } from 'rxjs';
import { BallonetError, isBallonetError } from '../../model/errors.ts';
import type { LinkState } from '../driver.ts';
import type { RpcConnection } from './connection.ts';

export interface LinkOptions {
  readonly reconnect: boolean;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
}

export class Link {
  readonly #open: () => Promise<RpcConnection>;
  readonly #options: LinkOptions;
  readonly #state: BehaviorSubject<LinkState>;
  #connection: RpcConnection;
  #upSince = performance.now();
  #attempt = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Makes the first connection. @throws BallonetError whatever `open` does */
  static async start(open: () => Promise<RpcConnection>, options: LinkOptions): Promise<Link> {
    return new Link(open, options, await open());
  }

  private constructor(open: () => Promise<RpcConnection>, options: LinkOptions, connection: RpcConnection) {
    this.#open = open;
    this.#options = options;
    this.#connection = connection;
    this.#state = new BehaviorSubject<LinkState>({ up: true });
    this.#watch(connection);
  }

  /** The present state first; completes when no connection will be made any more. */
  get state(): Observable<LinkState> {
    return this.#state.asObservable();
  }

  /** @throws BallonetError HYPERVISOR_CLOSED, HYPERVISOR_UNREACHABLE */
  connection(): RpcConnection {
    const state = this.#state.value;
    if (this.#closed)
      throw new BallonetError('HYPERVISOR_CLOSED', 'the connection was closed from this side');
    if (!state.up) throw notConnected(state.error);
    // It may have ended in this very turn, before the state could follow.
    if (this.#connection.failure) throw notConnected(this.#connection.failure);
    return this.#connection;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#connection.close();
    this.#state.complete();
  }

  #watch(connection: RpcConnection): void {
    void connection.ended.then(error => {
      if (this.#closed) return;
      // One that ends as soon as it is up must not be remade without a pause.
      if (performance.now() - this.#upSince >= this.#options.backoffMaxMs) this.#attempt = 0;
      this.#goDown(error);
    });
  }

  #goDown(error: BallonetError): void {
    const before = this.#state.value;
    // An outage is told once, and again only if its reason changes.
    if (before.up || !isBallonetError(before.error, error.code)) this.#state.next({ up: false, error });
    if (!this.#options.reconnect) {
      this.#state.complete();
      return;
    }
    const pause = Math.min(this.#options.backoffFirstMs * 2 ** this.#attempt, this.#options.backoffMaxMs);
    this.#attempt += 1;
    // Half of the pause is left to chance, so that clients of one daemon do not come back all at once.
    this.#timer = setTimeout(() => void this.#retry(), pause * (0.5 + Math.random() / 2));
  }

  /** H32 (R25): events and all that was known end with the connection, so a new one registers anew before it is called up. */
  async #retry(): Promise<void> {
    let connection: RpcConnection;
    try {
      connection = await this.#open();
    } catch (error) {
      if (!this.#closed) this.#goDown(isBallonetError(error) ? error : unexpected(error));
      return;
    }
    if (this.#closed) {
      await connection.close();
      return;
    }
    this.#connection = connection;
    this.#upSince = performance.now();
    this.#state.next({ up: true });
    this.#watch(connection);
  }
}

/** What a call gets while the link is down; the reason for the loss is its cause. */
function notConnected(error: Error): BallonetError {
  const closed = isBallonetError(error, 'HYPERVISOR_CLOSED') || isBallonetError(error, 'PROTOCOL');
  return new BallonetError(
    closed ? 'HYPERVISOR_CLOSED' : 'HYPERVISOR_UNREACHABLE',
    `not connected: ${error.message}`,
    { cause: error },
  );
}

function unexpected(error: unknown): BallonetError {
  return new BallonetError('HYPERVISOR_UNREACHABLE', 'connecting to libvirt failed', { cause: error });
}
