import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { decisionOf, sampleOf } from '../../test/fakes/samples.ts';
import { tickEventOf } from '../../test/fakes/ticks.ts';
import { initialState } from '../policy/state.ts';
import { createLog } from '../telemetry/log.ts';
import { createAnnouncer } from './announce.ts';
import type { EngineEvent } from './engine.ts';
import { createMoveLog, logNotice } from './log-lines.ts';
import { CALM } from './safety.ts';

/** An announcer and the lines it has logged. */
function announcer() {
  const lines: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)) as Record<string, unknown>);
      done();
    },
  });
  const log = createLog('info', sink);
  const tell = createAnnouncer(notice => logNotice(log, notice));
  const logMove = createMoveLog(log);
  const announce = (event: EngineEvent): void => {
    tell(event);
    if (event.type === 'applied') logMove(event.decision, event.application);
  };
  return { announce, lines, said: (msg: string) => lines.filter(line => line.msg === msg) };
}

describe('announcer', () => {
  it('tells once of a guest that appears, begins anew, and goes', () => {
    const { announce, said } = announcer();
    for (const epoch of [1, 1, 2, 2]) announce(tickEventOf([sampleOf({ epoch })]));
    announce(tickEventOf([]));
    announce(tickEventOf([]));
    expect(said('guest appeared')).toHaveLength(1);
    expect(said('guest began anew')).toMatchObject([{ domain: 'web-1', boots: 2 }]);
    expect(said('guest gone')).toHaveLength(1);
  });

  it('tells of a broken link once, and once of its end, however many ticks fail', () => {
    const { announce, said } = announcer();
    for (let i = 0; i < 5; i += 1) announce({ type: 'tick-failed', error: new Error('gone'), net: CALM });
    announce(tickEventOf([]));
    announce(tickEventOf([]));
    expect(said('tick failed: balloons stay as they are')).toHaveLength(1);
    expect(said('ticks resumed')).toHaveLength(1);
  });

  it('tells on the edge why a guest cannot be moved, and when it can again', () => {
    const { announce, said } = announcer();
    const held = decisionOf({ action: 'hold', reason: 'STATS_STALE' });
    const settling = decisionOf({ action: 'hold', reason: 'STATS_SETTLING' });
    const free = decisionOf({ action: 'hold', reason: 'WITHIN_TOLERANCE' });
    for (const decision of [held, held, settling, held, free, free])
      announce(tickEventOf([sampleOf()], [decision]));
    expect(said('guest held')).toMatchObject([{ reason: 'STATS_STALE' }]);
    expect(said('guest can be moved again')).toHaveLength(1);
  });

  it('never uses a field name that the log itself needs', () => {
    const { announce, lines } = announcer();
    announce(tickEventOf([sampleOf()], [decisionOf({ action: 'hold', reason: 'STATS_STALE' })]));
    announce({ type: 'applied', decision: decisionOf(), application: { status: 'applied', targetBytes: 7 } });
    expect(lines.map(line => typeof line.level)).toEqual(lines.map(() => 'number'));
    expect(lines.length).toBeGreaterThanOrEqual(4);
  });

  it('tells of a move that is only thought of when it changes', () => {
    const { announce, said } = announcer();
    for (const targetBytes of [7, 7, 8, 8])
      announce({
        type: 'applied',
        decision: decisionOf(),
        application: { status: 'dry-run', targetBytes },
      });
    expect(said('balloon would move')).toMatchObject([{ toBytes: 7 }, { toBytes: 8 }]);
  });

  it('gives a line to each applied change, with sizes in bytes and the reason', () => {
    const { announce, lines } = announcer();
    const decision = decisionOf();
    announce({ type: 'applied', decision, application: { status: 'applied', targetBytes: 7 } });
    announce({ type: 'applied', decision, application: { status: 'dry-run', targetBytes: 7 } });
    announce({ type: 'applied', decision, application: { status: 'failed', error: new Error('no') } });
    announce({ type: 'applied', decision, application: { status: 'refused', problem: 'because' } });
    expect(lines.map(line => line.msg)).toEqual([
      'balloon moved',
      'balloon would move',
      'balloon move failed',
      'guard refused a move',
    ]);
    expect(lines[0]).toMatchObject({
      domain: 'web-1',
      fromBytes: decision.currentBytes,
      toBytes: 7,
      reason: 'SHRINK',
    });
  });

  it('tells of orders with who gave them and why, and of a pause that ends by itself', () => {
    const { announce, said } = announcer();
    const { uuid } = sampleOf();
    const state = initialState(0);
    const pause = { since: 1, until: 2, reason: 'backup', by: 'alice' };
    announce(tickEventOf([sampleOf()]));
    announce({ type: 'ordered', order: { type: 'pause', uuid, pause }, state });
    announce(tickEventOf([sampleOf()], [], { before: { ...state, pauses: new Map([[uuid, pause]]) } }));
    announce({ type: 'ordered', order: { type: 'release', uuid, pause }, state });
    announce({ type: 'ordered', order: { type: 'resume', uuid, by: 'bob' }, state });
    const words = { domain: 'web-1', by: 'alice', why: 'backup', until: '1970-01-01T00:00:02.000Z' };
    expect(said('guest paused')).toMatchObject([words]);
    expect(said('guest released')).toMatchObject([words]);
    expect(said('pause over')).toMatchObject([{ domain: 'web-1' }]);
    expect(said('guest resumed')).toMatchObject([{ domain: 'web-1', by: 'bob' }]);
  });
});
