import { describe, expect, it } from 'vitest';
import { apiBench } from '../../test/fakes/api-bench.ts';
import { decisionOf, sampleOf } from '../../test/fakes/samples.ts';
import { tickEventOf } from '../../test/fakes/ticks.ts';
import { createTrends } from '../engine/trends.ts';
import { known } from '../model/snapshot.ts';
import { MiB } from '../model/units.ts';
import { guestsHistoryView, hostHistoryView } from './history-views.ts';
import { ROUTES } from './routes.ts';

function guest(i: number, used: number) {
  return sampleOf({ uuid: `uuid-${i}`, name: `web-${i}`, readings: { used: known(used), rss: known(used) } });
}

function tickAt(wall: number, guests: readonly ReturnType<typeof guest>[]) {
  const decisions = guests.map(({ uuid, name }) =>
    decisionOf({ uuid, name, action: 'hold', wantedBytes: undefined }),
  );
  return tickEventOf(guests, decisions, { now: { monotonic: wall, wall } });
}

describe('memory over time', () => {
  it('has one row for all guests, whenever each came', () => {
    const trends = createTrends();
    for (let i = 0; i < 10; i++) {
      const late = i < 6 ? [] : [guest(2, 100 * MiB)];
      trends.note(tickAt(15 * i, [guest(1, i * MiB), ...late]));
    }
    const view = guestsHistoryView(trends, { points: 5, column: 'used' }, 0);
    expect(view.stepSeconds).toBe(30);
    const [first, second] = view.items;
    expect(first?.values).toEqual([1, 3, 5, 7, 9].map(i => i * MiB));
    expect(second?.values).toEqual([null, null, null, 100 * MiB, 100 * MiB]);
  });

  it('gives the largest guests and adds up the rest', () => {
    const trends = createTrends();
    trends.note(
      tickAt(
        0,
        [3, 1, 4, 1, 5].map((size, i) => guest(i, size * MiB)),
      ),
    );
    const view = guestsHistoryView(trends, { points: 5, column: 'held', largest: 2 }, 0);
    expect(view.items.map(({ domain }) => domain)).toEqual(['web-4', 'web-2']);
    expect(view.others).toEqual([5 * MiB]);
  });

  it('is empty before the first tick', () => {
    expect(hostHistoryView(createTrends(), 'hour', 100)).toMatchObject({ total: [], level: [] });
    expect(guestsHistoryView(createTrends(), { points: 5, column: 'size' }, 100).items).toEqual([]);
  });

  it('is answered in the shape of its schemas, with what is not known as null', async () => {
    await using here = await apiBench();
    const tick = tickAt(1_700_000_000, [guest(1, MiB)]);
    here.history.noteEngine(tick);
    here.trends.note(tick);
    const { body } = await here.ask('/api/v1/history/guests/web-1');
    expect(ROUTES.guestHistory.answer.parse(body).columns).toMatchObject({ used: [MiB], wanted: [null] });
    const host = await here.ask('/api/v1/history/host?range=day');
    expect(ROUTES.hostHistory.answer.parse(host.body)).toMatchObject({ stepSeconds: 120, guestsUsed: [MiB] });
    expect((await here.ask('/api/v1/history/guests?points=1')).status).toBe(400);
    expect((await here.ask('/api/v1/history/guests/nobody')).status).toBe(404);
  });

  it('takes policies of up to 512 KiB to check, and tells of a journal that is not kept', async () => {
    await using here = await apiBench();
    const changes = (length: number) => [{ file: 'a.yaml', text: 'x'.repeat(length) }];
    const check = (length: number) =>
      here.ask({ method: 'POST', path: '/api/v1/policies/check', body: { changes: changes(length) } });
    expect((await check(200 * 1024)).status).toBe(422);
    expect((await check(600 * 1024)).status).toBe(413);
    const replayed = await here.ask({ method: 'POST', path: '/api/v1/policies/what-if', body: {} });
    expect(replayed).toMatchObject({ status: 422, body: { code: 'JOURNAL_UNREADABLE' } });
    expect(here.audit).toEqual([]);
  });
});
