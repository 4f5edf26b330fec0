import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { histories } from '../../test/fakes/histories.ts';
import { decisionOf, sampleOf, snapshotOf } from '../../test/fakes/samples.ts';
import { type BallonetError, isBallonetError } from '../model/errors.ts';
import { known } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import type { JournalRecord, JournalTick } from './entries.ts';
import { type JournalFolder, openFolder, type SegmentFile } from './folder.ts';
import { createJournal, JOURNAL_LIMITS, type JournalLimits } from './journal.ts';
import { readJournal, type TimeRange } from './reader.ts';

const ORIGIN = { ballonet: '1.2.3', uri: 'test:///default' };
const WALL = 1_700_000_000;
const POLICIES = { mode: 'enforce', texts: [{ file: 'a.yaml', text: 'a: 1' }] } as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'journal-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function at(second: number) {
  return { monotonic: 100 + second, wall: WALL + second };
}

/** A tick in which the one guest has a little less available than in the one before. */
function tickOf(second: number, parts: Partial<JournalTick> = {}): JournalTick {
  const sample = sampleOf({ uptimeSeconds: second, readings: { available: known(GiB - second * MiB) } });
  return {
    at: at(second),
    snapshot: snapshotOf([sample], second),
    policies: POLICIES,
    checkpoint: () => ({ after: second }),
    ...parts,
  };
}

function open(files: JournalFolder = openFolder(folder), limits: Partial<JournalLimits> = {}) {
  const troubles: (BallonetError | undefined)[] = [];
  const journal = createJournal({
    folder: files,
    origin: ORIGIN,
    limits: { ...JOURNAL_LIMITS, ...limits },
    onTrouble: error => troubles.push(error),
  });
  return { journal, troubles };
}

async function read(range: TimeRange = {}, location = folder): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  for await (const record of readJournal(location, range)) records.push(record);
  return records;
}

