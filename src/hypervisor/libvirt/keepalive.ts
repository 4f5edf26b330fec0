/** Keepalive of libvirt's protocol (src/rpc/virkeepalive.c), the same on both sides of a connection. */
import { HEADER_BYTES, KEEPALIVE, MESSAGE_TYPE, PROGRAM_VERSION, readHeader } from './wire.ts';
import { malformed } from './xdr.ts';

interface Peer {
  /** Sends a ping. */
  ping(): void;
  /** Called when `count` pings were left unanswered. */
  lost(count: number): void;
  /** True while nothing can be heard, because nothing is read. */
  readonly deaf?: () => boolean;
}

/** Pings whenever nothing came for an interval. */
export class Keepalive {
  readonly #peer: Peer;
  #timer: NodeJS.Timeout | undefined;
  /** Something came since the last look. */
  #heard = false;
  #unanswered = 0;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Begins, if it has not begun. */
  start(intervalMs: number, count: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#look(count), intervalMs);
    this.#timer.unref();
  }

  /** Something has come. */
  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(count: number): void {
    if (this.#heard || this.#peer.deaf?.() === true) {
      this.#heard = false;
      this.#unanswered = 0;
    } else if (this.#unanswered >= count) {
      this.#peer.lost(count);
    } else {
      this.#unanswered += 1;
      this.#peer.ping();
    }
  }
}

/**
 * Reads a message of the keepalive program: true for a ping, false for the answer to one.
 *
 * @throws BallonetError PROTOCOL
 */
export function isPing(message: Buffer): boolean {
  const { version, procedure, type } = readHeader(message);
  if (version !== PROGRAM_VERSION || type !== MESSAGE_TYPE.message || message.length !== HEADER_BYTES)
    throw malformed('a keepalive message of another form');
  if (procedure !== KEEPALIVE.ping && procedure !== KEEPALIVE.pong)
    throw malformed(`keepalive procedure ${procedure}`);
  return procedure === KEEPALIVE.ping;
}
