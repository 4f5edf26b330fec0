/** Lines of a file as they come, compressed or not. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** A line longer than this is none of ours: a tick of 10 000 guests, each with a decision, has about 10 MiB. */
const LINE_MAX = 2 ** 28;

export interface TextLine {
  readonly text: string;
  /** What follows the last newline: empty where the file is whole. */
  readonly last: boolean;
}

/**
 * Reads a file line by line; one whose name ends in `.gz` is unpacked. Compressed data that ends too early, or is damaged, ends
 * the lines there, like a line that was cut.
 *
 * @throws the error of the file system when it cannot be read
 */
export async function* fileLines(path: string): AsyncGenerator<TextLine> {
  const packed = path.endsWith('.gz');
  const file = createReadStream(path);
  const source: Readable = packed ? file.pipe(createGunzip()) : file;
  // Without this a failing file would leave the unpacking waiting.
  if (packed) file.on('error', error => source.destroy(error));
  source.setEncoding('utf8');
  // Of the line that has not ended yet. Joined once: a long line comes in many pieces.
  let pieces: string[] = [];
  let length = 0;
  try {
    for await (const chunk of source) {
      const [head = '', ...rest] = String(chunk).split('\n');
      pieces.push(head);
      length += head.length;
      if (length > LINE_MAX) break;
      for (const next of rest) {
        yield { text: pieces.join(''), last: false };
        pieces = [next];
        length = next.length;
      }
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    pieces.push('(damaged)');
  } finally {
    file.destroy();
    source.destroy();
  }
  yield { text: pieces.join(''), last: true };
}

/** zlib's own words for data that is not, or not all, what was packed. */
function isDamage(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_')
  );
}
