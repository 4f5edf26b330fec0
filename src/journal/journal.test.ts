import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { histories } from '../../test/fakes/histories.ts';
import {
  at,
  count,
  journalBench,
  ORIGIN,
  ofType,
  POLICIES,
  tickOf,
  WALL,
} from '../../test/fakes/journal-bench.ts';
import { decisionOf } from '../../test/fakes/samples.ts';
import { isBallonetError } from '../model/errors.ts';
import { MiB } from '../model/units.ts';
import { type JournalFolder, openFolder, type SegmentFile } from './folder.ts';
import type { TimeRange } from './reader.ts';

/** A folder that is there, but whose disk is not as it should be. */
function ailing(folder: string, write: (text: string, real: SegmentFile) => Promise<void>): JournalFolder {
  const real = openFolder(folder);
  return {
    ...real,
    async create(segment) {
      const file = await real.create(segment);
      return { append: text => write(text, file), close: () => file.close() };
    },
  };
}

describe('journal', () => {
  it('gives back each tick with its instant, and begins with what was in force and what was remembered', async () => {
    const { read, write } = await journalBench();
    await write(count(5));
    const [segment, ...ticks] = await read();
    expect(segment).toMatchObject({
      type: 'segment',
      ...ORIGIN,
      at: at(0),
      policies: POLICIES,
      state: { after: 0 },
    });
    expect(ticks).toMatchObject(
      count(5).map(second => ({
        type: 'tick',
        at: at(second),
        snapshot: tickOf(second).snapshot,
        whole: true,
      })),
    );
  });

  it('gives back any history exactly, over any number of segments', async () => {
    const { folder, open, read } = await journalBench();
    await fc.assert(
      fc.asyncProperty(histories(20), fc.integer({ min: 1, max: 30 }), async (history, segmentSeconds) => {
        const fresh = await mkdtemp(path.join(folder, 'run-'));
        const { journal } = open({ segmentSeconds }, openFolder(fresh));
        for (const [i, snapshot] of history.entries()) journal.tick({ at: at(i), snapshot });
        await journal.close();
        const records = await read({}, fresh);
        expect(ofType(records, 'tick').map(({ snapshot }) => snapshot)).toStrictEqual(history);
        expect(ofType(records, 'segment')).toHaveLength(Math.ceil(history.length / segmentSeconds));
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  it('keeps what became of moves, events, patches of what is remembered, and the safety hold', async () => {
    const { open, read } = await journalBench();
    const { journal } = open();
    journal.tick(tickOf(0));
    const outcome = { at: at(0.5), uuid: 'a', name: 'web-1', status: 'refused', problem: 'busy' } as const;
    const event = { at: at(0.7), event: 'level', detail: { from: 'none', to: 'soft' } };
    journal.outcome(outcome);
    journal.event(event);
    journal.tick(tickOf(1, { patch: { guests: {} }, withheld: true }));
    await journal.close();
    const records = await read();
    expect(records.slice(2)).toMatchObject([
      { type: 'outcome', ...outcome },
      { type: 'event', ...event },
      { type: 'tick', patch: { guests: {} }, withheld: true },
    ]);
  });

  it('keeps the events that come before the first tick, behind it', async () => {
    const { open, read } = await journalBench();
    const { journal } = open();
    for (const second of count(3)) journal.event({ at: at(second), event: 'SOURCE_FAILED' });
    journal.tick(tickOf(5));
    await journal.close();
    expect((await read()).map(({ type }) => type)).toEqual(['segment', 'tick', 'event', 'event', 'event']);
  });

  it('keeps a decision when it moves a guest, or is another than that of the tick before', async () => {
    const { open, read } = await journalBench();
    const hold = decisionOf({ action: 'hold', reason: 'COOLDOWN' });
    const shrink = decisionOf();
    const tolerated = decisionOf({ action: 'hold', reason: 'WITHIN_TOLERANCE' });
    const made = [hold, hold, shrink, shrink, hold, tolerated, tolerated];
    const { journal } = open();
    for (const [i, decision] of made.entries()) journal.tick(tickOf(i, { decisions: [decision] }));
    await journal.close();
    const kept = ofType(await read(), 'tick').map(({ decisions }) => decisions);
    expect(kept).toEqual([[hold], [], [shrink], [shrink], [hold], [tolerated], []]);
  });

  it('closes a segment by size, by age, and when other policies are in force; closed ones are compressed', async () => {
    const { folder, open, read, write } = await journalBench();
    await write(count(20), { segmentSeconds: 10 });
    const { journal } = open({ segmentBytes: 1 });
    for (const second of [20, 21]) journal.tick(tickOf(second));
    await journal.close();
    const last = open();
    last.journal.tick(tickOf(22));
    last.journal.tick(tickOf(23, { policies: { ...POLICIES, mode: 'observe' } }));
    await last.journal.close();
    const names = (await readdir(folder)).toSorted();
    expect(names.map(name => name.replace(/-\d{8}T\d{6}Z/, ''))).toEqual([
      'journal-00000001.ndjson.gz',
      'journal-00000002.ndjson.gz',
      'journal-00000003.ndjson.gz',
      'journal-00000004.ndjson.gz',
      'journal-00000005.ndjson.gz',
      'journal-00000006.ndjson',
    ]);
    expect(ofType(await read(), 'tick').map(({ snapshot }) => snapshot.sequence)).toEqual(count(24));
  });

  it('reads only the segments that may have ticks of a time', async () => {
    const { read, write } = await journalBench();
    await write(count(40), { segmentSeconds: 10 });
    const began = async (range: TimeRange) =>
      ofType(await read(range), 'segment').map(segment => segment.at.wall - WALL);
    expect(await began({ from: WALL + 15, to: WALL + 18 })).toEqual([10]);
    expect(await began({ from: WALL + 35 })).toEqual([30]);
    expect(await began({ to: WALL + 9 })).toEqual([0]);
    await expect(began({ to: WALL - 1 })).rejects.toMatchObject({ code: 'JOURNAL_UNREADABLE' });
  });

  it('removes the oldest segments by age and by size, and never the open one', async () => {
    const { read, write } = await journalBench();
    await write(count(50), { segmentSeconds: 10, keepSeconds: 15 });
    // The last look is when the segment of second 40 begins: the one that ended at 20 is older than 15 s.
    expect(ofType(await read(), 'segment').map(segment => segment.at.wall - WALL)).toEqual([20, 30, 40]);
    await write([60], { totalBytes: 1 });
    expect(ofType(await read(), 'segment').map(segment => segment.at.wall - WALL)).toEqual([60]);
  });

  it('finishes what a process that died left behind', async () => {
    const { folder, write } = await journalBench();
    await write(count(3));
    const [plain = ''] = await readdir(folder);
    await writeFile(path.join(folder, `${plain}.gz.part`), 'half');
    await writeFile(path.join(folder, 'notes.txt'), 'not ours');
    await write([10]);
    const names = (await readdir(folder)).toSorted();
    expect(names.map(name => name.replace(/-\d{8}T\d{6}Z/, ''))).toEqual([
      'journal-00000001.ndjson.gz',
      'journal-00000002.ndjson',
      'notes.txt',
    ]);
    expect(gunzipSync(await readFile(path.join(folder, names[0] ?? ''))).toString()).toContain(
      '"t":"journal"',
    );
  });
});

describe('a journal on a bad disk', () => {
  it('says once that it cannot be written, tries again after a while, and says that it can again', async () => {
    const { folder, open, read } = await journalBench();
    let full = true;
    const files = ailing(folder, (text, file) => {
      if (full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      return file.append(text);
    });
    const { journal, troubles } = open({}, files);
    const settle = () => new Promise(resolve => setTimeout(resolve, 20));
    for (const second of [0, 1, 2, 61, 62]) {
      journal.tick(tickOf(second));
      journal.event({ at: at(second), event: 'level' });
      await settle();
    }
    expect(troubles.map(error => error?.code)).toEqual(['JOURNAL_UNWRITABLE']);
    full = false;
    for (const second of [63, 130, 131]) {
      journal.tick(tickOf(second));
      await settle();
    }
    await journal.close();
    expect(troubles.map(error => error?.code)).toEqual(['JOURNAL_UNWRITABLE', undefined]);
    const ticks = ofType(await read({ from: WALL + 100 }), 'tick');
    expect(ticks.map(({ snapshot, whole }) => [snapshot.sequence, whole])).toEqual([
      [130, true],
      [131, true],
    ]);
  });

  it('says so when its folder cannot be made, and takes every tick all the same', async () => {
    const { folder, open } = await journalBench();
    await writeFile(path.join(folder, 'file'), '');
    const { journal, troubles } = open({}, openFolder(path.join(folder, 'file', 'journal')));
    for (const second of count(10)) journal.tick(tickOf(second));
    await journal.close();
    expect(troubles.map(error => isBallonetError(error, 'JOURNAL_UNWRITABLE'))).toEqual([true]);
  });

  it('does not wait for a disk that hangs, and does not keep more than a bounded amount for it', async () => {
    const { folder, open } = await journalBench();
    const files = ailing(folder, () => new Promise(() => {}));
    const { journal, troubles } = open({ segmentBytes: 1024 * MiB }, files);
    const checkpoint = () => 'x'.repeat(8 * MiB);
    for (const second of count(12)) journal.tick(tickOf(second, { checkpoint, patch: checkpoint() }));
    expect(troubles.map(error => error?.code)).toEqual(['JOURNAL_UNWRITABLE']);
  });
});
