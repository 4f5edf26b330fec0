/**
 * Connections for bulk calls (H30). A call that a hung QEMU holds up takes its place on the connection until QEMU answers, and
 * libvirtd reads no further than `max_client_requests` (5) unanswered calls. So bulk calls leave a connection on which calls are
 * stuck to its other users, and go on over one of their own; a new one costs a millisecond on a unix socket.
 */
import { BallonetError } from '../../model/errors.ts';
import type { RpcConnection } from './connection.ts';

export class BulkLanes {
  readonly #open: (() => Promise<RpcConnection>) | undefined;
  readonly #lateMs: number;
  #own: RpcConnection | undefined;

  /** `open`: undefined where every connection sees a host of its own. `lateMs`: a call is stuck when it is as old as that. */
  constructor(open: (() => Promise<RpcConnection>) | undefined, lateMs: number) {
    this.#open = open;
    this.#lateMs = lateMs;
  }

  /** The one to begin with: `main` while nothing is stuck there. @throws BallonetError of connecting */
  async usable(main: RpcConnection): Promise<RpcConnection> {
    if (!this.#open || main.stuckFor(this.#lateMs) === 0) {
      this.#keep(undefined);
      return main;
    }
    if (!this.#own || this.#own.failure || this.#own.stuckFor(this.#lateMs) > 0)
      this.#keep(await this.#open());
    return this.#own ?? main;
  }

  /** Connections for further rounds of one collection. */
  rounds(main: RpcConnection): {
    /** A new one, on which nothing is stuck. @throws BallonetError of connecting */
    readonly fresh: () => Promise<RpcConnection>;
    /** After the last round. Whatever is still under way on them is given up. */
    readonly end: () => void;
  } {
    const opened: RpcConnection[] = [];
    let over = false;
    return {
      fresh: async () => {
        if (!this.#open) return main;
        const lane = await this.#open();
        if (over) giveUp(lane);
        else opened.push(lane);
        return lane;
      },
      end: () => {
        over = true;
        for (const lane of opened) {
          // The next collection will want one.
          if (lane === opened.at(-1) && lane.stuckFor(0) === 0) this.#keep(lane);
          else giveUp(lane);
        }
      },
    };
  }

  close(): void {
    this.#keep(undefined);
  }

  #keep(lane: RpcConnection | undefined): void {
    if (this.#own) giveUp(this.#own);
    this.#own = lane;
  }
}

function giveUp(lane: RpcConnection): void {
  lane.fail(new BallonetError('HYPERVISOR_CLOSED', 'given up for a new connection'));
}
