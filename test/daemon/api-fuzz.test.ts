/**
 * Whatever comes to the API, a running daemon answers as its OpenAPI document says or ends the connection, goes on ticking, logs no
 * fault, and holds nothing of it afterwards. Requests are made from that document. `npm run fuzz` is the long form.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiClient } from '../../src/api/client.ts';
import { statusOfCode } from '../../src/api/http-status.ts';
import { METRICS_PATH, openApi, STREAM_PATH } from '../../src/api/openapi.ts';
import { ROUTES } from '../../src/api/routes.ts';
import { Problem } from '../../src/api/schema/common.ts';
import { ERRORS, type ErrorCode } from '../../src/model/errors.ts';
import buildWhenStale from '../build.ts';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
const POLICY = fileURLToPath(new URL('../../policies/standard.yaml', import.meta.url));
/** Of each form; the long form is as long as that of the wire. */
const REQUESTS = Math.ceil(Number(process.env.BALLONET_FUZZ_MESSAGES ?? 100_000) / 100);
const TIMEOUT_MS = 60_000 + REQUESTS * 50;
const PATIENCE = { timeout: 30_000, interval: 200 };
const SLOW = 20;
/** Bodies that are named here, so that a counterexample can be read: larger than any that is taken, and nested too deep. */
const LARGE: ReadonlyMap<string, string> = new Map([
  ['huge', 'x'.repeat(2 ** 21)],
  ['deep', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
]);

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
}

const { paths } = openApi('0') as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};
// A stream has no end to wait for: stream.test.ts has it.
const operations = Object.entries(paths)
  .filter(([path]) => path !== STREAM_PATH)
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

let folder: string;
let socket: string;
let daemon: ChildProcess;
let log = '';

beforeAll(() => {
  buildWhenStale();
  folder = mkdtempSync(join(tmpdir(), 'ballonet-fuzz-'));
  socket = join(folder, 'sock');
  const args = [
    '-c',
    'sim:///overcommitted',
    'run',
    '--policy',
    POLICY,
    '--socket',
    socket,
    '--log-level',
    'error',
  ];
  daemon = spawn(BALLONET, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
  });
  daemon.stderr?.on('data', part => {
    log += String(part);
  });
}, 120_000);
afterAll(() => {
  daemon.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function ticks(): Promise<number> {
  const { lastTick } = await createApiClient(socket, 'test').call(ROUTES.status);
  return lastTick?.sequence ?? 0;
}

/** Connections that the daemon holds, and sockets of its own. */
function sockets(): number {
  const open = `/proc/${daemon.pid}/fd`;
  return readdirSync(open).filter(fd => {
    try {
      return readlinkSync(join(open, fd)).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

const text = fc.oneof(
  fc.constantFrom(
    'web-1',
    '1',
    '',
    '..',
    '%00',
    '%',
    '../../etc/passwd',
    'x'.repeat(6000),
    'NaN',
    '-1',
    '1e9',
  ),
  fc.string(),
  fc.string({ unit: 'binary' }),
);
const body = fc.oneof(
  fc.constant(undefined),
  fc.json(),
  fc.string(),
  fc.constantFrom(...LARGE.keys()),
  fc
    .record({ reason: text, for: text, domains: fc.array(text), files: fc.jsonValue() }, { requiredKeys: [] })
    .map(value => JSON.stringify(value)),
);
const asked = fc.record({
  operation: fc.constantFrom(...operations),
  /** What is done with it: mostly itself, else another method or path. */
  method: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom('get', 'post', 'put', 'delete', 'patch', 'options', 'head') },
  ),
  suffix: fc.oneof({ weight: 6, arbitrary: fc.constant('') }, { weight: 1, arbitrary: text }),
  domain: text,
  query: fc.array(fc.tuple(fc.oneof(fc.nat(5), text), text), { maxLength: 4 }),
  type: fc.constantFrom(
    'application/json',
    'application/json; charset=utf-8',
    'text/plain',
    'multipart/form-data',
    undefined,
  ),
  user: text,
  body,
});
type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never;

/** Header fields as a client may send them at all. */
const sendable = (value: string): string => value.replaceAll(/[^\t\x20-\x7e]/g, '?').slice(0, 3000);

async function send({ operation: { path, method: own, operation }, ...what }: Asked) {
  const names = (operation.parameters ?? []).filter(each => each.in === 'query').map(({ name }) => name);
  const query = what.query.map(([name, value]) => {
    const named = typeof name === 'number' ? (names[name] ?? 'limit') : name;
    return `${encodeURIComponent(named)}=${encodeURIComponent(value)}`;
  });
  const place = path.replace('{domain}', encodeURIComponent(what.domain) || '-');
  const whole = `${place}${encodeURIComponent(what.suffix)}?${query.join('&')}`;
  const method = (what.method ?? own).toUpperCase();
  const headers = {
    'ballonet-user': sendable(what.user),
    ...(what.type !== undefined && { 'content-type': what.type }),
  };
  const sent = what.method === undefined && what.suffix === '' ? operation : undefined;
  return new Promise<{
    status: number;
    answer: string;
    kind: string;
    operation: Operation | undefined;
    method: string;
  }>((resolve, reject) => {
    const call = request({ socketPath: socket, path: whole, method, headers, agent: false }, response => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const kind = response.headers['content-type'] ?? '';
        resolve({
          status: response.statusCode ?? 0,
          answer: Buffer.concat(parts).toString(),
          kind,
          operation: sent,
          method,
        });
      });
    });
    call.on('error', reject);
    call.end(method === 'GET' || method === 'HEAD' ? undefined : (LARGE.get(what.body ?? '') ?? what.body));
  });
}

/** As it may end where the server stops to read: it answers and closes, and what is still sent meets nobody. */
function isClosed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['EPIPE', 'ECONNRESET'].includes(String(error.code));
}

