/** The API at real sockets in a folder of its own, over ports that a test can look at. */
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tokens } from '../../src/api/access.ts';
import type { ApiPorts, AuditEntry, Order } from '../../src/api/ports.ts';
import { type Api, type ApiLimits, createApi } from '../../src/api/server.ts';
import { STREAM_LIMITS } from '../../src/api/stream.ts';
import { createHistory, type History } from '../../src/engine/history.ts';
import { createTrends, type Trends } from '../../src/engine/trends.ts';
import { listenAt } from '../../src/hypervisor/server/socket.ts';
import { BallonetError } from '../../src/model/errors.ts';
import { GiB } from '../../src/model/units.ts';
import { obey } from '../../src/policy/orders.ts';
import { initialState, type PolicyState } from '../../src/policy/state.ts';
import { createFakeClock } from './fake-clock.ts';
import { POLICIES } from './policies.ts';
import { decisionOf, sampleOf } from './samples.ts';
import { tickEventOf } from './ticks.ts';

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly body?: string | object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiBench extends AsyncDisposable {
  readonly api: Api;
  readonly history: History;
  readonly trends: Trends;
  readonly socket: string;
  readonly orders: readonly Order[];
  readonly audit: readonly AuditEntry[];
  readonly faults: readonly unknown[];
  readonly advance: (seconds: number) => void;
  /** Over the unix socket. */
  ask(ask: Ask | string): Promise<Reply>;
  /** Over TCP. */
  askTcp(ask: Ask | string): Promise<Reply>;
  /** Opens the TCP door and gives its port. */
  openTcp(tokens?: Tokens): Promise<number>;
}

export async function apiBench(
  ports: Partial<ApiPorts> = {},
  limits?: Partial<ApiLimits>,
): Promise<ApiBench> {
  const folder = mkdtempSync(join(tmpdir(), 'ballonet-api-'));
  const socket = join(folder, 'sock');
  const clock = createFakeClock();
  const history = createHistory(clock);
  const trends = createTrends();
  const orders: Order[] = [];
  const audit: AuditEntry[] = [];
  const faults: unknown[] = [];
  let state: PolicyState = initialState(0);
  let port = 0;
  const api = createApi(
    {
      clock,
      about: { version: '1.2.3', startedAt: 1, uri: 'test:///', hypervisor: 'fake 1', dryRun: false },
      history,
      trends,
      whatIf: { check: NOTHING_KEPT, test: NOTHING_KEPT, replay: NOTHING_KEPT },
      console: new Map(),
      linkUp: () => true,
      state: () => state,
      policies: () => POLICIES,
      lints: () => [],
      shadows: () => [],
      explain: () => Promise.reject(new BallonetError('DAEMON_FAULT', 'nothing to explain here')),
      order(order) {
        orders.push(order);
        state = obey(state, order, sampleOf(), clock.now()).state;
      },
      reload: () => {},
      metrics: { contentType: 'text/plain', text: () => Promise.resolve('fake_metric 1\n') },
      audit: entry => audit.push(entry),
      fault: error => faults.push(error),
      ...ports,
    },
    { ...GENEROUS, ...limits },
  );
  await api.openSocket(server => listenAt(server, socket, 'group'));
  return {
    ...{ api, history, trends, socket, orders, audit, faults },
    advance: seconds => clock.advance(seconds),
    ask: ask => send({ socketPath: socket }, ask),
    askTcp: ask => send({ host: '127.0.0.1', port }, ask),
    async openTcp(tokens = {}) {
      const listen = (server: Server) =>
        new Promise<void>(resolve => {
          server.listen(0, '127.0.0.1', () => {
            port = (server.address() as AddressInfo).port;
            resolve();
          });
        });
      await api.openTcp({ host: '127.0.0.1', port: 0 }, tokens, listen);
      return port;
    },
    async [Symbol.asyncDispose]() {
      await api.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export const GUEST = sampleOf({ title: 'Web', tags: { tier: 'gold' }, obstacles: [] });
export const HOLD = decisionOf({ action: 'hold', reason: 'COOLDOWN' });

/** An API whose daemon has seen one guest. */
export async function watchingApi(...args: Parameters<typeof apiBench>) {
  const bench = await apiBench(...args);
  bench.history.noteEngine(tickEventOf([GUEST], [HOLD]));
  bench.history.noteEngine({
    type: 'applied',
    decision: decisionOf({
      stages: [
        { stage: 'demand', in: GiB, out: undefined, code: 'OK', inputs: { age: Infinity, text: 'a' } },
      ],
    }),
    application: { status: 'failed', error: new Error('no') },
  });
  bench.history.noteNotice({ type: 'GUEST_APPEARED', domain: GUEST.name, uuid: GUEST.uuid });
  bench.history.noteNotice({ type: 'TICK_FAILED', error: new Error('gone'), fields: { from: undefined } });
  return bench;
}

const NOTHING_KEPT = () =>
  Promise.reject(new BallonetError('JOURNAL_UNREADABLE', 'there is no journal here'));

const GENEROUS: ApiLimits = {
  http: {},
  connections: 2048,
  socketRate: { perSecond: 1, burst: 100_000 },
  tcpRate: { perSecond: 1, burst: 100_000 },
  stream: STREAM_LIMITS,
};

function send(
  to: { socketPath: string } | { host: string; port: number },
  ask: Ask | string,
): Promise<Reply> {
  const { method = 'GET', path, body, headers = {} } = typeof ask === 'string' ? { path: ask } : ask;
  const text = typeof body === 'object' ? JSON.stringify(body) : body;
  // Node leaves the length out of methods that seldom have a body.
  const type =
    text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) };
  return new Promise((resolve, reject) => {
    const sent = request({ ...to, method, path, headers: { ...type, ...headers } }, response => {
      const parts: Buffer[] = [];
      response.on('data', part => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const raw = Buffer.concat(parts).toString();
        const { statusCode: status = 0, headers } = response;
        const isJson = headers['content-type']?.startsWith('application/json') === true;
        resolve({ status, headers, body: isJson ? JSON.parse(raw) : raw });
      });
    });
    sent.on('error', reject);
    sent.end(text);
  });
}
