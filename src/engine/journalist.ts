import type { JournalPolicies } from '../journal/entries.ts';
import type { Journal } from '../journal/journal.ts';
import type { Clock } from '../model/clock.ts';
import { errorMessage } from '../model/errors.ts';
import type { Notice } from '../model/notice.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import type { PolicyState } from '../policy/state.ts';
import { encodeState } from '../policy/state-json.ts';
import type { EngineEvent, TickEvent } from './engine.ts';
import { patchBetween } from './journal-patch.ts';

/** Tells the journal of what the engine does and of what operators are told. */
export interface Journalist {
  event(event: EngineEvent): void;
  notice(notice: Notice): void;
}

export function createJournalist(journal: Journal, clock: Clock): Journalist {
  let after: PolicyState | undefined;
  let inForce: { readonly set: PolicySet; readonly told: JournalPolicies } | undefined;

  function policiesOf(set: PolicySet): JournalPolicies {
    if (inForce?.set !== set) inForce = { set, told: { mode: set.host.mode, texts: set.texts ?? [] } };
    return inForce.told;
  }

  function tellTick({ now, snapshot, policies, before, withheld, tick }: TickEvent): void {
    const patch = after && patchBetween(after, before);
    after = tick.state;
    journal.tick({
      at: now,
      snapshot,
      policies: policiesOf(policies),
      checkpoint: () => encodeState(before),
      ...(patch && { patch }),
      withheld,
      decisions: tick.decisions,
    });
  }

  return {
    event(event) {
      if (event.type === 'tick') tellTick(event);
      if (event.type !== 'applied') return;
      const { decision, application } = event;
      const problem =
        application.status === 'refused'
          ? application.problem
          : application.status === 'failed'
            ? application.error.message
            : undefined;
      journal.outcome({
        at: clock.now(),
        uuid: decision.uuid,
        name: decision.name,
        status: application.status,
        ...(decision.targetBytes !== undefined && { decidedBytes: decision.targetBytes }),
        ...('targetBytes' in application && { targetBytes: application.targetBytes }),
        ...(problem !== undefined && { problem }),
      });
    },
    notice({ type, domain, uuid, fields, error }) {
      const known = Object.entries(fields ?? {}).flatMap(([name, value]): [string, string | number][] =>
        value === undefined ? [] : [[name, value]],
      );
      if (error !== undefined) known.push(['problem', errorMessage(error)]);
      journal.event({
        at: clock.now(),
        event: type,
        ...(uuid !== undefined && { uuid }),
        ...(domain !== undefined && { name: domain }),
        ...(known.length > 0 && { detail: Object.fromEntries(known) }),
      });
    },
  };
}
