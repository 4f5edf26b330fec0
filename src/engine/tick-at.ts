import { readJournal } from '../journal/reader.ts';
import { BallonetError } from '../model/errors.ts';
import type { Seconds } from '../model/units.ts';
import type { Moment } from '../policy/explain/moment.ts';
import { type PastTick, replay } from './replay.ts';

/** A tick so much older than the time that was asked for is another matter. */
const NEAR_SECONDS: Seconds = 60;

export interface PastMoment {
  readonly past: PastTick;
  readonly moment: Moment;
}

/**
 * The tick that was the last one at a time, with all that it was decided from: the ticks of its segment before it are decided
 * again, to know what was remembered.
 *
 * @param location a journal: a segment, or a folder of them
 * @param wall Unix time
 * @throws BallonetError JOURNAL_UNREADABLE when there is no such tick, or what it was decided from is not known any more
 */
export async function tickAt(location: string, wall: Seconds): Promise<PastMoment> {
  let last: PastTick | undefined;
  let problem = 'nothing was decided then';
  for await (const record of replay(readJournal(location, { from: wall - NEAR_SECONDS, to: wall }))) {
    if (record.type === 'unknown') problem = record.problem;
    if (record.type !== 'tick') continue;
    // Past it, but for a wall clock that was set back a little.
    if (record.record.at.wall > wall + NEAR_SECONDS) break;
    if (record.record.at.wall <= wall) last = record;
  }
  if (last === undefined || last.record.at.wall < wall - NEAR_SECONDS)
    throw unknown(location, wall, `it has no tick in the minute before`);
  if (last.moment === undefined) throw unknown(location, wall, problem);
  return { past: last, moment: last.moment };
}

function unknown(location: string, wall: Seconds, problem: string): BallonetError {
  const time = new Date(wall * 1000).toISOString();
  return new BallonetError('JOURNAL_UNREADABLE', `${location}: at ${time}, ${problem}`);
}
