/** Decides again what a journal has kept: the same snapshots, policies and state give the same decisions. */
import type { JournalRecord, SegmentRecord, TickRecord } from '../journal/entries.ts';
import type { Decision } from '../model/decision.ts';
import { compilePolicies } from '../policy/compile.ts';
import { decide, type Tick } from '../policy/decide.ts';
import type { Moment } from '../policy/explain/moment.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import type { PolicyState } from '../policy/state.ts';
import { decodeState } from '../policy/state-json.ts';
import { applyPatch } from './journal-patch.ts';
import { withholdShrinks } from './safety.ts';

/** A tick of a journal. */
export interface PastTick {
  readonly type: 'tick';
  readonly record: TickRecord;
  /** What it was decided from; undefined where nothing was decided, or where that cannot be known any more. */
  readonly moment?: Moment;
  /** What comes of that. */
  readonly tick?: Tick;
}

export type PastRecord =
  | PastTick
  | Exclude<JournalRecord, { type: 'tick' }>
  /** Why the ticks that follow in this segment have no moment. */
  | { readonly type: 'unknown'; readonly problem: string };

/** From one tick to the next. */
interface Chain {
  readonly policies: PolicySet;
  readonly state: PolicyState;
}

/** Goes through a journal and decides each tick again, as it was decided then. */
export async function* replay(records: AsyncIterable<JournalRecord>): AsyncGenerator<PastRecord> {
  let chain: Chain | undefined;
  for await (const record of records) {
    if (record.type === 'segment') {
      const begun = beginOf(record);
      chain = begun === undefined || 'problem' in begun ? undefined : begun;
      yield record;
      if (begun !== undefined && 'problem' in begun) yield { type: 'unknown', problem: begun.problem };
      continue;
    }
    if (record.type !== 'tick') {
      yield record;
      continue;
    }
    const moment: Moment | { readonly problem: string } | undefined = chain && momentOf(chain, record);
    if (moment === undefined || 'problem' in moment) {
      chain = undefined;
      if (moment !== undefined) yield { type: 'unknown', problem: moment.problem };
      yield { type: 'tick', record };
      continue;
    }
    const tick = decideAgain(moment, record);
    chain = { policies: moment.policies, state: tick.state };
    yield { type: 'tick', record, moment, tick };
  }
}

/** One tick as the engine decides it. */
function decideAgain({ policies, snapshot, state, now }: Moment, { withheld }: TickRecord): Tick {
  const tick = decide(state, snapshot, policies, now);
  return withheld ? withholdShrinks(tick) : tick;
}

function momentOf(
  { policies, state }: Chain,
  { at, snapshot, patch, whole }: TickRecord,
): Moment | { readonly problem: string } {
  if (!whole) return { problem: 'a tick before it is lost, and with it what was remembered' };
  const before = patch === undefined ? state : applyPatch(state, patch);
  return 'problem' in before ? before : { policies, snapshot, state: before, now: at };
}

/** What a segment begins with; undefined where nothing was decided. */
function beginOf({
  policies: kept,
  state: remembered,
  ballonet,
}: SegmentRecord): Chain | { readonly problem: string } | undefined {
  if (kept === undefined || remembered === undefined) return undefined;
  const { set } = compilePolicies(kept.texts.map(({ file, text }) => ({ file, content: text })));
  if (set === undefined) return { problem: `this version cannot read the policies of ${ballonet}` };
  const state = decodeState(remembered);
  if ('problem' in state)
    return { problem: `this version cannot read the state of ${ballonet}: ${state.problem}` };
  return { policies: { ...set, host: { ...set.host, mode: kept.mode } }, state };
}

/** The recorded decisions of a tick that come out otherwise now, in any figure; none where the replay is exact. */
export function unlike(recorded: readonly Decision[], again: readonly Decision[]): readonly Decision[] {
  const byUuid = new Map(again.map(decision => [decision.uuid, decision]));
  return recorded.filter(decision => JSON.stringify(decision) !== JSON.stringify(byUuid.get(decision.uuid)));
}
