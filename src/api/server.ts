/** The doors of the API: a unix socket for this machine, and a TCP address if one is wanted. */
import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { type Caller, callerBySocket, callerByToken, type Tokens } from './access.ts';
import { type Address, isLoopback } from './address.ts';
import { createListener, type Door } from './http.ts';
import type { ApiPorts } from './ports.ts';
import { createRateLimit, type Rate } from './rate-limit.ts';
import { createStreaming, STREAM_LIMITS, type StreamLimits } from './stream.ts';

/** How much the API lets itself be asked. */
export interface ApiLimits {
  /** A request comes within these times or not at all, and with headers of this size. */
  readonly http: ServerOptions;
  /** At each door; one more is closed as it comes. */
  readonly connections: number;
  /** All who come over the socket together. */
  readonly socketRate: Rate;
  /** Each caller that comes over TCP. */
  readonly tcpRate: Rate;
  readonly stream: StreamLimits;
}

const LIMITS: ApiLimits = {
  http: {
    headersTimeout: 5000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5000,
    connectionsCheckingInterval: 1000,
    maxHeaderSize: 8 * 1024,
  },
  connections: 2048,
  // Enough for a thousand consoles that connect at once.
  socketRate: { perSecond: 500, burst: 2000 },
  tcpRate: { perSecond: 50, burst: 200 },
  stream: STREAM_LIMITS,
};

/** A header in which our own client says who runs it. */
const USER_HEADER = 'ballonet-user';

export interface Api {
  /** Opens a door for those whom the kernel lets at the socket. `listen` binds the server to its place. */
  openSocket(listen: (server: Server) => Promise<void>): Promise<void>;
  /** Opens a door for those who know a token; with no tokens, for whoever comes, to read. */
  openTcp(address: Address, tokens: Tokens, listen: (server: Server) => Promise<void>): Promise<void>;
  /** Clients of the stream. */
  readonly streams: number;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

export function createApi(ports: ApiPorts, limits: ApiLimits = LIMITS): Api {
  const streaming = createStreaming(ports.history, ports.state, limits.stream);
  const servers = new Set<Server>();

  async function open(door: Door, listen: (server: Server) => Promise<void>): Promise<void> {
    const server = createServer(limits.http, createListener(ports, streaming, door));
    server.maxConnections = limits.connections;
    await listen(server);
    servers.add(server);
  }

  return {
    openSocket: listen =>
      open(
        {
          identify: request => callerBySocket(header(request, USER_HEADER)),
          allow: once(createRateLimit(limits.socketRate, ports.clock), 'socket'),
          isOwnName: () => true,
        },
        listen,
      ),
    openTcp: (address, tokens, listen) =>
      open(
        {
          identify: request => tcpCaller(request, tokens),
          allow: createRateLimit(limits.tcpRate, ports.clock),
          isOwnName: host => !isLoopback(address.host) || isLoopbackName(host),
        },
        listen,
      ),
    get streams() {
      return streaming.size;
    },
    async close() {
      streaming.close();
      const closed = [...servers].map(
        server =>
          new Promise<void>(resolve => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      );
      await Promise.all(closed);
    },
  };
}

function once(allow: (caller: string) => boolean, key: string): () => boolean {
  return () => allow(key);
}

function tcpCaller(request: IncomingMessage, tokens: Tokens): Caller {
  return callerByToken(tokens, request.headers.authorization, request.socket.remoteAddress ?? 'unknown');
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** A page of another site may have its name point at loopback; browsers then send that name. */
function isLoopbackName(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || (/^[\d.]+$|:/.test(name) && isLoopback(name));
}
