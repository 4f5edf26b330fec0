/** The routes: one table, from which come the server's checks, the client's types and the OpenAPI document. */
import type { z } from 'zod';
import type { ErrorCode } from '../model/errors.ts';
import {
  DecisionList,
  EventList,
  Explanation,
  Guest,
  GuestList,
  Health,
  Host,
  Paused,
  Policies,
  Released,
  Reloaded,
  Resumed,
  ShadowList,
  Status,
} from './schema/answers.ts';
import {
  GuestHistory,
  GuestsHistory,
  GuestsHistoryQuery,
  HostHistory,
  HostHistoryQuery,
} from './schema/history.ts';
import { DecisionQuery, EventQuery, Nothing, PauseRequest, ReleaseRequest } from './schema/requests.ts';
import { PolicyCheck, PolicyEdit, PolicyTests, WhatIf, WhatIfRequest } from './schema/what-if.ts';

/** What a caller must be allowed to do: `open` routes are for health checks and tell nothing. */
export type Access = 'open' | 'read' | 'write';

export interface Route<
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
> {
  readonly method: 'GET' | 'POST';
  /** With `:domain` where a guest is meant, by name, id or uuid. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  readonly query: Query;
  readonly body: Body;
  readonly answer: Answer;
  /** What it may be refused with, beside what every route may. */
  readonly errors: readonly ErrorCode[];
  /** Where the body may be larger than most. */
  readonly bodyBytesMax?: number;
}

function get<Query extends z.ZodType, Answer extends z.ZodType>(
  path: string,
  summary: string,
  parts: {
    readonly query: Query;
    readonly answer: Answer;
    readonly access?: Access;
    readonly errors?: readonly ErrorCode[];
  },
): Route<Query, typeof Nothing, Answer> {
  return { method: 'GET', path, summary, access: 'read', errors: [], body: Nothing, ...parts };
}

function post<Body extends z.ZodType, Answer extends z.ZodType>(
  path: string,
  summary: string,
  parts: {
    readonly body: Body;
    readonly answer: Answer;
    readonly errors: readonly ErrorCode[];
    readonly access?: Access;
    readonly bodyBytesMax?: number;
  },
): Route<typeof Nothing, Body, Answer> {
  return { method: 'POST', path, summary, access: 'write', query: Nothing, ...parts };
}

const NOT_SEEN = ['DAEMON_NOT_READY'] as const;
/** Asks with whole policies, and changes nothing. */
const EDITED = { access: 'read', bodyBytesMax: 512 * 1024 } as const;
const OF_GUEST = ['DOMAIN_NOT_FOUND', 'DAEMON_NOT_READY'] as const;

export const ROUTES = {
  status: get('/api/v1/status', 'The daemon and its host at a glance', { query: Nothing, answer: Status }),
  host: get('/api/v1/host', "The host's memory", { query: Nothing, answer: Host, errors: NOT_SEEN }),
  guests: get('/api/v1/guests', 'All guests at the last tick', {
    query: Nothing,
    answer: GuestList,
    errors: NOT_SEEN,
  }),
  guest: get('/api/v1/guests/:domain', 'All that is known of one guest', {
    query: Nothing,
    answer: Guest,
    errors: OF_GUEST,
  }),
  explain: get('/api/v1/guests/:domain/explain', 'Why a guest stands where it does', {
    query: Nothing,
    answer: Explanation,
    errors: OF_GUEST,
  }),
  decisions: get('/api/v1/decisions', 'Recent decisions', {
    query: DecisionQuery,
    answer: DecisionList,
    errors: OF_GUEST,
  }),
  events: get('/api/v1/events', 'Recent events', {
    query: EventQuery,
    answer: EventList,
    errors: OF_GUEST,
  }),
  shadows: get('/api/v1/shadows', 'What other policies would come to, on models of the guests', {
    query: Nothing,
    answer: ShadowList,
  }),
  policies: get('/api/v1/policies', 'The policy set in force', { query: Nothing, answer: Policies }),
  checkPolicies: post('/api/v1/policies/check', 'Whether an edited policy set would be taken up', {
    ...EDITED,
    body: PolicyEdit,
    answer: PolicyCheck,
    errors: [],
  }),
  testPolicies: post('/api/v1/policies/test', "What the policies' own tests say of an edited set", {
    ...EDITED,
    body: PolicyEdit,
    answer: PolicyTests,
    errors: [],
  }),
  whatIf: post('/api/v1/policies/what-if', 'An edited policy set, played over the last while', {
    ...EDITED,
    body: WhatIfRequest,
    answer: WhatIf,
    errors: ['POLICY_INVALID', 'JOURNAL_UNREADABLE'],
  }),
  hostHistory: get('/api/v1/history/host', "What the host's memory was used for", {
    query: HostHistoryQuery,
    answer: HostHistory,
  }),
  guestsHistory: get('/api/v1/history/guests', 'One figure of all guests over the last hour', {
    query: GuestsHistoryQuery,
    answer: GuestsHistory,
  }),
  guestHistory: get('/api/v1/history/guests/:domain', "A guest's memory over the last hour", {
    query: Nothing,
    answer: GuestHistory,
    errors: OF_GUEST,
  }),
  pause: post('/api/v1/guests/:domain/pause', 'Leave a guest alone', {
    body: PauseRequest,
    answer: Paused,
    errors: OF_GUEST,
  }),
  resume: post('/api/v1/guests/:domain/resume', 'Manage a paused guest again', {
    body: Nothing,
    answer: Resumed,
    errors: OF_GUEST,
  }),
  release: post('/api/v1/release', 'Give guests their memory back and pause them', {
    body: ReleaseRequest,
    answer: Released,
    errors: [...OF_GUEST, 'OPERATION_DENIED'],
  }),
  reload: post('/api/v1/reload', 'Read the policies anew', {
    body: Nothing,
    answer: Reloaded,
    errors: ['POLICY_INVALID', 'POLICY_UNREADABLE', 'CONFIG_INVALID'],
  }),
  healthz: get('/healthz', 'Whether the daemon lives', { query: Nothing, answer: Health, access: 'open' }),
  readyz: get('/readyz', 'Whether its last tick is recent', {
    query: Nothing,
    answer: Health,
    access: 'open',
    errors: NOT_SEEN,
  }),
} as const;

type Of<N extends keyof typeof ROUTES> = (typeof ROUTES)[N];

/** What a route's handler is given, read and checked. */
export interface Asked<Query extends z.ZodType, Body extends z.ZodType> {
  /** The `:domain` of the path, else empty. */
  readonly domain: string;
  readonly query: z.output<Query>;
  readonly body: z.output<Body>;
  /** Who asks, for the record. */
  readonly by: string;
  readonly may: Exclude<Access, 'open'>;
}

export type Answer<N extends keyof typeof ROUTES> = z.output<Of<N>['answer']>;

export type Handlers = {
  readonly [N in keyof typeof ROUTES]: (
    asked: Asked<Of<N>['query'], Of<N>['body']>,
  ) => Answer<N> | Promise<Answer<N>>;
};
