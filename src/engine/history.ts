/** What the daemon remembers of the last while, for whoever asks: the last tick, recent decisions and events. Bounded. */
import { Subject } from 'rxjs';
import type { Application } from '../actuators/actuator.ts';
import type { Clock } from '../model/clock.ts';
import type { Decision } from '../model/decision.ts';
import type { Notice } from '../model/notice.ts';
import type { Seconds } from '../model/units.ts';
import type { EngineEvent, TickEvent } from './engine.ts';

/**
 * How much is remembered. A decision with its stages takes some 2 KiB: where guests are many, fewer are kept of each, for the journal
 * has them all.
 */
const LIMITS = { decisions: 2000, decisionsPerGuest: { most: 16, least: 4, together: 4000 }, events: 1000 };

/** A decision that was carried out, or a hold with another reason than the guest's last one. */
export interface DecisionRecord {
  /** Counts up by one; the order of things. */
  readonly id: number;
  /** Unix time. */
  readonly at: Seconds;
  readonly decision: Decision;
  /** What became of it; missing for a hold. */
  readonly application: Application | undefined;
}

export interface EventRecord {
  readonly id: number;
  readonly at: Seconds;
  readonly notice: Notice;
}

export type Recorded =
  | { readonly kind: 'tick'; readonly tick: TickEvent }
  | { readonly kind: 'decision'; readonly record: DecisionRecord }
  | { readonly kind: 'event'; readonly record: EventRecord };

export interface History {
  noteEngine(event: EngineEvent): void;
  noteNotice(notice: Notice): void;
  /** The last tick that succeeded. */
  tick(): TickEvent | undefined;
  /** Ticks that failed since then. */
  failures(): number;
  /** Oldest first; of one guest when a uuid is given. */
  decisions(uuid?: string): readonly DecisionRecord[];
  events(): readonly EventRecord[];
  /** Everything as it is noted. Hot. */
  readonly stream: Subject<Recorded>;
}

export function createHistory(clock: Clock, limits: typeof LIMITS = LIMITS): History {
  const stream = new Subject<Recorded>();
  const decisions = ring<DecisionRecord>(limits.decisions);
  const events = ring<EventRecord>(limits.events);
  const byGuest = new Map<string, DecisionRecord[]>();
  const { most, least, together } = limits.decisionsPerGuest;
  let lastTick: TickEvent | undefined;
  let failures = 0;
  let id = 0;

  function noteDecision(decision: Decision, application: Application | undefined): void {
    id += 1;
    const record = { id, at: clock.now().wall, decision, application };
    const own = byGuest.get(decision.uuid) ?? [];
    byGuest.set(decision.uuid, own);
    own.push(record);
    const kept = Math.max(least, Math.min(most, Math.floor(together / byGuest.size)));
    while (own.length > kept) own.shift();
    decisions.add(record);
    stream.next({ kind: 'decision', record });
  }

  function noteTick(tick: TickEvent): void {
    lastTick = tick;
    failures = 0;
    stream.next({ kind: 'tick', tick });
    const present = new Set<string>();
    for (const decision of tick.tick.decisions) {
      present.add(decision.uuid);
      // A move is noted with what became of it.
      if (decision.action !== 'hold') continue;
      const before = byGuest.get(decision.uuid)?.at(-1)?.decision;
      if (before?.action !== 'hold' || before.reason !== decision.reason) noteDecision(decision, undefined);
    }
    for (const uuid of byGuest.keys()) if (!present.has(uuid)) byGuest.delete(uuid);
  }

  return {
    noteEngine(event) {
      if (event.type === 'tick') noteTick(event);
      else if (event.type === 'tick-failed') failures += 1;
      else if (event.type === 'applied') noteDecision(event.decision, event.application);
    },
    noteNotice(notice) {
      id += 1;
      const record = { id, at: clock.now().wall, notice };
      events.add(record);
      stream.next({ kind: 'event', record });
    },
    tick: () => lastTick,
    failures: () => failures,
    decisions: uuid => (uuid === undefined ? decisions.items() : [...(byGuest.get(uuid) ?? [])]),
    events: () => events.items(),
    stream,
  };
}

/** Keeps the last so many. */
interface Ring<T> {
  add(item: T): void;
  /** Oldest first. */
  items(): readonly T[];
}

function ring<T>(size: number): Ring<T> {
  const slots: T[] = [];
  let next = 0;
  return {
    add(item) {
      slots[next] = item;
      next = (next + 1) % size;
    },
    items: () => [...slots.slice(next), ...slots.slice(0, next)],
  };
}
