/**
 * Plays another policy over what a journal has kept, as if it had been in force: each guest needs what it really needed, and has
 * the size that this policy gives it. An estimate: how long a balloon takes, and what a guest does when it lacks memory, are left
 * out. `compareWith` asks the other question: what the policy would decide about the guests as they really were.
 */
import { guard } from '../actuators/guard.ts';
import type { Instant } from '../model/clock.ts';
import type { Decision } from '../model/decision.ts';
import type { GuestSample, Reading, Snapshot } from '../model/snapshot.ts';
import type { Bytes } from '../model/units.ts';
import { decide } from '../policy/decide.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { correctMove, initialState, type PolicyState } from '../policy/state.ts';
import type { PastTick } from './replay.ts';
import { withholdShrinks } from './safety.ts';

/** What one side did with a guest. */
interface PlayedSide {
  readonly shrinks: number;
  readonly grows: number;
  /** What the guest did without of its maximum, the mean over the ticks in which it was there. */
  readonly meanTakenBytes: Bytes;
}

interface PlayedGuest {
  readonly uuid: string;
  readonly name: string;
  readonly recorded: PlayedSide;
  readonly played: PlayedSide;
  /** The most that it needed beyond the size that it would have had. */
  readonly worstShortBytes: Bytes;
  /** Ticks in which another action was decided. */
  readonly different: number;
}

/** Two decisions about one guest in one tick that differ in action or reason. */
export interface PlayedDifference {
  readonly recorded: Decision;
  readonly played: Decision;
}

/** One tick, all guests together. */
export interface PlayedTick {
  readonly at: Instant;
  readonly recordedTakenBytes: Bytes;
  readonly playedTakenBytes: Bytes;
  /** What guests would have needed beyond their sizes. */
  readonly shortBytes: Bytes;
  readonly differences: readonly PlayedDifference[];
}

export interface WhatIf {
  tick(past: PastTick): PlayedTick;
  guests(): readonly PlayedGuest[];
}

/** A guest as it would be, and what is counted of it. */
interface Virtual {
  name: string;
  readonly epoch: number;
  size: Bytes;
  ticks: number;
  different: number;
  worstShort: Bytes;
  readonly recorded: Tally;
  readonly played: Tally;
}

interface Tally {
  shrinks: number;
  grows: number;
  taken: Bytes;
}

