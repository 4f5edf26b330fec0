/** One explanation as a job that can be done in another thread: everything it needs is data. */
import type { Instant } from '../../model/clock.ts';
import type { Explanation } from '../../model/explanation.ts';
import { guestReadings } from '../../model/guest-readings.ts';
import type { GuestFigure, GuestSample, Readings, Snapshot } from '../../model/snapshot.ts';
import { compilePolicies } from '../../policy/compile.ts';
import { explain } from '../../policy/explain/explain.ts';
import { renderExplanation } from '../../policy/explain/render.ts';
import { requirePolicySet } from '../../policy/load.ts';
import type { HostPolicy, PolicyText } from '../../policy/policy-set.ts';
import type { PolicyState } from '../../policy/state.ts';

export interface ExplainJob {
  /** What the set in force was compiled from. */
  readonly texts: readonly PolicyText[];
  /** Of the set in force, which may be another than it was written: a dry run observes. */
  readonly mode: HostPolicy['mode'];
  readonly snapshot: PlainSnapshot;
  /** That the tick was decided from. */
  readonly state: PolicyState;
  readonly now: Instant;
  readonly uuid: string;
  /** Whether to look for what would make the guest move: some hundred runs of `decide()`. */
  readonly search: boolean;
}

/** A snapshot without what is lost on the way to another thread: the class of its readings. */
interface PlainSnapshot extends Omit<Snapshot, 'guests'> {
  readonly guests: readonly PlainSample[];
}

type PlainSample = Omit<GuestSample, 'readings'> & { readonly readings: Readings<GuestFigure> };

export function plainSnapshot(snapshot: Snapshot): PlainSnapshot {
  const guests = snapshot.guests.map(guest => ({ ...guest, readings: guest.readings.all() }));
  return { ...snapshot, guests };
}

/** A state that reaches another thread whole: memories of a tick are of a class of their own. */
export function plainState(state: PolicyState): PolicyState {
  return { ...state, guests: new Map(state.guests) };
}

export type Explained = Explanation & { readonly text: string };

export function runExplainJob({ texts, mode, snapshot, state, now, uuid, search }: ExplainJob): Explained {
  const set = requirePolicySet(compilePolicies(texts.map(({ file, text }) => ({ file, content: text }))));
  const policies = { ...set, host: { ...set.host, mode } };
  const guests = snapshot.guests.map(guest => ({ ...guest, readings: guestReadings(guest.readings) }));
  const moment = { policies, snapshot: { ...snapshot, guests }, state, now };
  const explanation = explain(moment, uuid, { search });
  return { ...explanation, text: renderExplanation(explanation) };
}
