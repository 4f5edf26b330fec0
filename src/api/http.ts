/** HTTP: takes requests apart, checks them against the table of routes, and answers. Alone here is the framework known. */
import type { IncomingMessage, RequestListener } from 'node:http';
import { getRequestListener, type HttpBindings, RequestError } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import type { z } from 'zod';
import { BallonetError, errorMessage, isBallonetError } from '../model/errors.ts';
import { admit, type Caller } from './access.ts';
import { fileResponse } from './console-files.ts';
import { seen, uuidOf } from './guests.ts';
import { createHandlers } from './handlers.ts';
import { httpStatus } from './http-status.ts';
import { METRICS_PATH, OPENAPI_PATH, openApi, STREAM_PATH } from './openapi.ts';
import type { ApiPorts } from './ports.ts';
import { type Access, type Asked, type Handlers, ROUTES, type Route } from './routes.ts';
import { StreamQuery } from './schema/requests.ts';
import type { Streaming } from './stream.ts';

const BODY_BYTES_MAX = 64 * 1024;

/** What differs between the unix socket and a TCP address. */
export interface Door {
  readonly identify: (request: IncomingMessage) => Caller;
  /** False when the caller asks too often. */
  readonly allow: (caller: string) => boolean;
  /** False for a `Host` header that does not name this door: a page elsewhere whose name was made to point here. */
  readonly isOwnName: (host: string) => boolean;
}

type App = Hono<{ Bindings: HttpBindings }>;
type AppContext = Context<{ Bindings: HttpBindings }>;

export function createListener(ports: ApiPorts, streaming: Streaming, door: Door): RequestListener {
  const app: App = new Hono();
  const document = JSON.stringify(openApi(ports.about.version));

  function enter(context: AppContext, access: Access): Caller {
    const { incoming } = context.env;
    if (!door.isOwnName(context.req.header('host') ?? ''))
      throw new BallonetError('DAEMON_DENIED', 'the Host header names another host');
    const caller = door.identify(incoming);
    if (!door.allow(caller.by))
      throw new BallonetError('REQUEST_LIMITED', 'too many requests: wait a moment');
    admit(caller, access);
    return caller;
  }

  /** Whoever may not change something, or asks for it in a form that cannot be read, stands in the audit log too. */
  async function admitted(context: AppContext, route: Bound['route'], take: Bound['take']) {
    try {
      return await take(context, enter(context, route.access));
    } catch (error) {
      // Of those who ask too often there would be too many.
      if (route.access === 'write' && !isBallonetError(error, 'REQUEST_LIMITED')) {
        const domain = context.req.param('domain');
        ports.audit({
          by: door.identify(context.env.incoming).by,
          what: route.path.slice(route.path.lastIndexOf('/') + 1),
          ...(domain === undefined ? {} : { domain }),
          refused: isBallonetError(error) ? error.code : 'DAEMON_FAULT',
        });
      }
      throw error;
    }
  }

  app.use(async (context, next) => {
    await next();
    context.header('x-content-type-options', 'nosniff');
    if (!context.res.headers.has('cache-control')) context.header('cache-control', 'no-store');
  });
  for (const { route, take } of bound(createHandlers(ports))) {
    app.on(route.method, route.path, async context => {
      const run = await admitted(context, route, take);
      return Response.json(await run());
    });
  }
  app.get(STREAM_PATH, context => {
    enter(context, 'read');
    const { types, domain, since } = read(StreamQuery, context.req.query(), 'parameter');
    const named = ports.history.decisions().map(({ decision }) => decision);
    const uuid = domain === undefined ? undefined : uuidOf(seen(ports.history), domain, named);
    const last = Number(context.req.header('last-event-id'));
    streaming.add(context.env.outgoing, {
      types,
      uuid,
      since: since ?? (Number.isSafeInteger(last) && last > 0 ? last : undefined),
    });
    return RESPONSE_ALREADY_SENT;
  });
  app.get(METRICS_PATH, async context => {
    enter(context, 'read');
    const { contentType } = ports.metrics;
    return context.body(await ports.metrics.text(), 200, { 'content-type': contentType });
  });
  app.get(OPENAPI_PATH, context => {
    enter(context, 'open');
    return context.body(document, 200, { 'content-type': 'application/json' });
  });
  for (const [path, file] of ports.console) {
    app.get(path, context => {
      enter(context, 'open');
      return fileResponse(file, name => context.req.header(name));
    });
  }
  app.notFound(context => {
    enter(context, 'open');
    throw new BallonetError('ROUTE_NOT_FOUND', `there is no ${context.req.method} ${context.req.path}`);
  });
  app.onError((error, context) => {
    if (!isBallonetError(error)) ports.fault(error, `${context.req.method} ${context.req.path}`);
    return refusal(error);
  });
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false, errorHandler: unreadable });
  return (incoming, outgoing) => {
    answer(incoming, outgoing).catch((error: unknown) => {
      ports.fault(error, `${incoming.method} ${incoming.url}`);
      outgoing.destroy();
    });
  };
}

