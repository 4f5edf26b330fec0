/** Runs a policy test: `decide()` in virtual time over the test's figures, with what the test wants held against every tick. */
import type { Decision, SourceRef } from '../../model/decision.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { Seconds } from '../../model/units.ts';
import { decide, type Tick } from '../decide.ts';
import type { HostNames } from '../expression/expression.ts';
import { layeredPolicy } from '../layers.ts';
import { hostNames } from '../names.ts';
import type { PolicySet } from '../policy-set.ts';
import { initialState, type PolicyState } from '../state.ts';
import { type Condition, type GuestScopes, guestScopeOf, identifierOf } from './conditions.ts';
import { createPlant, type Plant } from './plant.ts';
import type { Expectation, PolicyTest, TestGuest } from './policy-test.ts';
import { type Fact, type Failure, factsOf, meets, type Outcome, wantedFacts } from './verdict.ts';

export interface TestResult {
  readonly test: PolicyTest;
  /** In the order of the test's text; empty when it passed. */
  readonly failures: readonly Failure[];
}

/** Sees every tick of a run. */
export type TickObserver = (tick: Tick, policies: PolicySet) => void;

/** A balloon must have rested for 1.5 s, and been reported on since, before what stands beside it is known. */
const SETTLING: Seconds = 4;

// A report a tick: the first of an epoch is not trusted, and demand is learned from the third on at the latest.
const SETTLING_TICKS = 4;

/** Runs the test. Pure, and never throws: what goes wrong is a failure of the test. */
export function runPolicyTest(test: PolicyTest, observe: TickObserver = () => {}): TestResult {
  const { policies, interval, start, ticks } = test;
  const plant = createPlant(test);
  const checks = [...test.expectations.map(toCheck(test)), ...conditionChecks(test), ...neverChecks(test)];
  let state = settledState(test, plant);
  for (let index = 0; index < ticks; index++) {
    const at = index * interval;
    const snapshot = plant.snapshotAt(index);
    const tick = decide(state, snapshot, policies, { monotonic: at, wall: start + at });
    observe(tick, policies);
    const decisions = new Map(tick.decisions.map(decision => [decision.uuid, decision]));
    const seen = { at, index, snapshot, tick, decisions };
    for (const check of checks) check.look(seen);
    state = tick.state;
    plant.follow(tick.decisions);
  }
  const failures = checks.flatMap(({ failure }) => failure() ?? []);
  return { test, failures: failures.toSorted((a, b) => order(a.source, b.source)) };
}

function order(a: SourceRef, b: SourceRef): number {
  return a.line - b.line || a.column - b.column;
}

/**
 * What is remembered of guests that have stood still and reported before the test begins, so that no test need wait for it. The
 * host is not known in that time, so that nothing moves and no pressure builds up.
 */
function settledState({ policies, interval, start }: PolicyTest, plant: Plant): PolicyState {
  // The window is kept in parts, and one counts until all of it is over: a little longer than the window.
  const seconds = SETTLING + 1.25 * longestStabilization(policies);
  const before = Math.max(SETTLING_TICKS, Math.ceil(seconds / interval));
  let state = initialState(-before * interval);
  for (let index = -before; index < 0; index++) {
    const at = index * interval;
    const snapshot = plant.snapshotAt(index);
    const readings = { ...snapshot.host.readings, total: { ageSeconds: 0, quality: 'absent' as const } };
    const blind: Snapshot = { ...snapshot, host: { ...snapshot.host, readings } };
    state = decide(state, blind, policies, { monotonic: at, wall: start + at }).state;
  }
  return { ...state, pressure: initialState(0).pressure };
}

function longestStabilization({ guests }: PolicySet): Seconds {
  return Math.max(
    0,
    ...guests.flatMap(({ stabilizationSeconds, layers }) => [
      stabilizationSeconds,
      ...layers.map(({ set }) => set.stabilizationSeconds ?? 0),
    ]),
  );
}

interface Seen {
  readonly at: Seconds;
  readonly index: number;
  readonly snapshot: Snapshot;
  readonly tick: Tick;
  /** By uuid. */
  readonly decisions: ReadonlyMap<string, Decision>;
}

interface Check {
  readonly look: (seen: Seen) => void;
  /** Once all ticks have been looked at. */
  readonly failure: () => Failure | undefined;
}

function outcomeOf({ tick, decisions }: Seen, uuid: string | undefined): Outcome {
  return { level: tick.state.pressure.level, decision: decisions.get(uuid ?? '') };
}