export function whatIf(policies: PolicySet): WhatIf {
  const virtuals = new Map<string, Virtual>();
  /** What was decided last, of guests whose every decision is not known. */
  const lastRecorded = new Map<string, Decision>();
  let state: PolicyState | undefined;
  let last: Instant | undefined;

  /** The guest at the size that it would have; what it was beyond a restart is of no use for what it is now. */
  function virtualOf(sample: GuestSample): Virtual | undefined {
    const current = sample.readings.current.value;
    if (current === undefined) return undefined;
    const max = sample.readings.max.value ?? current;
    const before = virtuals.get(sample.uuid);
    if (before !== undefined && before.epoch === sample.epoch) {
      before.size = Math.min(before.size, max);
      return before;
    }
    const begun = {
      ...(before ?? newVirtual()),
      name: sample.name,
      epoch: sample.epoch,
      size: current,
    };
    virtuals.set(sample.uuid, begun);
    return begun;
  }

  function asPlayed(snapshot: Snapshot): { readonly snapshot: Snapshot; readonly shortBytes: Bytes } {
    let freed = 0;
    let shortBytes = 0;
    const guests = snapshot.guests.map(sample => {
      const virtual = virtualOf(sample);
      const { current, rss } = sample.readings;
      if (virtual === undefined || current.value === undefined) return sample;
      const { readings, short } = atSize(sample, virtual.size - current.value, virtual.size);
      freed += (rss.value ?? 0) - (readings.rss.value ?? 0);
      shortBytes += short;
      virtual.worstShort = Math.max(virtual.worstShort, short);
      return { ...sample, readings };
    });
    const { readings } = snapshot.host;
    const host = {
      ...snapshot.host,
      readings: {
        ...readings,
        available: plus(readings.available, freed),
        free: plus(readings.free, freed),
      },
    };
    return { snapshot: { ...snapshot, guests, host }, shortBytes };
  }

  function follow(decisions: readonly Decision[], { guests }: Snapshot): void {
    const samples = new Map(guests.map(sample => [sample.uuid, sample]));
    for (const decision of decisions) {
      const virtual = virtuals.get(decision.uuid);
      if (virtual === undefined) continue;
      if (decision.action !== 'hold' && decision.targetBytes !== undefined && state !== undefined) {
        const verdict = guard(decision, samples.get(decision.uuid));
        const asked = verdict.kind === 'refused' ? undefined : verdict.targetBytes;
        state = correctMove(state, decision.uuid, decision.targetBytes, asked);
      }
      // Also a move that was under way when this began comes to its end.
      virtual.size = state?.guests.get(decision.uuid)?.move?.to ?? virtual.size;
    }
  }

  return {
    tick({ record, moment, tick }) {
      const { at, withheld } = record;
      // A monotonic clock that has gone back is that of another boot.
      if (last !== undefined && at.monotonic < last.monotonic) {
        state = undefined;
        virtuals.clear();
      }
      last = at;
      const { snapshot, shortBytes } = asPlayed(record.snapshot);
      const begun = state ?? moment?.state ?? initialState(at.monotonic);
      const before = moment === undefined ? begun : { ...begun, pauses: moment.state.pauses };
      const decided = decide(before, snapshot, policies, at);
      const safe = withheld ? withholdShrinks(decided) : decided;
      state = safe.state;

      const present = tick?.decisions ?? record.decisions;
      for (const decision of present) lastRecorded.set(decision.uuid, decision);
      const moved = new Map(present.map(decision => [decision.uuid, decision]));
      const taken = { recorded: 0, played: 0 };
      for (const sample of record.snapshot.guests) {
        const virtual = virtuals.get(sample.uuid);
        const [max, current] = [sample.readings.max.value, sample.readings.current.value];
        if (virtual === undefined || max === undefined || current === undefined) continue;
        virtual.ticks++;
        const [real, would] = [Math.max(0, max - current), Math.max(0, max - virtual.size)];
        virtual.recorded.taken += real;
        virtual.played.taken += would;
        taken.recorded += real;
        taken.played += would;
        countMove(virtual.recorded, moved.get(sample.uuid));
      }
      const differences: PlayedDifference[] = [];
      for (const played of safe.decisions) {
        const virtual = virtuals.get(played.uuid);
        if (virtual !== undefined) countMove(virtual.played, played);
        const recorded = moved.get(played.uuid) ?? lastRecorded.get(played.uuid);
        if (recorded === undefined || isAlike(recorded, played)) continue;
        if (virtual !== undefined && recorded.action !== played.action) virtual.different++;
        differences.push({ recorded, played });
      }
      follow(safe.decisions, snapshot);
      return {
        at,
        recordedTakenBytes: taken.recorded,
        playedTakenBytes: taken.played,
        shortBytes,
        differences,
      };
    },
    guests: () =>
      [...virtuals].map(([uuid, { name, ticks, recorded, played, worstShort, different }]) => ({
        uuid,
        name,
        recorded: sideOf(recorded, ticks),
        played: sideOf(played, ticks),
        worstShortBytes: worstShort,
        different,
      })),
  };
}

/** A guest's figures if it had so much more, or less, memory, and used it as it did. */
function atSize({ readings }: GuestSample, more: Bytes, size: Bytes) {
  const { total, available, free, used, cache, rss, current } = readings;
  const left = (available.value ?? 0) + more;
  const there = Math.max(0, left);
  const roomFor = total.value === undefined ? size : Math.max(0, total.value + more);
  const overhead = Math.max(0, (rss.value ?? 0) - (current.value ?? 0));
  return {
    short: available.value === undefined ? 0 : Math.max(0, -left),
    readings: readings.with({
      current: withValue(current, size),
      total: plus(total, more),
      available: withValue(available, there),
      free: plus(free, more, there),
      used: atMost(used, roomFor),
      cache: atMost(cache, roomFor),
      // What a guest has not touched its process does not hold: a larger one holds what it did.
      rss: atMost(rss, size + overhead),
    }),
  };
}

function withValue(reading: Reading, value: number): Reading {
  return reading.value === undefined ? reading : { ...reading, value };
}

function plus(reading: Reading, more: number, limit: number = Number.POSITIVE_INFINITY): Reading {
  return withValue(reading, Math.min(limit, Math.max(0, (reading.value ?? 0) + more)));
}

function atMost(reading: Reading, limit: number): Reading {
  return withValue(reading, Math.min(limit, reading.value ?? 0));
}

function isAlike(a: Decision, b: Decision): boolean {
  return a.action === b.action && a.reason === b.reason;
}

function countMove(tally: Tally, decision: Decision | undefined): void {
  if (decision?.action === 'shrink') tally.shrinks++;
  if (decision?.action === 'grow') tally.grows++;
}

function newVirtual(): Omit<Virtual, 'name' | 'epoch' | 'size'> {
  const tally = () => ({ shrinks: 0, grows: 0, taken: 0 });
  return { ticks: 0, different: 0, worstShort: 0, recorded: tally(), played: tally() };
}

function sideOf({ shrinks, grows, taken }: Tally, ticks: number): PlayedSide {
  return { shrinks, grows, meanTakenBytes: ticks === 0 ? 0 : Math.round(taken / ticks) };
}
