/** The server side of libvirt's RPC protocol: any driver behind a unix socket, for virsh and every other client of libvirt. */
import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import type { BallonetError } from '../../model/errors.ts';
import type { Hypervisor } from '../driver.ts';
import { ServedClient } from './client.ts';
import type { ServeLimits } from './limits.ts';
import { SERVE_LIMITS } from './limits.ts';
import { thisMachine } from './machine.ts';
import { listenAt } from './socket.ts';

export interface ServeOptions {
  /** Where the socket is to be; only the user that runs this process can connect to it. */
  readonly path: string;
  readonly limits?: Partial<ServeLimits>;
  /** Told why each connection ended; most say goodbye. */
  readonly onClientEnd?: (reason: BallonetError) => void;
  /** Told of an error that is this program's fault. The client concerned was told of an internal error. */
  readonly onFault?: (error: unknown) => void;
}

export interface HypervisorServer {
  readonly path: string;
  /** How many connections there are. */
  readonly clients: number;
  /** Drops all clients and removes the socket. The hypervisor stays open: it is the caller's. */
  close(): Promise<void>;
}

/**
 * Serves a hypervisor at a unix socket in libvirt's wire protocol, to clients that ask for `qemu:` or `test:` URIs, such as
 * `virsh -c 'test+unix:///default?socket=PATH'`.
 *
 * @throws BallonetError SOCKET_UNAVAILABLE
 */
export async function serveHypervisor(
  hypervisor: Hypervisor,
  options: ServeOptions,
): Promise<HypervisorServer> {
  const crowd = new Crowd(hypervisor, options);
  const server = createServer(socket => crowd.admit(socket));
  try {
    await listenAt(server, options.path);
  } catch (error) {
    crowd.close();
    throw error;
  }
  return {
    path: options.path,
    get clients() {
      return crowd.size;
    },
    async close() {
      const closed = new Promise<void>(resolve => {
        server.close(() => resolve());
      });
      crowd.close();
      await closed;
    },
  };
}

/** All clients of one server. Oldest first. */
export class Crowd {
  readonly #hypervisor: Hypervisor;
  readonly #options: Omit<ServeOptions, 'path'>;
  readonly #limits: ServeLimits;
  readonly #machine = thisMachine();
  readonly #clients = new Set<ServedClient>();
  readonly #stopWatching: () => void;
  #closed = false;

  constructor(hypervisor: Hypervisor, options: Omit<ServeOptions, 'path'> = {}) {
    this.#hypervisor = hypervisor;
    this.#options = options;
    this.#limits = { ...SERVE_LIMITS, ...options.limits };
    const events = hypervisor.events.subscribe(event => {
      for (const client of this.#clients) client.event(event);
    });
    const link = hypervisor.link.subscribe(({ up }) => {
      if (!up) for (const client of this.#clients) client.hypervisorLost();
    });
    this.#stopWatching = () => {
      events.unsubscribe();
      link.unsubscribe();
    };
  }

  get size(): number {
    return this.#clients.size;
  }

  /** Takes a connected stream in, or destroys it when there is no place. */
  admit(stream: Duplex): void {
    if (this.#closed || (this.#clients.size >= this.#limits.clients && !this.#makePlace())) {
      stream.destroy();
      return;
    }
    const client: ServedClient = new ServedClient(stream, {
      hypervisor: this.#hypervisor,
      machine: this.#machine,
      limits: this.#limits,
      onFault: error => this.#options.onFault?.(error),
      onBacklog: () => this.#boundBacklog(),
      onEnd: reason => {
        this.#clients.delete(client);
        this.#options.onClientEnd?.(reason);
      },
    });
    this.#clients.add(client);
  }

  close(): void {
    this.#closed = true;
    this.#stopWatching();
    for (const client of this.#clients) client.drop('the server ends');
  }

  /** One that has opened nothing yet may be nobody; those that have are never turned out for another. */
  #makePlace(): boolean {
    const [idle] = [...this.#clients].filter(client => !client.opened);
    idle?.drop('another client wants its place');
    return idle !== undefined;
  }

  #boundBacklog(): void {
    const clients = [...this.#clients].toSorted((a, b) => b.unreadBytes - a.unreadBytes);
    let total = clients.reduce((sum, client) => sum + client.unreadBytes, 0);
    for (const client of clients) {
      if (total <= this.#limits.unreadTotalBytes) return;
      total -= client.unreadBytes;
      client.drop('all clients together have too much unread');
    }
  }
}