/** An expectation is met when one tick of its time is as expected; else the last one shows how it stood. */
function toCheck(test: PolicyTest): (expectation: Expectation) => Check {
  return ({ source, at: from, within, guest: guestIndex, wanted }) => {
    const [first, last] = [tickAt(from, test.interval), tickAt(from + within, test.interval)];
    const guest = guestIndex === undefined ? undefined : test.guests[guestIndex];
    let met = false;
    let got: Failure | undefined;
    return {
      look(seen) {
        if (met || seen.index < first || seen.index > last) return;
        const outcome = outcomeOf(seen, guest?.uuid);
        met = meets(wanted, outcome);
        const expected = wantedFacts(wanted);
        got = failed('expect', source, seen, outcome, guest?.name, {
          expected,
          got: factsOf(wanted, outcome),
        });
      },
      failure: () => (met ? undefined : got),
    };
  };
}

/** The last tick that is not after a time. */
export function tickAt(at: Seconds, interval: Seconds): number {
  // 0.3 / 0.1 is a little under 3.
  return Math.floor(at / interval + 1e-9);
}

function conditionChecks({ always, guests, policies, start }: PolicyTest): Check[] {
  if (always.length === 0) return [];
  const about = new Set(always.flatMap(condition => condition.about));
  const readGuests = guests.flatMap(({ uuid, name }, index) =>
    about.has(index) ? [{ uuid, index, identifier: identifierOf(name) }] : [],
  );
  let scopesOf: { readonly seen: Seen; readonly host: HostNames; readonly guests: GuestScopes } | undefined;
  const scopes = (seen: Seen) => {
    if (scopesOf?.seen === seen) return scopesOf;
    const host = hostNames(seen.snapshot.host, guests.length);
    host.level = seen.tick.state.pressure.level;
    const entries = readGuests.flatMap(({ uuid, index, identifier }) => {
      const sample = seen.snapshot.guests[index];
      const decision = seen.decisions.get(uuid);
      if (sample === undefined || decision === undefined) return [];
      const governing = policies.guests.find(({ name }) => name === decision.policy?.name);
      const { policy } = governing ? layeredPolicy(governing, sample, { wall: start + seen.at }) : {};
      return [[identifier, guestScopeOf(sample, decision, policy)] as const];
    });
    scopesOf = { seen, host, guests: Object.fromEntries(entries) };
    return scopesOf;
  };
  return always.map(condition => conditionCheck(condition, guests[condition.about[0] ?? -1], scopes));
}

function conditionCheck(
  condition: Condition,
  guest: TestGuest | undefined,
  scopes: (seen: Seen) => { readonly host: HostNames; readonly guests: GuestScopes },
): Check {
  let first: Failure | undefined;
  let times = 0;
  return {
    look(seen) {
      const { host, guests } = scopes(seen);
      const value = condition.evaluate(host, guests);
      if (value === true) return;
      times += 1;
      if (first !== undefined) return;
      const expected = new Map<string, Fact>([[condition.text, true]]);
      const got = new Map([...condition.values(host, guests)].map(([name, is]) => [name, toFact(is)]));
      const failure = failed('always', condition.source, seen, outcomeOf(seen, guest?.uuid), guest?.name, {
        expected,
        got,
      });
      first = typeof value === 'boolean' ? failure : { ...failure, problem: value.problem };
    },
    failure: () => first && { ...first, more: times - 1 },
  };
}

function toFact(value: unknown): Fact {
  const shown = typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
  return shown ? value : undefined;
}

function neverChecks({ never, guests }: PolicyTest): Check[] {
  return never.map(({ source, guest, unwanted }) => {
    const looked = guest === undefined ? guests : guests.slice(guest, guest + 1);
    let first: Failure | undefined;
    let times = 0;
    return {
      look(seen) {
        // A level alone is the host's, and there may be no guest at all.
        const outcomes: (Outcome & { readonly name?: string })[] =
          looked.length === 0
            ? [outcomeOf(seen, undefined)]
            : looked.map(({ uuid, name }) => ({ ...outcomeOf(seen, uuid), name }));
        const hit = outcomes.find(outcome => meets(unwanted, outcome));
        if (hit === undefined) return;
        times += 1;
        const facts = { expected: wantedFacts(unwanted), got: factsOf(unwanted, hit) };
        first ??= failed('never', source, seen, hit, hit.name, facts);
      },
      failure: () => first && { ...first, more: times - 1 },
    };
  });
}

function failed(
  kind: Failure['kind'],
  source: SourceRef,
  { at }: Seen,
  { decision, level }: Outcome,
  guest: string | undefined,
  facts: Pick<Failure, 'expected' | 'got'>,
): Failure {
  const { stages = [], policy } = decision ?? {};
  return { kind, source, at, more: 0, guest, ...facts, stages, policy: policy?.name, level };
}
