import { stat } from 'node:fs/promises';
import path from 'node:path';
import { BallonetError, errorMessage, systemCode } from '../model/errors.ts';
import type { Seconds } from '../model/units.ts';
import type { JournalRecord } from './entries.ts';
import { type Segment, segmentsIn } from './folder.ts';
import { readSegment } from './segment-reader.ts';
import { fileLines } from './text-lines.ts';

/** Unix time; either end may be left open. */
export interface TimeRange {
  readonly from?: Seconds;
  readonly to?: Seconds;
}

/**
 * Reads a journal: a segment, or a folder of them, oldest first. Of a folder only the segments are read that may have ticks within
 * the range, each from its beginning, since what is remembered is built up from there.
 *
 * @throws BallonetError JOURNAL_UNREADABLE where there is no journal. What is wrong inside one is among the records.
 */
export async function* readJournal(location: string, range: TimeRange = {}): AsyncGenerator<JournalRecord> {
  const files = await segmentFiles(location, range);
  let [found, flawed] = [false, false];
  for (const file of files) {
    for await (const record of attempt(file)) {
      found ||= record.type === 'segment';
      flawed ||= record.type === 'flaw';
      yield record;
    }
  }
  if (found) return;
  const isPart = range.from !== undefined || range.to !== undefined;
  const problem = flawed
    ? 'it is no journal'
    : `there is no segment of a journal in it${isPart ? ' for that time' : ''}`;
  throw unreadable(location, `${problem}; ballonet record makes one`);
}

async function segmentFiles(location: string, range: TimeRange): Promise<string[]> {
  try {
    if (!(await stat(location)).isDirectory()) return [location];
    const segments = await segmentsIn(location);
    return segments
      .filter((segment, i) => overlaps(segment, segments[i + 1], range))
      .map(({ name }) => path.join(location, name));
  } catch (cause) {
    throw unreadable(location, errorMessage(cause), cause);
  }
}

/** A segment lasts until the next one begins, and one behind which the wall clock was set back for nobody knows how long. */
function overlaps({ began }: Segment, next: Segment | undefined, { from, to }: TimeRange): boolean {
  const ended = next === undefined || next.began < began ? Number.POSITIVE_INFINITY : next.began + 1;
  return (to === undefined || began <= to) && (from === undefined || ended >= from);
}

async function* attempt(file: string): AsyncGenerator<JournalRecord> {
  try {
    // A daemon at work may have compressed it since we looked.
    const there = await stat(file).then(
      () => file,
      () => `${file}.gz`,
    );
    yield* readSegment(there, fileLines(there));
  } catch (cause) {
    throw unreadable(file, errorMessage(cause), cause);
  }
}

/** What to do about the errors of the file system that people meet. */
const FIXES: Readonly<Record<string, string>> = {
  ENOENT:
    'there is nothing at this path: give a segment or the folder that has them, as in /var/lib/ballonet/*/journal, or make one with ballonet record',
  EACCES: 'this user may not read it: ask as root or as the user that the daemon runs as',
};

function unreadable(location: string, problem: string, cause?: unknown): BallonetError {
  const fix = FIXES[systemCode(cause)];
  if (fix !== undefined) return new BallonetError('JOURNAL_UNREADABLE', `${location}: ${fix}`, { cause });
  const message = problem.includes(location) ? problem : `${location}: ${problem}`;
  return new BallonetError('JOURNAL_UNREADABLE', message, { cause });
}
