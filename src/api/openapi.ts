/** The OpenAPI document, from the table of routes and the schemas that check what goes in and out. */
import { z } from 'zod';
import type { ErrorCode } from '../model/errors.ts';
import { statusOfCode } from './http-status.ts';
import { ROUTES, type Route } from './routes.ts';
import { Snapshot, StreamDecision, StreamEvent } from './schema/answers.ts';
import { Problem, SCHEMAS } from './schema/common.ts';
import { StreamQuery } from './schema/requests.ts';

export const STREAM_PATH = '/api/v1/stream';
export const METRICS_PATH = '/metrics';
export const OPENAPI_PATH = '/api/v1/openapi.json';

type Json = Record<string, unknown>;

/** What any request may be refused with. */
const ANY_ERRORS = [
  'REQUEST_INVALID',
  'TOKEN_REFUSED',
  'DAEMON_DENIED',
  'REQUEST_LIMITED',
  'DAEMON_FAULT',
] as const;

export function openApi(version: string): Json {
  const routes: readonly (readonly [string, Route])[] = Object.entries(ROUTES);
  const paths = routes.map(([name, route]) => [
    openPath(route.path),
    { [route.method.toLowerCase()]: operation(name, route) },
  ]);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ballonet',
      version,
      description:
        'The daemon that tunes the memory balloons of KVM guests. Over its unix socket no token is wanted; over TCP, reads want the ' +
        'read or write token when one is set, and changes always want the write token.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths: {
      ...Object.fromEntries(paths),
      [STREAM_PATH]: { get: streamOperation() },
      [METRICS_PATH]: { get: metricsOperation() },
    },
    components: {
      schemas: components(),
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operation(name: string, route: Route): Json {
  const own: readonly ErrorCode[] =
    route.method === 'POST' ? ['REQUEST_TOO_LARGE', ...route.errors] : route.errors;
  const codes: readonly ErrorCode[] = [...new Set<ErrorCode>([...ANY_ERRORS, ...own])];
  const refusals = [...new Set(codes.map(statusOfCode))].map(status => [
    String(status),
    {
      description: codes.filter(code => statusOfCode(code) === status).join(', '),
      content: json(Problem),
    },
  ]);
  return {
    operationId: name,
    summary: route.summary,
    ...security(route),
    parameters: [...pathParameters(route.path), ...queryParameters(route.query)],
    ...(route.method === 'POST' ? { requestBody: { required: true, content: json(route.body) } } : {}),
    responses: {
      200: { description: route.summary, content: json(route.answer) },
      ...Object.fromEntries(refusals),
    },
  };
}

function streamOperation(): Json {
  return {
    operationId: 'stream',
    summary: 'Snapshots, decisions and events as they come, as server-sent events',
    security: [{}, { token: [] }],
    parameters: queryParameters(StreamQuery),
    responses: {
      200: {
        description:
          'Each message has the type `snapshot`, `decision` or `event`; the last two have an id, after which a client may go on with ' +
          '`since` or Last-Event-ID. A client that does not keep up misses snapshots, and is dropped when it reads nothing.',
        content: {
          'text/event-stream': {
            schema: { oneOf: [Snapshot, StreamDecision, StreamEvent].map(reference) },
          },
        },
      },
    },
  };
}

function metricsOperation(): Json {
  return {
    operationId: 'metrics',
    summary: 'Metrics for Prometheus',
    security: [{}, { token: [] }],
    responses: {
      200: {
        description: 'In the text format of Prometheus',
        content: { 'text/plain': { schema: { type: 'string' } } },
      },
    },
  };
}

function security({ access }: Route): Json {
  if (access === 'open') return { security: [] };
  return { security: access === 'write' ? [{ token: [] }] : [{}, { token: [] }] };
}

function openPath(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    description: 'name, id or uuid',
    schema: { type: 'string' },
  }));
}

function queryParameters(query: z.ZodType): Json[] {
  const { properties = {}, required = [] } = schemaOf(query);
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function json(schema: z.ZodType): Json {
  const id = SCHEMAS.get(schema)?.id;
  return { 'application/json': { schema: id === undefined ? schemaOf(schema) : reference(schema) } };
}

function reference(schema: z.ZodType): Json {
  return { $ref: `#/components/schemas/${SCHEMAS.get(schema)?.id}` };
}

interface JsonSchema extends Json {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

function schemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return { ...rest };
}

/** Every schema with a name. */
function components(): Json {
  const { schemas } = z.toJSONSchema(SCHEMAS, {
    io: 'input',
    metadata: SCHEMAS,
    // What `describe` says of single fields stands in zod's own registry.
    override: ({ zodSchema, jsonSchema }) => {
      const said = zodSchema instanceof z.ZodType ? zodSchema.description : undefined;
      if (said !== undefined) jsonSchema.description ??= said;
    },
    uri: id => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _s, $id: _i, ...schema }]) => [id, schema]),
  );
}
