/** The ticks of a journal without waiting in between: for a program that does nothing else meanwhile. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import type { TickRecord } from './entries.ts';
import { segmentsNamed } from './folder.ts';
import { createSegmentReader } from './segment-reader.ts';

/** A tick with the file that it stands in. */
export interface PlacedTick {
  readonly file: string;
  readonly tick: TickRecord;
}

/**
 * Reads a segment, or a folder of them, oldest first. What cannot be read of it is left out.
 *
 * @throws the error of the file system
 */
export function* journalTicks(location: string): Generator<PlacedTick> {
  const files = statSync(location).isDirectory()
    ? segmentsNamed(readdirSync(location)).map(({ name }) => path.join(location, name))
    : [location];
  for (const file of files) {
    const reader = createSegmentReader(file);
    const lines = textOf(file).split('\n');
    for (const [i, line] of lines.entries()) {
      const record = reader.next(line, i === lines.length - 1);
      if (record?.type === 'tick') yield { file, tick: record };
    }
  }
}

/** A compressed segment may end too early: what is there of it is unpacked. */
function textOf(file: string): string {
  const content = readFileSync(file);
  const plain = file.endsWith('.gz') ? gunzipSync(content, { finishFlush: constants.Z_SYNC_FLUSH }) : content;
  return plain.toString('utf8');
}
