/** Asks the daemon that serves this page. */
import type { Answer, ROUTES } from '../api/routes.ts';
import { noteRefusal, token } from './token.ts';

/** The daemon's refusal, or that there was no answer. */
export class ApiError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

type Paths = { readonly [N in keyof typeof ROUTES]?: string };

/** What is asked of each route; the compiler holds the names against the table of routes. */
const READS = {
  status: '/api/v1/status',
  guest: '/api/v1/guests/:domain',
  explain: '/api/v1/guests/:domain/explain',
  events: '/api/v1/events',
  policies: '/api/v1/policies',
  hostHistory: '/api/v1/history/host',
  guestsHistory: '/api/v1/history/guests',
  guestHistory: '/api/v1/history/guests/:domain',
} as const satisfies Paths;

const POSTS = {
  checkPolicies: '/api/v1/policies/check',
  testPolicies: '/api/v1/policies/test',
  whatIf: '/api/v1/policies/what-if',
  pause: '/api/v1/guests/:domain/pause',
  resume: '/api/v1/guests/:domain/resume',
  release: '/api/v1/release',
} as const satisfies Paths;

interface Ask {
  readonly domain?: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly signal?: AbortSignal;
}

/** @throws ApiError */
export function get<N extends keyof typeof READS>(name: N, ask: Ask = {}): Promise<Answer<N>> {
  return send(pathOf(READS[name], ask), { ...(ask.signal && { signal: ask.signal }) });
}

/** @throws ApiError */
export function post<N extends keyof typeof POSTS>(name: N, body: object, ask: Ask = {}): Promise<Answer<N>> {
  return send(pathOf(POSTS[name], ask), {
    method: 'POST',
    body: JSON.stringify(body),
    ...(ask.signal && { signal: ask.signal }),
  });
}

/** Opens the stream of server-sent events. @throws ApiError */
export async function openStream(
  query: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const response = await request(`api/v1/stream?${query}`, { signal });
  if (response.body === null) throw new ApiError('NO_ANSWER', 'the daemon gave an empty answer');
  return response.body;
}

function pathOf(route: string, { domain = '', query }: Ask): string {
  // The page may stand below a path of a proxy: all addresses are beside it.
  const path = route.slice(1).replace(':domain', encodeURIComponent(domain));
  if (query === undefined) return path;
  const pairs = Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]);
  return `${path}?${new URLSearchParams(pairs).toString()}`;
}

async function send<T>(path: string, init: RequestInit): Promise<T> {
  const response = await request(path, init);
  return response.json();
}

async function request(path: string, init: RequestInit): Promise<Response> {
  const bearer = token();
  const headers = {
    ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
    ...(init.body !== undefined && { 'content-type': 'application/json' }),
  };
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, cache: 'no-store' });
  } catch (cause) {
    if (init.signal?.aborted === true) throw cause;
    throw new ApiError('NO_ANSWER', 'the daemon does not answer');
  }
  if (response.ok) return response;
  if (response.status === 401) noteRefusal();
  throw await refusalOf(response);
}

async function refusalOf(response: Response): Promise<ApiError> {
  try {
    const { code, message }: { code?: unknown; message?: unknown } = await response.json();
    if (typeof code === 'string' && typeof message === 'string') return new ApiError(code, message);
  } catch {
    // Something before the daemon has answered, such as a proxy.
  }
  return new ApiError('NO_ANSWER', `the answer was ${response.status} ${response.statusText}`);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
