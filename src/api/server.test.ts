import { statSync } from 'node:fs';
import { connect } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Ask, apiBench, GUEST, HOLD, watchingApi } from '../../test/fakes/api-bench.ts';
import { tickEventOf } from '../../test/fakes/ticks.ts';
import { ROUTES, type Route } from './routes.ts';
import { Problem } from './schema/common.ts';

const READ = 'read-token-0123456789';

/** The code of an answer that says what is wrong. */
function problem(body: unknown): string {
  return Problem.parse(body).code;
}

describe('the API', () => {
  it('answers every route that reads in the shape that its schema says, with nothing besides', async () => {
    await using here = await watchingApi();
    const routes: Route[] = Object.values(ROUTES);
    const reading = routes.filter(({ method, path }) => method === 'GET' && !path.endsWith('/explain'));
    expect(reading.length).toBeGreaterThanOrEqual(9);
    for (const { path, answer } of reading) {
      const { status, headers, body } = await here.ask(path.replace(':domain', GUEST.name));
      expect(status, path).toBe(200);
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      expect(answer.parse(body), path).toEqual(body);
    }
  });

  it('finds a guest by name, id and uuid', async () => {
    await using here = await watchingApi();
    for (const name of [GUEST.name, GUEST.uuid, GUEST.uuid.toUpperCase(), String(GUEST.id)]) {
      const { body } = await here.ask(`/api/v1/guests/${name}`);
      expect(body).toMatchObject({ kind: 'Guest', name: 'web-1', title: 'Web', tags: { tier: 'gold' } });
    }
    const missing = await here.ask('/api/v1/guests/nobody');
    expect([missing.status, problem(missing.body)]).toEqual([404, 'DOMAIN_NOT_FOUND']);
  });

  it('filters decisions and events by guest, action, reason and type, and gives the last so many', async () => {
    await using here = await watchingApi();
    const counted = async (path: string) => {
      const { body } = await here.ask(path);
      return (body as { items: readonly unknown[] }).items.length;
    };
    expect(await counted('/api/v1/decisions')).toBe(2);
    expect(await counted('/api/v1/decisions?limit=1')).toBe(1);
    expect(await counted('/api/v1/decisions?action=hold&reason=COOLDOWN')).toBe(1);
    expect(await counted(`/api/v1/decisions?domain=${GUEST.uuid}&reason=OK`)).toBe(0);
    expect(await counted('/api/v1/events?domain=web-1')).toBe(1);
    expect(await counted('/api/v1/events?type=TICK_FAILED')).toBe(1);
  });

  it('knows decisions of a guest that has gone by its name', async () => {
    await using here = await watchingApi();
    here.history.noteEngine(tickEventOf([]));
    const { body } = await here.ask('/api/v1/decisions?domain=web-1');
    expect(body).toMatchObject({ items: [{ domain: 'web-1' }, { domain: 'web-1' }] });
  });

  it('is not ready before the first tick, nor when the last one is long ago, and lives all the same', async () => {
    await using here = await apiBench();
    for (const path of ['/readyz', '/api/v1/guests', '/api/v1/guests/a', '/api/v1/host']) {
      const { status, body, headers } = await here.ask(path);
      expect([path, status, problem(body)]).toEqual([path, 503, 'DAEMON_NOT_READY']);
      expect(headers['retry-after']).toBe('1');
    }
    expect((await here.ask('/api/v1/status')).status).toBe(200);
    here.history.noteEngine(tickEventOf([GUEST], [HOLD]));
    expect((await here.ask('/readyz')).status).toBe(200);
    here.advance(60);
    expect((await here.ask('/readyz')).status).toBe(503);
    expect((await here.ask('/healthz')).status).toBe(200);
  });

  it.each<[string, Ask, number, string]>([
    ['no such path', { path: '/api/v1/nothing' }, 404, 'ROUTE_NOT_FOUND'],
    ['another method', { method: 'DELETE', path: '/api/v1/status' }, 404, 'ROUTE_NOT_FOUND'],
    ['a limit that is no number', { path: '/api/v1/decisions?limit=many' }, 400, 'REQUEST_INVALID'],
    ['a parameter that there is not', { path: '/api/v1/decisions?page=2' }, 400, 'REQUEST_INVALID'],
    ['a stream of what there is not', { path: '/api/v1/stream?types=all' }, 400, 'REQUEST_INVALID'],
    ['no body', { method: 'POST', path: '/api/v1/guests/web-1/pause' }, 400, 'REQUEST_INVALID'],
    [
      'a body that is no JSON',
      { method: 'POST', path: '/api/v1/guests/web-1/pause', body: '{' },
      400,
      'REQUEST_INVALID',
    ],
    [
      'a pause without reason',
      { method: 'POST', path: '/api/v1/guests/web-1/pause', body: { reason: ' ' } },
      400,
      'REQUEST_INVALID',
    ],
    [
      'a form, as a page elsewhere could send it',
      {
        method: 'POST',
        path: '/api/v1/reload',
        body: '{}',
        headers: { 'content-type': 'text/plain' },
      },
      400,
      'REQUEST_INVALID',
    ],
    [
      'a body of 65 KiB',
      { method: 'POST', path: '/api/v1/reload', body: ' '.repeat(65 * 1024) },
      413,
      'REQUEST_TOO_LARGE',
    ],
  ])('refuses %s', async (_, ask, status, code) => {
    await using here = await watchingApi();
    const reply = await here.ask(ask);
    expect(here.faults).toEqual([]);
    expect([reply.status, problem(reply.body)]).toEqual([status, code]);
    expect(here.orders).toEqual([]);
  });

  it('tells the log, and not the caller, of a failure that nobody foresaw', async () => {
    await using here = await watchingApi({
      lints() {
        throw new Error('secret inside');
      },
    });
    const reply = await here.ask('/api/v1/policies');
    expect([reply.status, problem(reply.body)]).toEqual([500, 'DAEMON_FAULT']);
    expect(JSON.stringify(reply.body)).not.toContain('secret');
    expect(here.faults).toMatchObject([{ message: 'secret inside' }]);
  });

  it('gives metrics as text to those who may read', async () => {
    await using here = await watchingApi();
    await here.openTcp({ read: READ });
    expect(await here.ask('/metrics')).toMatchObject({ status: 200, body: 'fake_metric 1\n' });
    expect((await here.askTcp('/metrics')).status).toBe(401);
  });

  it('lets the group at the socket, and nobody else', async () => {
    await using here = await watchingApi();
    expect(statSync(here.socket).mode & 0o777).toBe(0o660);
  });
});

