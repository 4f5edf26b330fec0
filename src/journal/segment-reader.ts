import type { Instant } from '../model/clock.ts';
import { decodeDecisions } from './decisions.ts';
import type { JournalRecord } from './entries.ts';
import { createFrameDecoder } from './frame-decoder.ts';
import { openLine, type ReadLine } from './lines.ts';

type TickLine = Extract<ReadLine, { t: 'tick' }>;

/** Reads one segment, from its first line on. */
export interface SegmentReader {
  /**
   * The next line's record; undefined when there is none in it. A line that cannot be read costs itself; where it was a tick, the
   * ticks up to the next full one.
   *
   * @param last it has no newline
   */
  readonly next: (text: string, last: boolean) => JournalRecord | undefined;
}

/** @param file what the segment is called */
export function createSegmentReader(file: string): SegmentReader {
  const decoder = createFrameDecoder();
  let number = 0;
  let ticks = 0;
  let whole = false;

  function tickOf({ n, at, frame, patch, withheld, decisions }: TickLine): JournalRecord | string {
    if (n !== ticks) {
      decoder.lose();
      whole = false;
    }
    ticks = n + 1;
    const snapshot = decoder.decode(frame);
    if ('problem' in snapshot) {
      whole = false;
      return snapshot.problem;
    }
    return {
      type: 'tick',
      at: instant(at),
      snapshot,
      whole,
      withheld: withheld === true,
      decisions: decisions === undefined ? [] : decodeDecisions(decisions, place => decoder.guestAt(place)),
      ...(patch !== undefined && { patch }),
    };
  }

  function recordOf(line: ReadLine): JournalRecord | string {
    switch (line.t) {
      case 'journal': {
        const { t: _, version: __, at, ...rest } = line;
        whole = true;
        return { type: 'segment', file, at: instant(at), ...rest };
      }
      case 'tick':
        return tickOf(line);
      case 'outcome': {
        const { t, at, ...rest } = line;
        return { type: t, at: instant(at), ...rest };
      }
      case 'event': {
        const { t, at, ...rest } = line;
        return { type: t, at: instant(at), ...rest };
      }
    }
  }

  return {
    next(text, last) {
      number++;
      if (text === '' && last) return undefined;
      const line = openLine(text);
      const record = 'flaw' in line ? line.flaw : recordOf(line);
      return typeof record === 'string'
        ? { type: 'flaw', file, line: number, problem: record, torn: last }
        : record;
    },
  };
}

/**
 * Reads the text of one segment.
 *
 * @param file what the segment is called
 * @param lines its lines; the last one has no newline
 */
export async function* readSegment(
  file: string,
  lines: AsyncIterable<{ readonly text: string; readonly last: boolean }>,
): AsyncGenerator<JournalRecord> {
  const reader = createSegmentReader(file);
  for await (const { text, last } of lines) {
    const record = reader.next(text, last);
    if (record !== undefined) yield record;
  }
}

function instant([monotonic, wall]: readonly [number, number]): Instant {
  return { monotonic, wall };
}