interface Bound {
  readonly route: Pick<Route, 'method' | 'path' | 'access'>;
  /** Reads what is asked; gives what answers it. */
  readonly take: (context: AppContext, caller: Caller) => Promise<() => unknown>;
}

/** Each route with what it does. */
function bound(handlers: Handlers): readonly Bound[] {
  return [
    bind(ROUTES.status, handlers.status),
    bind(ROUTES.host, handlers.host),
    bind(ROUTES.guests, handlers.guests),
    bind(ROUTES.guest, handlers.guest),
    bind(ROUTES.explain, handlers.explain),
    bind(ROUTES.shadows, handlers.shadows),
    bind(ROUTES.decisions, handlers.decisions),
    bind(ROUTES.events, handlers.events),
    bind(ROUTES.policies, handlers.policies),
    bind(ROUTES.checkPolicies, handlers.checkPolicies),
    bind(ROUTES.testPolicies, handlers.testPolicies),
    bind(ROUTES.whatIf, handlers.whatIf),
    bind(ROUTES.hostHistory, handlers.hostHistory),
    bind(ROUTES.guestsHistory, handlers.guestsHistory),
    bind(ROUTES.guestHistory, handlers.guestHistory),
    bind(ROUTES.pause, handlers.pause),
    bind(ROUTES.resume, handlers.resume),
    bind(ROUTES.release, handlers.release),
    bind(ROUTES.reload, handlers.reload),
    bind(ROUTES.healthz, handlers.healthz),
    bind(ROUTES.readyz, handlers.readyz),
  ];
}

function bind<Q extends z.ZodType, B extends z.ZodType, A extends z.ZodType>(
  route: Route<Q, B, A>,
  handle: (asked: Asked<Q, B>) => z.output<A> | Promise<z.output<A>>,
): Bound {
  return {
    route,
    async take(context, { by, may }) {
      const asked: Asked<Q, B> = {
        domain: context.req.param('domain') ?? '',
        query: read(route.query, context.req.query(), 'parameter'),
        body: read(
          route.body,
          route.method === 'POST' ? await bodyOf(context, route.bodyBytesMax ?? BODY_BYTES_MAX) : {},
          'field',
        ),
        by,
        may: may === 'write' ? 'write' : 'read',
      };
      return () => handle(asked);
    },
  };
}

/** @throws BallonetError REQUEST_INVALID, REQUEST_TOO_LARGE */
async function bodyOf({ env: { incoming } }: AppContext, bytesMax: number): Promise<unknown> {
  const type = incoming.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  // What a form of another page can send is not this type.
  if (type !== 'application/json')
    throw new BallonetError('REQUEST_INVALID', 'send the body as content-type application/json');
  const text = await textOf(incoming, bytesMax);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BallonetError('REQUEST_INVALID', `the body is no JSON: ${errorMessage(cause)}`, { cause });
  }
}

async function textOf(incoming: IncomingMessage, bytesMax: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of incoming) {
      const piece = Buffer.from(part);
      bytes += piece.length;
      if (bytes > bytesMax)
        throw new BallonetError('REQUEST_TOO_LARGE', `the body is larger than ${bytesMax / 1024} KiB`);
      parts.push(piece);
    }
  } catch (cause) {
    if (isBallonetError(cause)) throw cause;
    throw new BallonetError('REQUEST_INVALID', `the body did not come whole: ${errorMessage(cause)}`, {
      cause,
    });
  }
  return Buffer.concat(parts).toString();
}

/** @throws BallonetError REQUEST_INVALID */
function read<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? '' : `${what} ${issue.path.join('.')}: `;
  throw new BallonetError('REQUEST_INVALID', `${place}${issue?.message ?? 'not what is wanted'}`, {
    cause: result.error,
  });
}

/** What the framework could make no request of: a Host header or a path that no URL can have. */
function unreadable(error: unknown): Response {
  if (!(error instanceof RequestError)) return refusal(error);
  const message = `the request cannot be read: ${error.message}`;
  return refusal(new BallonetError('REQUEST_INVALID', message, { cause: error }));
}

/** The answer to a request that is not met. What nobody foresaw is not told to the outside. */
function refusal(error: unknown): Response {
  const [code, message] = isBallonetError(error)
    ? [error.code, error.message]
    : ['DAEMON_FAULT', 'the daemon failed at this request; its log has the details'];
  const status = httpStatus(error);
  const headers = {
    ...((status === 429 || status === 503) && { 'retry-after': '1' }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    // The rest of the body is still to come: nobody can ask again on this connection before it has.
    ...(status === 413 && { connection: 'close' }),
  };
  return Response.json({ apiVersion: 'ballonet/v1', kind: 'Error', code, message }, { status, headers });
}