describe('the API under load', () => {
  it('refuses a caller that asks too often, and answers it again after a while', async () => {
    await using here = await watchingApi({}, { socketRate: { perSecond: 1, burst: 3 } });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await here.ask('/healthz')).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    here.advance(1);
    expect((await here.ask('/healthz')).status).toBe(200);
  });

  it.each([
    ['its headers', 'GET /healthz HTTP/1.1\r\nhost: x\r\n'],
    [
      'its body',
      'POST /api/v1/reload HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
    ],
  ])('drops a client that never ends %s', async (_, bytes) => {
    const http = { headersTimeout: 60, requestTimeout: 60, connectionsCheckingInterval: 20 };
    await using here = await watchingApi({}, { http });
    const slow = connect(here.socket);
    let heard = '';
    slow.on('data', data => (heard += String(data)));
    slow.on('error', () => {});
    const closed = new Promise(resolve => slow.once('close', resolve));
    slow.write(bytes);
    await closed;
    expect(heard === '' || heard.startsWith('HTTP/1.1 408')).toBe(true);
    expect((await here.ask('/healthz')).status).toBe(200);
    expect(here.faults).toEqual([]);
  });

  it('answers whatever is asked with one of its own answers, and goes on', async () => {
    await using here = await watchingApi();
    const path = fc.oneof(
      fc.webPath().map(path => `/${path.replace(/^\//, '')}`),
      fc
        .tuple(
          fc.constantFrom(...Object.values(ROUTES).map(route => route.path)),
          fc.webSegment(),
          fc.webQueryParameters(),
        )
        .map(([path, domain, query]) => `${path.replace(':domain', domain)}?${query}`),
    );
    const ask = fc.record({
      method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'),
      path,
      body: fc.oneof(fc.string(), fc.json()),
      headers: fc.dictionary(fc.stringMatching(/^x-[a-z]{1,8}$/), fc.stringMatching(/^[ -~]{0,20}$/)),
    });
    await fc.assert(
      fc.asyncProperty(ask, async ({ method, path, headers, body }) => {
        const bare = { method, path, headers };
        const { status, body: answer } = await here.ask(method === 'GET' ? bare : { ...bare, body });
        expect(status).toBeLessThan(500);
        expect(answer).toMatchObject({ apiVersion: 'ballonet/v1', kind: expect.any(String) });
      }),
      { numRuns: 200 },
    );
    expect(here.faults).toEqual([]);
    expect((await here.ask('/healthz')).status).toBe(200);
  }, 60_000);
});
