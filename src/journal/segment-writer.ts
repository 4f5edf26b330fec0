import type { Instant } from '../model/clock.ts';
import type { Decision } from '../model/decision.ts';
import { encodeDecisions } from './decisions.ts';
import type { JournalEvent, JournalOrigin, JournalOutcome, JournalTick } from './entries.ts';
import { createFrameEncoder } from './frame-encoder.ts';
import { JOURNAL_VERSION, sealLine } from './lines.ts';

/** The text of one segment, piece by piece. It needs nothing of the segments before it. */
export interface SegmentWriter {
  /** The lines of a tick; the first ones begin with the header. */
  tick(tick: JournalTick): string;
  outcome(outcome: JournalOutcome): string;
  event(event: JournalEvent): string;
}

export function createSegmentWriter(origin: JournalOrigin): SegmentWriter {
  const encoder = createFrameEncoder();
  const told = new Map<string, Decision>();
  let ticks = 0;

  function header({ at, policies, checkpoint }: JournalTick): string {
    const state = checkpoint?.();
    return sealLine({
      t: 'journal',
      version: JOURNAL_VERSION,
      at: pair(at),
      ...origin,
      ...(policies !== undefined && {
        policies: { mode: policies.mode, texts: policies.texts.map(({ file, text }) => ({ file, text })) },
      }),
      ...(state !== undefined && { state }),
    });
  }

  /** The decisions that say something new. */
  function news(decisions: readonly Decision[]): readonly Decision[] {
    return decisions.filter(decision => {
      const before = told.get(decision.uuid);
      told.set(decision.uuid, decision);
      return (
        decision.action !== 'hold' ||
        before?.action !== 'hold' ||
        before.reason !== decision.reason ||
        before.policy?.name !== decision.policy?.name
      );
    });
  }

  return {
    tick(tick) {
      const first = ticks === 0;
      const frame = encoder.encode(tick.snapshot, first);
      const decisions = news(tick.decisions ?? []);
      const line = sealLine({
        t: 'tick',
        n: ticks++,
        at: pair(tick.at),
        frame,
        // The checkpoint of the header has it.
        ...(!first && tick.patch !== undefined && { patch: tick.patch }),
        ...(tick.withheld === true && { withheld: true }),
        ...(decisions.length > 0 && { decisions: encodeDecisions(decisions, uuid => encoder.placeOf(uuid)) }),
      });
      return first ? header(tick) + line : line;
    },
    outcome: ({ at, ...rest }) => sealLine({ t: 'outcome', at: pair(at), ...rest }),
    event: ({ at, ...rest }) => sealLine({ t: 'event', at: pair(at), ...rest }),
  };
}

function pair({ monotonic, wall }: Instant): [number, number] {
  return [monotonic, wall];
}
