import type { Place } from './diagnostics.ts';

/** The text of one policy file with its line starts: turns character offsets into places. */
export interface TextFile {
  readonly file: string;
  readonly text: string;
  /** Offset of the first character of each line. */
  readonly lineStarts: readonly number[];
}

export function textFile(file: string, text: string): TextFile {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return { file, text, lineStarts };
}

/** The place of the characters from `start` to `end`; the span stops at the end of the first line. */
export function placeAt(source: TextFile, start: number, end: number = start + 1): Place {
  const { file, text, lineStarts } = source;
  const offset = Math.max(0, Math.min(start, text.length));
  let [low, high] = [0, lineStarts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  const lineStart = lineStarts[low] ?? 0;
  const lineEnd = lineStarts[low + 1] ?? text.length + 1;
  const sourceLine = text.slice(lineStart, lineEnd - 1).replace(/\r$/, '');
  const span = Math.max(1, Math.min(end, lineStart + sourceLine.length) - offset);
  return { file, line: low + 1, column: offset - lineStart + 1, span, sourceLine };
}
