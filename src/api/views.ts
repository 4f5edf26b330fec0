/** Turns what the engine knows into what the API answers. */
import type { z } from 'zod';
import type { TickEvent } from '../engine/engine.ts';
import type { DecisionRecord as Recorded, EventRecord as Told } from '../engine/history.ts';
import { hostFigures } from '../engine/trends.ts';
import type { Decision as Decided } from '../model/decision.ts';
import { errorMessage } from '../model/errors.ts';
import { NOTICES } from '../model/notice.ts';
import { type GuestSample, type Reading, type Readings, trusted } from '../model/snapshot.ts';
import type { Seconds } from '../model/units.ts';
import type { Guest, GuestSummary, Host, Snapshot } from './schema/answers.ts';
import type { Decision, DecisionRecord, EventRecord, Pause } from './schema/common.ts';

export type State = TickEvent['before'];
type PauseView = z.output<typeof Pause>;

/** RFC 3339 of a Unix time. */
export function timeOf(wall: Seconds): string {
  return new Date(Math.round(wall * 1000)).toISOString();
}

export function pauseView(state: State, uuid: string): PauseView | undefined {
  const pause = state.pauses?.get(uuid);
  if (pause === undefined) return undefined;
  const { since, until, reason, by } = pause;
  return { since: timeOf(since), until: until === undefined ? undefined : timeOf(until), reason, by };
}

export function pressureView({ tick, now }: TickEvent): { level: string; seconds: Seconds } {
  const { level, since } = tick.state.pressure;
  return { level, seconds: now.monotonic - since };
}

export function budgetView({ tick }: TickEvent) {
  if (tick.budget === undefined) return undefined;
  const { total, committed, free, split } = tick.budget;
  return { totalBytes: total, committedBytes: committed, freeBytes: free, split };
}

export function hostView(event: TickEvent): z.output<typeof Host> {
  const { snapshot, now } = event;
  const { source, readings, terms, nodes } = snapshot.host;
  return {
    apiVersion: 'ballonet/v1',
    kind: 'Host',
    at: timeOf(now.wall),
    source,
    readings: readingsView(readings),
    terms: terms?.map(({ name, bytes, explanation }) => ({ name, bytes, explanation })),
    nodes: nodes?.map(({ node, total, free }) => ({ node, totalBytes: total, freeBytes: free })),
    pressure: pressureView(event),
    budget: budgetView(event),
  };
}

export function snapshotView(event: TickEvent, state: State): z.output<typeof Snapshot> {
  const { total, available, free } = event.snapshot.host.readings;
  return {
    apiVersion: 'ballonet/v1',
    kind: 'Snapshot',
    at: timeOf(event.now.wall),
    sequence: event.snapshot.sequence,
    pressure: pressureView(event),
    host: { totalBytes: trusted(total), availableBytes: trusted(available), freeBytes: trusted(free) },
    memory: memoryView(event),
    budget: budgetView(event),
    guests: summaries(event, state),
  };
}

function memoryView(event: TickEvent): z.output<typeof Snapshot>['memory'] {
  const { guestsUsed, guestsCache, guestsHeadroom, others, reclaimable, free, ballooned } =
    hostFigures(event);
  return {
    guestsUsedBytes: guestsUsed,
    guestsCacheBytes: guestsCache,
    guestsHeadroomBytes: guestsHeadroom,
    othersBytes: others,
    reclaimableBytes: reclaimable,
    freeBytes: free,
    balloonedBytes: ballooned,
  };
}