async function write(seconds: readonly number[], limits: Partial<JournalLimits> = {}): Promise<void> {
  const { journal, troubles } = open(openFolder(folder), limits);
  for (const second of seconds) journal.tick(tickOf(second));
  await journal.close();
  expect(troubles).toEqual([]);
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const ofType = <T extends JournalRecord['type']>(records: readonly JournalRecord[], type: T) =>
  records.filter((record): record is Extract<JournalRecord, { type: T }> => record.type === type);

/** A folder that is there, but whose disk is not as it should be. */
function ailing(write: (text: string, real: SegmentFile) => Promise<void>): JournalFolder {
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
    await fc.assert(
      fc.asyncProperty(histories(20), fc.integer({ min: 1, max: 30 }), async (history, segmentSeconds) => {
        const fresh = await mkdtemp(path.join(folder, 'run-'));
        const { journal } = open(openFolder(fresh), { segmentSeconds });
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
    const { journal } = open();
    for (const second of count(3)) journal.event({ at: at(second), event: 'SOURCE_FAILED' });
    journal.tick(tickOf(5));
    await journal.close();
    expect((await read()).map(({ type }) => type)).toEqual(['segment', 'tick', 'event', 'event', 'event']);
  });

  it('keeps a decision when it moves a guest, or is another than that of the tick before', async () => {
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
    await write(count(20), { segmentSeconds: 10 });
    const { journal } = open(openFolder(folder), { segmentBytes: 1 });
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
    await write(count(40), { segmentSeconds: 10 });
    const began = async (range: TimeRange) =>
      ofType(await read(range), 'segment').map(segment => segment.at.wall - WALL);
    expect(await began({ from: WALL + 15, to: WALL + 18 })).toEqual([10]);
    expect(await began({ from: WALL + 35 })).toEqual([30]);
    expect(await began({ to: WALL + 9 })).toEqual([0]);
    await expect(began({ to: WALL - 1 })).rejects.toMatchObject({ code: 'JOURNAL_UNREADABLE' });
  });

  it('removes the oldest segments by age and by size, and never the open one', async () => {
    await write(count(50), { segmentSeconds: 10, keepSeconds: 15 });
    // The last look is when the segment of second 40 begins: the one that ended at 20 is older than 15 s.
    expect(ofType(await read(), 'segment').map(segment => segment.at.wall - WALL)).toEqual([20, 30, 40]);
    await write([60], { totalBytes: 1 });
    expect(ofType(await read(), 'segment').map(segment => segment.at.wall - WALL)).toEqual([60]);
  });

  it('finishes what a process that died left behind', async () => {
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
    let full = true;
    const files = ailing((text, file) => {
      if (full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      return file.append(text);
    });
    const { journal, troubles } = open(files);
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
    await writeFile(path.join(folder, 'file'), '');
    const { journal, troubles } = open(openFolder(path.join(folder, 'file', 'journal')));
    for (const second of count(10)) journal.tick(tickOf(second));
    await journal.close();
    expect(troubles.map(error => isBallonetError(error, 'JOURNAL_UNWRITABLE'))).toEqual([true]);
  });

  it('does not wait for a disk that hangs, and does not keep more than a bounded amount for it', () => {
    const files = ailing(() => new Promise(() => {}));
    const { journal, troubles } = open(files, { segmentBytes: 1024 * MiB });
    const checkpoint = () => 'x'.repeat(8 * MiB);
    for (const second of count(12)) journal.tick(tickOf(second, { checkpoint, patch: checkpoint() }));
    expect(troubles.map(error => error?.code)).toEqual(['JOURNAL_UNWRITABLE']);
  });
});

describe('a damaged journal', () => {
  async function plainText(): Promise<{ file: string; text: string }> {
    const [name = ''] = await readdir(folder);
    const file = path.join(folder, name);
    return { file, text: await readFile(file, 'utf8') };
  }

  it('cut at any byte gives all that was whole, and at most one torn line', async () => {
    await write(count(4));
    const { file, text } = await plainText();
    const lines = text.split('\n').filter(line => line !== '');
    const all = await read();
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length), async length => {
        await writeFile(file, text.slice(0, length));
        // A line that lacks no more than its newline is whole.
        const whole = lines.filter((_, i) => lines.slice(0, i + 1).join('\n').length <= length).length;
        const records = await read().catch((error: unknown) => {
          expect(whole).toBe(0);
          expect(error).toMatchObject({ code: 'JOURNAL_UNREADABLE' });
          return [];
        });
        expect(records.slice(0, whole)).toStrictEqual(all.slice(0, whole));
        expect(records.slice(whole).map(record => record.type === 'flaw' && record.torn)).not.toContain(
          false,
        );
        expect(records.length - whole).toBeLessThanOrEqual(1);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('with any byte changed gives nothing that was not written, and everything from the next full tick on', async () => {
    await write(count(130));
    const { file, text } = await plainText();
    const lines = text.split('\n').length - 1;
    const all = new Map(ofType(await read(), 'tick').map(tick => [tick.snapshot.sequence, tick.snapshot]));
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 32, max: 126 }), async (place, code) => {
        const byte = String.fromCharCode(code);
        if (text[place] === byte || text[place] === '\n') return;
        await writeFile(file, `${text.slice(0, place)}${byte}${text.slice(place + 1)}`);
        const line = text.slice(0, place).split('\n').length;
        const records = line === 1 ? await read().catch(() => []) : await read();
        const ticks = ofType(records, 'tick');
        for (const { snapshot } of ticks) expect(snapshot).toStrictEqual(all.get(snapshot.sequence));
        const damaged = line - 2;
        const resumed = damaged < 0 ? 0 : (Math.floor(damaged / 60) + 1) * 60;
        const lost = count(lines - 1).filter(i => !ticks.some(({ snapshot }) => snapshot.sequence === i));
        if (line > 1) expect(lost).toEqual(count(lines - 1).filter(i => i >= damaged && i < resumed));
        if (line > 1) expect(ticks.filter(({ whole }) => whole)).toHaveLength(damaged);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('loses no tick by a damaged event', async () => {
    const { journal } = open();
    journal.tick(tickOf(0));
    journal.event({ at: at(0), event: 'level', detail: { to: 'soft' } });
    journal.tick(tickOf(1));
    await journal.close();
    const { file, text } = await plainText();
    await writeFile(file, text.replace('"soft"', '"sofa"'));
    const records = await read();
    expect(ofType(records, 'flaw')).toMatchObject([{ line: 3, torn: false }]);
  });

  it('that is compressed gives what comes before the damage', async () => {
    await write(count(40), { segmentSeconds: 30 });
    const [name = ''] = (await readdir(folder)).filter(entry => entry.endsWith('.gz'));
    const file = path.join(folder, name);
    const packed = await readFile(file);
    await writeFile(file, packed.subarray(0, packed.length - 20));
    const records = await read({}, file);
    expect(ofType(records, 'tick').length).toBeGreaterThan(0);
    expect(ofType(records, 'flaw')).toMatchObject([{ torn: true }]);
  });

  it.each([
    ['nothing', ''],
    ['something else', 'hello\nworld\n'],
  ])('is none when there is %s in the file', async (_, content) => {
    const file = path.join(folder, 'other.ndjson');
    await writeFile(file, content);
    await expect(read({}, file)).rejects.toMatchObject({ code: 'JOURNAL_UNREADABLE' });
    await expect(read({}, path.join(folder, 'nowhere'))).rejects.toMatchObject({
      code: 'JOURNAL_UNREADABLE',
    });
  });
});
