/** The client side: asks a daemon over its unix socket, and checks what it answers against the table of routes. */
import { type IncomingMessage, request } from 'node:http';
import type { z } from 'zod';
import { BallonetError, ERRORS, type ErrorCode, errorMessage } from '../model/errors.ts';
import { STREAM_PATH } from './openapi.ts';
import type { Route } from './routes.ts';
import { Problem } from './schema/common.ts';
import type { Streamed } from './schema/requests.ts';

/** The daemon answers within a tick; a release waits for its hypervisor. */
const ANSWER_MS = 20_000;

/** What a route is asked with. */
interface Ask {
  readonly domain?: string | undefined;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: object;
}

export interface StreamWish<A extends z.ZodType> {
  readonly type: Streamed;
  /** What the records are checked against. */
  readonly answer: A;
  readonly domain?: string | undefined;
  /** What came after this id is sent first. */
  readonly since?: number | undefined;
  /** Ends the stream. */
  readonly signal: AbortSignal;
}

/** A route, as far as the client needs it. */
type Asking<A extends z.ZodType> = Pick<Route<z.ZodType, z.ZodType, A>, 'method' | 'path' | 'answer'>;

/** Each call throws BallonetError: DAEMON_UNREACHABLE, DAEMON_DENIED, DAEMON_ANSWER_INVALID, or what the daemon refuses with. */
export interface ApiClient {
  call<A extends z.ZodType>(route: Asking<A>, ask?: Ask): Promise<z.output<A>>;
  /** Gives each record as it comes, until the signal or the daemon ends it. */
  stream<A extends z.ZodType>(wish: StreamWish<A>, next: (record: z.output<A>) => void): Promise<void>;
}

/**
 * @param socket path of the daemon's socket
 * @param user who asks, for the daemon's audit log
 */
export function createApiClient(socket: string, user: string): ApiClient {
  function send(
    method: string,
    path: string,
    body: string | undefined,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = {
        'ballonet-user': user,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const sent = request({ socketPath: socket, method, path, headers, ...(signal && { signal }) }, resolve);
      sent.setTimeout(ANSWER_MS, () => sent.destroy(new Error(`no answer in ${ANSWER_MS / 1000} s`)));
      sent.on('error', error => reject(unreachable(socket, error)));
      sent.end(body);
    });
  }

  return {
    async call(route, { domain = '', query = {}, body = {} } = {}) {
      const path = route.path.replace(':domain', encodeURIComponent(domain)) + queryText(query);
      const response = await send(
        route.method,
        path,
        route.method === 'POST' ? JSON.stringify(body) : undefined,
      );
      const text = await textOf(response, socket);
      if (response.statusCode !== 200) throw refusal(text, socket);
      return parse(route, text, socket);
    },
    async stream({ type, answer, domain, since, signal }, next) {
      try {
        const path = STREAM_PATH + queryText({ types: type, domain, since });
        const response = await send('GET', path, undefined, signal);
        if (response.statusCode !== 200) throw refusal(await textOf(response, socket), socket);
        // The stream says something every few seconds; silence is for its own keep-alive to end.
        response.socket.setTimeout(0);
        for await (const data of messages(response)) next(answer.parse(JSON.parse(data)));
      } catch (cause) {
        // Also while it is being opened.
        if (signal.aborted) return;
        throw cause instanceof BallonetError ? cause : unreachable(socket, cause);
      }
      if (!signal.aborted) throw unreachable(socket, new Error('the daemon has ended the stream'));
    },
  };
}

/** The data of each message of a stream of server-sent events, as our own daemon writes them: one line each. */
async function* messages(response: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const part of response) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('data: ')) yield line.slice('data: '.length);
  }
}

function queryText(query: NonNullable<Ask['query']>): string {
  const entries = Object.entries(query).flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[key, String(value)]],
  );
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries).toString()}`;
}

async function textOf(response: IncomingMessage, socket: string): Promise<string> {
  const parts: Buffer[] = [];
  try {
    for await (const part of response) parts.push(Buffer.from(part));
  } catch (cause) {
    throw unreachable(socket, cause);
  }
  return Buffer.concat(parts).toString();
}

function parse<A extends z.ZodType>({ answer }: Asking<A>, text: string, socket: string): z.output<A> {
  const result = answer.safeParse(asJson(text));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw notOurs(
    socket,
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not the answer'}`,
    result.error,
  );
}

function refusal(text: string, socket: string): BallonetError {
  const problem = Problem.safeParse(asJson(text));
  if (!problem.success) return notOurs(socket, 'it refused in words of its own', problem.error);
  const { code, message } = problem.data;
  return isErrorCode(code) ? new BallonetError(code, message) : notOurs(socket, `${code}: ${message}`);
}

function isErrorCode(code: string): code is ErrorCode {
  return code in ERRORS;
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notOurs(socket: string, why: string, cause?: unknown): BallonetError {
  return new BallonetError('DAEMON_ANSWER_INVALID', `the answer at ${socket} cannot be read: ${why}`, {
    cause,
  });
}

function unreachable(socket: string, cause: unknown): BallonetError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EACCES')
    return new BallonetError(
      'DAEMON_DENIED',
      `the daemon's socket ${socket} is closed to this user: it is for root and the group of the socket`,
      { cause },
    );
  const why = code === 'ENOENT' || code === 'ECONNREFUSED' ? 'no daemon listens there' : errorMessage(cause);
  return new BallonetError('DAEMON_UNREACHABLE', `no daemon at ${socket}: ${why}`, { cause });
}
