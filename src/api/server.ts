/** The doors of the API: a unix socket for this machine, and a TCP address if one is wanted. */
import { createServer, type IncomingMessage, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { type SecureContextOptions, TLSSocket } from 'node:tls';
import {
  type Caller,
  type CertificateNames,
  callerByCertificate,
  callerBySocket,
  callerByToken,
  type Tokens,
} from './access.ts';
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

/** What a TCP address speaks TLS with. */
export interface Tls {
  /** Certificate, key, and the authority of clients if there is one. */
  readonly context: SecureContextOptions;
  /** Whose certificates may do what; undefined where clients are not asked for one. */
  readonly clients: CertificateNames | undefined;
}

export type ApiServer = Server | TlsServer;

/** A header in which our own client says who runs it. */
const USER_HEADER = 'ballonet-user';

export interface Api {
  /** Opens a door for those whom the kernel lets at the socket. `listen` binds the server to its place. */
  openSocket(listen: Listen): Promise<void>;
  /** Opens a door for those who know a token; with no tokens, for whoever comes, to read. */
  openTcp(address: Address, tokens: Tokens, listen: Listen): Promise<void>;
  /**
   * The same behind TLS, for those who know a token or have a certificate that was named.
   *
   * @returns what takes another certificate, key and authority for the connections to come
   * @throws Error of OpenSSL when certificate and key cannot be used; so does what is returned, and changes nothing then
   */
  openTls(
    address: Address,
    tokens: Tokens,
    tls: Tls,
    listen: Listen,
  ): Promise<(context: SecureContextOptions) => void>;
  /** Clients of the stream. */
  readonly streams: number;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

type Listen = (server: ApiServer) => Promise<void>;

/** A client that has not shaken hands in this time does not mean to. */
const HANDSHAKE_MS = 5000;

export function createApi(ports: ApiPorts, limits: ApiLimits = LIMITS): Api {
  const streaming = createStreaming(ports.history, ports.state, limits.stream);
  const servers = new Set<ApiServer>();
  // Also those that have not yet shaken hands, of which an HTTP server knows nothing.
  const sockets = new Set<Socket>();

  async function open(server: ApiServer, listen: Listen): Promise<void> {
    server.maxConnections = limits.connections;
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    await listen(server);
    servers.add(server);
  }

  function tcpDoor(address: Address, tokens: Tokens, clients: CertificateNames | undefined): Door {
    return {
      identify: request => tcpCaller(request, tokens, clients),
      allow: createRateLimit(limits.tcpRate, ports.clock),
      isOwnName: host => !isLoopback(address.host) || isLoopbackName(host),
    };
  }

  const listenerOf = (door: Door) => createListener(ports, streaming, door);

  return {
    openSocket: listen =>
      open(
        createServer(
          limits.http,
          listenerOf({
            identify: request => callerBySocket(header(request, USER_HEADER)),
            allow: once(createRateLimit(limits.socketRate, ports.clock), 'socket'),
            isOwnName: () => true,
          }),
        ),
        listen,
      ),
    openTcp: (address, tokens, listen) =>
      open(createServer(limits.http, listenerOf(tcpDoor(address, tokens, undefined))), listen),
    async openTls(address, tokens, { context, clients }, listen) {
      const server = createTlsServer(
        {
          ...limits.http,
          ...context,
          minVersion: 'TLSv1.2',
          handshakeTimeout: HANDSHAKE_MS,
          requestCert: clients !== undefined,
          // Who has a token may come without a certificate, and one that does not hold counts as none.
          rejectUnauthorized: tokens.read === undefined && tokens.write === undefined,
        },
        listenerOf(tcpDoor(address, tokens, clients)),
      );
      await open(server, listen);
      return next => server.setSecureContext({ ...next, minVersion: 'TLSv1.2' });
    },
    get streams() {
      return streaming.size;
    },
    async close() {
      streaming.close();
      const closed = [...servers].map(
        server =>
          new Promise<void>(resolve => {
            server.close(() => resolve());
          }),
      );
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

function once(allow: (caller: string) => boolean, key: string): () => boolean {
  return () => allow(key);
}

function tcpCaller(
  { socket, headers }: IncomingMessage,
  tokens: Tokens,
  clients: CertificateNames | undefined,
): Caller {
  const from = socket.remoteAddress ?? 'unknown';
  const isByToken = headers.authorization !== undefined && (tokens.read ?? tokens.write) !== undefined;
  if (clients !== undefined && !isByToken && socket instanceof TLSSocket && socket.authorized)
    return callerByCertificate(clients, socket.getPeerCertificate(), from);
  return callerByToken(tokens, headers.authorization, from);
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