/** All guests, by name. */
export function summaries(event: TickEvent, state: State): z.output<typeof GuestSummary>[] {
  const decisions = new Map(event.tick.decisions.map(decision => [decision.uuid, decision]));
  return event.snapshot.guests
    .flatMap(sample => {
      const decision = decisions.get(sample.uuid);
      return decision === undefined ? [] : [summaryOf(sample, decision, pauseView(state, sample.uuid))];
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function summaryOf(
  sample: GuestSample,
  decision: Decided,
  pause: PauseView | undefined,
): z.output<typeof GuestSummary> {
  const { readings } = sample;
  return {
    name: sample.name,
    uuid: sample.uuid,
    id: sample.id,
    state: sample.state,
    policy: decision.policy?.name,
    action: decision.action,
    reason: decision.reason,
    currentBytes: readings.current.value,
    targetBytes: decision.targetBytes,
    maxBytes: readings.max.value,
    usedBytes: readings.used.value,
    availableBytes: readings.available.value,
    rssBytes: readings.rss.value,
    statsAgeSeconds: sample.statsAgeSeconds,
    pause,
  };
}

/** @param records its recent decisions */
export function guestView(
  event: TickEvent,
  state: State,
  sample: GuestSample,
  records: readonly Recorded[],
): z.output<typeof Guest> | undefined {
  const decision = event.tick.decisions.find(({ uuid }) => uuid === sample.uuid);
  if (decision === undefined) return undefined;
  const now = event.now.monotonic;
  const memory = state.guests.get(sample.uuid);
  const move = memory?.move;
  return {
    apiVersion: 'ballonet/v1',
    kind: 'Guest',
    at: timeOf(event.now.wall),
    ...summaryOf(sample, decision, pauseView(state, sample.uuid)),
    title: sample.title,
    os: sample.os,
    tags: sample.tags && { ...sample.tags },
    obstacles: sample.obstacles && [...sample.obstacles],
    boots: sample.epoch,
    uptimeSeconds: sample.uptimeSeconds,
    readings: readingsView(sample.readings.all()),
    move: move && { fromBytes: move.from, toBytes: move.to, seconds: Math.max(0, now - move.at) },
    shrunkSecondsAgo: since(memory?.shrunkAt, now),
    grownSecondsAgo: since(memory?.grownAt, now),
    backOffSeconds: left(memory?.backOffUntil, now),
    yieldSeconds: left(memory?.yieldUntil, now),
    decision: decisionView(decision),
    decisions: records.map(recordView),
  };
}

function since(at: Seconds | undefined, now: Seconds): Seconds | undefined {
  return at === undefined ? undefined : Math.max(0, now - at);
}

function left(until: Seconds | undefined, now: Seconds): Seconds | undefined {
  return until === undefined || until <= now ? undefined : until - now;
}

function readingsView(readings: Readings<string>): Record<string, Reading> {
  return Object.fromEntries(Object.entries(readings));
}

function decisionView(decision: Decided): z.output<typeof Decision> {
  const { name, stages, ...rest } = decision;
  return { domain: name, ...rest, stages: stages.map(stageView) };
}

function stageView({ inputs, ...rest }: Decided['stages'][number]) {
  if (inputs === undefined) return rest;
  // JSON has no infinity and no NaN.
  const entries = Object.entries(inputs).map(([key, value]): [string, number | string | boolean | null] => [
    key,
    typeof value === 'number' && !Number.isFinite(value) ? null : value,
  ]);
  return { ...rest, inputs: Object.fromEntries(entries) };
}

export function recordView({ id, at, decision, application }: Recorded): z.output<typeof DecisionRecord> {
  return { id, at: timeOf(at), ...decisionView(decision), outcome: application && outcomeOf(application) };
}

function outcomeOf(application: NonNullable<Recorded['application']>) {
  const { status } = application;
  switch (status) {
    case 'applied':
    case 'dry-run':
      return { status, targetBytes: application.targetBytes };
    case 'refused':
      return { status, problem: application.problem };
    case 'failed':
      return { status, problem: application.error.message };
  }
}

export function eventView({ id, at, notice }: Told): z.output<typeof EventRecord> {
  const { type, domain, uuid, fields = {}, error } = notice;
  const { severity, message } = NOTICES[type];
  const known = Object.entries(fields).flatMap(([key, value]): [string, string | number][] =>
    value === undefined ? [] : [[key, value]],
  );
  return {
    id,
    at: timeOf(at),
    type,
    severity,
    message,
    domain,
    uuid,
    fields: Object.fromEntries(known),
    problem: error === undefined ? undefined : errorMessage(error),
  };
}
