/** What each route does. */
import type { DecisionRecord } from '../engine/history.ts';
import { BallonetError } from '../model/errors.ts';
import type { Seconds } from '../model/units.ts';
import { guestOf, seen, uuidOf } from './guests.ts';
import { guestHistoryView, guestsHistoryView, hostHistoryView } from './history-views.ts';
import { operations } from './operations.ts';
import type { ApiPorts } from './ports.ts';
import type { Answer, Handlers } from './routes.ts';
import {
  budgetView,
  eventView,
  guestView,
  hostView,
  pressureView,
  recordView,
  summaries,
  timeOf,
} from './views.ts';

/** A daemon whose last good tick is this many intervals old is alive and not ready. */
const READY_INTERVALS = 5;
const READY_SECONDS_MIN: Seconds = 15;

export function createHandlers(ports: ApiPorts): Handlers {
  const { clock, history, state } = ports;
  return {
    ...operations(ports),
    status: ({ may }) => statusOf(ports, may),
    host: () => hostView(seen(history)),
    guests() {
      const tick = seen(history);
      return document('GuestList', { at: timeOf(tick.now.wall), items: summaries(tick, state()) });
    },
    guest({ domain }) {
      const tick = seen(history);
      const sample = guestOf(tick, domain);
      const view = guestView(tick, state(), sample, history.decisions(sample.uuid));
      if (view === undefined) throw new BallonetError('DAEMON_FAULT', `'${domain}' has no decision`);
      return view;
    },
    async explain({ domain }) {
      const tick = seen(history);
      return { ...(await ports.explain(tick, guestOf(tick, domain).uuid)) };
    },
    decisions({ query: { domain, action, reason, limit } }) {
      const items = decisionsOf(domain)
        .filter(({ decision }) => action === undefined || decision.action === action)
        .filter(({ decision }) => reason === undefined || decision.reason === reason);
      return document('DecisionList', { items: items.slice(-limit).map(recordView) });
    },
    events({ query: { domain, type, limit } }) {
      const records = history.events();
      const named = records.map(({ notice }) => ({ name: notice.domain, uuid: notice.uuid }));
      const uuid = domain === undefined ? undefined : uuidOf(history.tick(), domain, named);
      const items = records
        .filter(({ notice }) => uuid === undefined || notice.uuid === uuid)
        .filter(({ notice }) => type === undefined || notice.type === type);
      return document('EventList', { items: items.slice(-limit).map(eventView) });
    },
    shadows: () =>
      document('ShadowList', {
        items: ports.shadows().map(shadow => ({ ...shadow, items: [...shadow.items] })),
      }),
    policies: () => policiesOf(ports),
    checkPolicies: async ({ body: { changes } }) =>
      document('PolicyCheck', await ports.whatIf.check(changes)),
    testPolicies: async ({ body: { changes } }) => document('PolicyTests', await ports.whatIf.test(changes)),
    whatIf: async ({ body: { changes, seconds } }) =>
      document('WhatIf', await ports.whatIf.replay(changes, seconds)),
    hostHistory: ({ query: { range } }) => hostHistoryView(ports.trends, range, clock.now().wall),
    guestsHistory: ({ query }) => guestsHistoryView(ports.trends, query, clock.now().wall),
    guestHistory: ({ domain }) =>
      guestHistoryView(ports.trends, guestOf(seen(history), domain), clock.now().wall),
    healthz: () => document('Health', { ok: true }),
    readyz() {
      const tick = seen(history);
      const allowed = Math.max(READY_SECONDS_MIN, READY_INTERVALS * ports.policies().host.intervalSeconds);
      const age = clock.now().monotonic - tick.now.monotonic;
      if (age > allowed)
        throw new BallonetError('DAEMON_NOT_READY', `the last good tick was ${Math.round(age)} s ago`);
      return document('Health', { ok: true });
    },
  };

  /** Decisions of a guest that is there are kept apart, and go further back. */
  function decisionsOf(domain: string | undefined): readonly DecisionRecord[] {
    const all = history.decisions();
    if (domain === undefined) return all;
    const meant = uuidOf(
      history.tick(),
      domain,
      all.map(({ decision }) => decision),
    );
    const own = history.decisions(meant);
    return own.length > 0 ? own : all.filter(({ decision }) => decision.uuid === meant);
  }
}

function document<K extends string, T extends object>(kind: K, parts: T) {
  return { apiVersion: 'ballonet/v1' as const, kind, ...parts };
}

function statusOf(ports: ApiPorts, may: Answer<'status'>['may']): Answer<'status'> {
  const {
    clock,
    history,
    about: { version, startedAt, uri, hypervisor, dryRun },
  } = ports;
  const { host, guests } = ports.policies();
  const now = clock.now();
  const state = ports.state();
  const tick = history.tick();
  const readings = tick?.snapshot.host.readings;
  return document('Status', {
    version,
    startedAt: timeOf(startedAt),
    hypervisor: { uri, version: hypervisor, up: ports.linkUp() },
    mode: host.mode,
    dryRun,
    policy: host.name,
    guestPolicies: guests.map(({ name }) => name),
    intervalSeconds: host.intervalSeconds,
    pressure:
      tick === undefined
        ? { level: state.pressure.level, seconds: now.monotonic - state.pressure.since }
        : pressureView(tick),
    host: { totalBytes: readings?.total.value, availableBytes: readings?.available.value },
    budget: tick && budgetView(tick),
    guests: {
      total: tick?.snapshot.guests.length ?? 0,
      managed: tick?.tick.decisions.filter(({ policy }) => policy !== undefined).length ?? 0,
      paused: state.pauses?.size ?? 0,
    },
    lastTick: tick && {
      sequence: tick.snapshot.sequence,
      at: timeOf(tick.now.wall),
      ageSeconds: now.monotonic - tick.now.monotonic,
      tookSeconds: tick.seconds,
    },
    failedTicks: history.failures(),
    may,
  });
}

function policiesOf(ports: ApiPorts): Answer<'policies'> {
  const { host, guests, texts = [] } = ports.policies();
  return document('PolicySet', {
    hostPolicy: { name: host.name, mode: host.mode, source: host.source },
    guestPolicies: guests.map(({ name, description, mode, precedence, source }) => ({
      name,
      description,
      mode,
      precedence,
      source,
    })),
    files: texts.map(({ file, text }) => ({ file, text })),
    lints: [...ports.lints()],
  });
}
