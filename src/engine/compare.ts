/**
 * Another policy on what a journal has kept. The guests are as they really were: they do not follow what this policy asks, so each
 * tick is a question by itself, with what this policy would have learned by then and the moves that were really under way.
 */
import type { Instant } from '../model/clock.ts';
import type { Decision } from '../model/decision.ts';
import type { Bytes, Seconds } from '../model/units.ts';
import { decide } from '../policy/decide.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { correctMove, type GuestMemory, initialState, type PolicyState } from '../policy/state.ts';
import type { PastTick } from './replay.ts';
import { withholdShrinks } from './safety.ts';

/** Two decisions about one guest in one tick that differ. */
export interface Difference {
  readonly at: Instant;
  /** Undefined where nothing was decided then. */
  readonly recorded: Decision | undefined;
  readonly replayed: Decision;
}

export interface Side {
  readonly shrinks: number;
  readonly grows: number;
  /** What the moves ask for, added up. */
  readonly takenBytes: Bytes;
  readonly givenBytes: Bytes;
  /** What the policy asks for all guests with no budget and no restraint, the mean of the ticks. */
  readonly meanWantedBytes: Bytes;
}

export interface Comparison {
  readonly ticks: number;
  /** From the first tick to the last, by the wall clock. */
  readonly seconds: Seconds;
  /** Decisions of which both sides are known, and of these the ones that differ. */
  readonly compared: number;
  readonly different: number;
  readonly recorded: Side;
  readonly replayed: Side;
}

export interface Comparer {
  /** The differences of the next tick: another action, or another target of a move. */
  tick(past: PastTick): readonly Difference[];
  result(): Comparison;
}

export function compareWith(policies: PolicySet): Comparer {
  const sides = { recorded: newTally(), replayed: newTally() };
  // Where it is not known who moved the guests, every move would be somebody else's, and the policy would do nothing but yield.
  const heedless: PolicySet = { ...policies, host: { ...policies.host, yieldForSeconds: undefined } };
  let state: PolicyState | undefined;
  let last: Instant | undefined;
  let first: Instant | undefined;
  let ticks = 0;
  let compared = 0;
  let different = 0;

  return {
    tick({ record, moment, tick }) {
      const { at, snapshot, withheld } = record;
      // A monotonic clock that has gone back is that of another boot: what was remembered is of another time.
      if (last !== undefined && at.monotonic < last.monotonic) state = undefined;
      first ??= at;
      last = at;
      ticks++;
      const begun = state ?? moment?.state ?? initialState(at.monotonic);
      const before = moment === undefined ? begun : withMovesOf(begun, moment.state);
      const decided = decide(before, snapshot, moment === undefined ? heedless : policies, at);
      const safe = withheld ? withholdShrinks(decided) : decided;
      state = neverAsked(safe.state, safe.decisions);
      const recorded = new Map(
        (tick?.decisions ?? record.decisions).map(decision => [decision.uuid, decision]),
      );
      count(sides.recorded, recorded.values());
      count(sides.replayed, safe.decisions);
      const known = tick !== undefined;
      return safe.decisions.flatMap((replayed): Difference[] => {
        const was = recorded.get(replayed.uuid);
        if (was !== undefined) compared++;
        if (was === undefined ? known || replayed.action === 'hold' : sameOutcome(was, replayed)) return [];
        different++;
        return [{ at, recorded: was, replayed }];
      });
    },
    result: () => ({
      ticks,
      seconds: Math.max(0, (last?.wall ?? 0) - (first?.wall ?? 0)),
      compared,
      different,
      recorded: sideOf(sides.recorded, ticks),
      replayed: sideOf(sides.replayed, ticks),
    }),
  };
}

function sameOutcome(a: Decision, b: Decision): boolean {
  return a.action === b.action && (a.action === 'hold' || a.targetBytes === b.targetBytes);
}

/** What this policy has learned and paced by itself, on the moves and yields that were really under way. */
function withMovesOf(own: PolicyState, real: PolicyState): PolicyState {
  const guests = new Map<string, GuestMemory>();
  for (const [uuid, memory] of real.guests) {
    const mine = own.guests.get(uuid);
    if (mine === undefined || mine.epoch !== memory.epoch) {
      guests.set(uuid, memory);
      continue;
    }
    const { demand, vetoed, recommendations, shrunkAt, grownAt, decidedOnReport } = mine;
    guests.set(uuid, { ...memory, demand, vetoed, recommendations, shrunkAt, grownAt, decidedOnReport });
  }
  return { ...real, pressure: own.pressure, reclaim: own.reclaim, guests };
}

/** Its moves were never made; that it asked for them still paces the next ones. */
function neverAsked(state: PolicyState, decisions: readonly Decision[]): PolicyState {
  let left = state;
  for (const { uuid, action, targetBytes } of decisions) {
    if (action !== 'hold' && targetBytes !== undefined)
      left = correctMove(left, uuid, targetBytes, undefined);
  }
  return left;
}

interface Tally {
  shrinks: number;
  grows: number;
  taken: Bytes;
  given: Bytes;
  wanted: Bytes;
}

function newTally(): Tally {
  return { shrinks: 0, grows: 0, taken: 0, given: 0, wanted: 0 };
}

function count(tally: Tally, decisions: Iterable<Decision>): void {
  for (const { action, currentBytes, targetBytes, wantedBytes } of decisions) {
    tally.wanted += wantedBytes ?? currentBytes ?? 0;
    const change = (targetBytes ?? 0) - (currentBytes ?? 0);
    if (action === 'shrink') [tally.shrinks, tally.taken] = [tally.shrinks + 1, tally.taken - change];
    if (action === 'grow') [tally.grows, tally.given] = [tally.grows + 1, tally.given + change];
  }
}

function sideOf({ shrinks, grows, taken, given, wanted }: Tally, ticks: number): Side {
  const meanWantedBytes = ticks === 0 ? 0 : Math.round(wanted / ticks);
  return { shrinks, grows, takenBytes: taken, givenBytes: given, meanWantedBytes };
}
