/** Journals in a folder of their own, written and read back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { JournalRecord, JournalTick } from '../../src/journal/entries.ts';
import { openFolder } from '../../src/journal/folder.ts';
import { createJournal, JOURNAL_LIMITS, type JournalLimits } from '../../src/journal/journal.ts';
import { readJournal, type TimeRange } from '../../src/journal/reader.ts';
import type { BallonetError } from '../../src/model/errors.ts';
import { known } from '../../src/model/snapshot.ts';
import { GiB, MiB } from '../../src/model/units.ts';
import { sampleOf, snapshotOf } from './samples.ts';

export const ORIGIN = { ballonet: '1.2.3', uri: 'test:///default' };
export const WALL = 1_700_000_000;
export const POLICIES = { mode: 'enforce', texts: [{ file: 'a.yaml', text: 'a: 1' }] } as const;

export function at(second: number) {
  return { monotonic: 100 + second, wall: WALL + second };
}

/** A tick in which the one guest has a little less available than in the one before. */
export function tickOf(second: number, parts: Partial<JournalTick> = {}): JournalTick {
  const sample = sampleOf({ uptimeSeconds: second, readings: { available: known(GiB - second * MiB) } });
  return {
    at: at(second),
    snapshot: snapshotOf([sample], second),
    policies: POLICIES,
    checkpoint: () => ({ after: second }),
    ...parts,
  };
}

/** A folder that is removed with the test, and journals in it. */
export async function journalBench() {
  const folder = await mkdtemp(path.join(tmpdir(), 'journal-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const open = (limits: Partial<JournalLimits> = {}, files = openFolder(folder)) => {
    const troubles: (BallonetError | undefined)[] = [];
    const journal = createJournal({
      folder: files,
      origin: ORIGIN,
      limits: { ...JOURNAL_LIMITS, ...limits },
      onTrouble: error => troubles.push(error),
    });
    return { journal, troubles };
  };
  /** One tick for each of these seconds. */
  const write = async (seconds: readonly number[], limits: Partial<JournalLimits> = {}): Promise<void> => {
    const { journal, troubles } = open(limits);
    for (const second of seconds) journal.tick(tickOf(second));
    await journal.close();
    expect(troubles).toEqual([]);
  };
  const read = async (range: TimeRange = {}, location = folder): Promise<JournalRecord[]> => {
    const records: JournalRecord[] = [];
    for await (const record of readJournal(location, range)) records.push(record);
    return records;
  };
  return { folder, open, write, read };
}

export const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
export const ofType = <T extends JournalRecord['type']>(records: readonly JournalRecord[], type: T) =>
  records.filter((record): record is Extract<JournalRecord, { type: T }> => record.type === type);