/** Sends bytes and ends; gives what came back until the other side closed. */
function raw(bytes: string): Promise<string> {
  return new Promise(resolve => {
    const client = connect(socket);
    let heard = '';
    client.on('data', part => {
      heard += String(part);
    });
    client.on('error', () => {});
    client.on('close', () => resolve(heard));
    client.end(bytes);
  });
}

/** Clients that send a byte now and then, of a head or of a body, and never come to an end. */
function drip(): { readonly open: () => number; readonly end: () => void } {
  const begin = [
    'GET /healthz HTTP/1.1\r\n',
    'POST /api/v1/reload HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n',
  ];
  const open = new Set<Socket>();
  for (let i = 0; i < SLOW; i++) {
    const client = connect(socket);
    client.on('error', () => {});
    client.on('close', () => open.delete(client));
    client.resume();
    client.write(begin[i % 2] ?? '');
    open.add(client);
  }
  const timer = setInterval(() => {
    for (const client of open) client.write('x');
  }, 500);
  return {
    open: () => open.size,
    end() {
      clearInterval(timer);
      for (const client of open) client.destroy();
    },
  };
}

describe('a daemon whose API gets whatever may come', () => {
  it(
    'answers as its document says, ticks on, cuts off who is slow, and keeps nothing',
    async () => {
      await expect.poll(() => ticks().catch(() => 0), PATIENCE).toBeGreaterThan(0);
      const [before, first, began] = [sockets(), await ticks(), performance.now()];
      const slow = drip();
      const statuses = new Map<number, number>();
      await fc.assert(
        fc.asyncProperty(asked, async what => {
          const got = await send(what).catch((error: unknown) => {
            if (!isClosed(error)) throw error;
            return undefined;
          });
          if (got === undefined) return;
          const { status, answer, kind, operation, method } = got;
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (operation !== undefined && status !== 431)
            expect(Object.keys(operation.responses)).toContain(String(status));
          expect(status).toBeLessThan(method === 'HEAD' ? 500 : 504);
          expect(status).not.toBe(500);
          if (status === 200 || method === 'HEAD' || !kind.startsWith('application/json')) return;
          const { code } = Problem.parse(JSON.parse(answer));
          expect(ERRORS).toHaveProperty(code);
          expect(statusOfCode(code as ErrorCode)).toBe(status);
        }),
        { numRuns: REQUESTS },
      );
      // It is no fuzz that only ever hits one wall.
      expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 400, 404, 413]));

      const head = `GET ${METRICS_PATH} HTTP/1.1\r\nhost: x\r\n\r\n`;
      await fc.assert(
        fc.asyncProperty(
          fc.nat(head.length),
          fc.string({ unit: 'binary', maxLength: 200 }),
          fc.boolean(),
          async (at, noise, keep) => {
            const heard = await raw(`${head.slice(0, at)}${noise}${keep ? head.slice(at) : ''}`);
            expect(heard).toMatch(/^($|HTTP\/1\.1 (2|4)\d\d )/);
          },
        ),
        { numRuns: REQUESTS / 4 },
      );

      await expect.poll(slow.open, PATIENCE).toBe(0);
      slow.end();
      await expect.poll(sockets, PATIENCE).toBeLessThanOrEqual(before);
      const passed = (performance.now() - began) / 1000;
      // One a second; a busy machine may lose some, a daemon that is held up loses most.
      expect((await ticks()) - first).toBeGreaterThan(passed / 2);
      expect(daemon.exitCode).toBeNull();
      expect(log).toBe('');
    },
    TIMEOUT_MS,
  );
});
