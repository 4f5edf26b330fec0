import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decisionOf, sampleOf } from '../../test/fakes/samples.ts';
import { tickEventOf } from '../../test/fakes/ticks.ts';
import type { Application } from '../actuators/actuator.ts';
import type { ReasonCode } from '../model/decision.ts';
import { createHistory, type Recorded } from './history.ts';

const clock = { now: () => ({ monotonic: 1, wall: 1_700_000_000 }) };
const applied: Application = { status: 'applied', targetBytes: 1 };

function hold(reason: ReasonCode, uuid = 'a') {
  return decisionOf({ uuid, action: 'hold', reason });
}

describe('history', () => {
  it('notes a hold when its reason changes, and a move with what became of it', () => {
    const history = createHistory(clock);
    const guests = [sampleOf({ uuid: 'a' })];
    const move = decisionOf({ uuid: 'a' });
    history.noteEngine(tickEventOf(guests, [hold('COOLDOWN')]));
    history.noteEngine(tickEventOf(guests, [hold('COOLDOWN')]));
    history.noteEngine(tickEventOf(guests, [move]));
    history.noteEngine({ type: 'applied', decision: move, application: applied });
    history.noteEngine(tickEventOf(guests, [hold('COOLDOWN')]));
    const seen = history
      .decisions()
      .map(({ id, decision, application }) => [id, decision.reason, application]);
    expect(seen).toEqual([
      [1, 'COOLDOWN', undefined],
      [2, 'SHRINK', applied],
      [3, 'COOLDOWN', undefined],
    ]);
    expect(history.decisions('a')).toEqual(history.decisions());
  });

  it('keeps the last so many of all and of each guest, oldest first, and nothing apart of a guest that is gone', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 60 }), uuids => {
        const history = createHistory(clock, {
          decisions: 10,
          decisionsPerGuest: { most: 4, least: 4, together: 12 },
          events: 3,
        });
        for (const uuid of uuids)
          history.noteEngine({ type: 'applied', decision: decisionOf({ uuid }), application: applied });
        const all = uuids.map((uuid, index) => ({ uuid, id: index + 1 }));
        const ids = (uuid?: string) => history.decisions(uuid).map(({ id }) => id);
        expect(ids()).toEqual(all.slice(-10).map(({ id }) => id));
        const ofB = all.filter(({ uuid }) => uuid === 'b').slice(-4);
        expect(ids('b')).toEqual(ofB.map(({ id }) => id));
        history.noteEngine(tickEventOf([]));
        expect(history.decisions('b')).toEqual([]);
        expect(ids()).toEqual(all.slice(-10).map(({ id }) => id));
      }),
    );
  });

  it('keeps fewer of each guest where guests are many, and never less than the least', () => {
    const history = createHistory(clock, {
      decisions: 10,
      decisionsPerGuest: { most: 4, least: 2, together: 6 },
      events: 3,
    });
    const note = (...uuids: string[]) => {
      for (const uuid of uuids)
        for (let i = 0; i < 4; i++)
          history.noteEngine({ type: 'applied', decision: decisionOf({ uuid }), application: applied });
    };
    note('a');
    expect(history.decisions('a')).toHaveLength(4);
    note('b', 'a');
    expect(history.decisions('a').map(({ id }) => id)).toEqual([10, 11, 12]);
    note('c', 'd', 'e');
    expect(history.decisions('e')).toHaveLength(2);
  });

  it('keeps the last tick, counts the failed ones since, and remembers so many events', () => {
    const history = createHistory(clock, {
      decisions: 10,
      decisionsPerGuest: { most: 4, least: 4, together: 12 },
      events: 3,
    });
    expect(history.tick()).toBeUndefined();
    const tick = tickEventOf([]);
    const net = { failures: 1, holding: false, goodTicks: 0 };
    history.noteEngine(tick);
    history.noteEngine({ type: 'tick-failed', error: new Error('gone'), net });
    expect([history.tick(), history.failures()]).toEqual([tick, 1]);
    history.noteEngine(tick);
    expect(history.failures()).toBe(0);
    for (const uuid of ['1', '2', '3', '4']) history.noteNotice({ type: 'GUEST_GONE', uuid });
    expect(history.events().map(({ notice }) => notice.uuid)).toEqual(['2', '3', '4']);
  });

  it('streams ticks, decisions and events as they come', () => {
    const history = createHistory(clock);
    const seen: Recorded['kind'][] = [];
    history.stream.subscribe(({ kind }) => seen.push(kind));
    history.noteEngine(tickEventOf([sampleOf({ uuid: 'a' })], [hold('COOLDOWN')]));
    history.noteNotice({ type: 'SAFETY_HOLD' });
    expect(seen).toEqual(['tick', 'decision', 'event']);
  });
});
