/**
 * Memory of programs that touch all they hold in turn, from its beginning to its end and over again: where they are, and what of each
 * piece lies where. The kernel's list of inactive pages is a queue: what comes to its front was taken or brought in longest ago, goes
 * back to the end once if it has been touched since it was looked at last, and is swapped out if not (shrink_inactive_list() and
 * folio_check_references() in mm/vmscan.c). So what programs come to next is swapped or is not by its place, and not on average.
 */
import { type Bytes, MiB } from '../../model/units.ts';
import { wholePages } from './pages.ts';

interface Piece {
  size: Bytes;
  swapped: Bytes;
  /** In memory, and on the device too: it was written with the rest of its huge page. */
  written: Bytes;
  /** Has come back, and keeps its place on the device. */
  cached: Bytes;
  /** Touched since the kernel looked at it last. */
  young: boolean;
  /** In huge pages that have not been split. */
  huge: boolean;
  queued: boolean;
}

/** Sums over the pieces are those of the guest's memory: what programs hold beside what they have locked, `swapped` and `written`. */
export interface Turns {
  readonly pieceSize: Bytes;
  readonly pieces: Piece[];
  /** In the order in which the kernel looks at them; those without a page in memory are not in it. */
  queue: Piece[];
  /** What programs hold: the sum of all sizes. */
  span: Bytes;
  /** Where they are in it. */
  at: Bytes;
  /** How many pieces the kernel has sent back one after the other. */
  spared: number;
}

/** Of one huge page, or of as many that there are not more than so many pieces. */
const LEAST: Bytes = 2 * MiB;
const PIECES = 256;

/** @param most that programs can hold */
export function newTurns(most: Bytes): Turns {
  return {
    pieceSize: Math.max(LEAST, wholePages(most / PIECES)),
    pieces: [],
    queue: [],
    span: 0,
    at: 0,
    spared: 0,
  };
}

/** Programs take more: it is new at the end of all. */
export function extend(turns: Turns, bytes: Bytes, huge: boolean): void {
  for (let left = bytes; left > 0; ) {
    let last = turns.pieces.at(-1);
    if (last === undefined || last.size === turns.pieceSize) {
      last = { size: 0, swapped: 0, written: 0, cached: 0, young: true, huge, queued: false };
      turns.pieces.push(last);
    }
    const part = Math.min(left, turns.pieceSize - last.size);
    last.size += part;
    touched(turns, last);
    left -= part;
  }
  turns.span += bytes;
}

type Parts = Pick<Piece, 'swapped' | 'written' | 'cached'>;

/** Programs free what they took last. Returns the parts of it. */
export function cut(turns: Turns, bytes: Bytes): Readonly<Parts> {
  const gone: Parts = { swapped: 0, written: 0, cached: 0 };
  for (let left = bytes; left > 0; ) {
    const last = turns.pieces.at(-1);
    if (last === undefined) break;
    const part = Math.min(left, last.size);
    const kept = 1 - part / last.size;
    last.size -= part;
    left -= part;
    // Rounded down, what is left of the parts has room in what is left of the whole; and no more goes than the piece loses, where a
    // share of all its pages comes out a little below a whole number of them.
    for (const name of ['swapped', 'written', 'cached'] as const) {
      const before = last[name];
      last[name] = Math.max(before - part, wholePages(before * kept));
      gone[name] += before - last[name];
    }
    if (last.size === 0) turns.pieces.pop();
  }
  turns.span -= bytes;
  if (turns.at >= turns.span) turns.at = 0;
  turns.queue = turns.queue.filter(({ size }) => size > 0);
  return gone;
}

/** The piece that the kernel would take pages from; undefined when there is none. */
export function oldest(turns: Turns): Piece | undefined {
  // Each can be young once.
  for (let looks = 2 * turns.queue.length; looks > 0; looks--) {
    const piece = turns.queue[0];
    if (piece === undefined) return undefined;
    if (piece.size - piece.swapped <= 0) {
      piece.queued = false;
      turns.queue.shift();
    } else if (piece.young) {
      piece.young = false;
      turns.queue.shift();
      turns.queue.push(piece);
      turns.spared++;
    } else return piece;
  }
  return undefined;
}

/** Sends the piece at the front of the queue to its end. */
export function renew({ queue }: Turns): void {
  const piece = queue.shift();
  if (piece) queue.push(piece);
}

/** Marks a piece of which something is in memory. */
export function touched(turns: Turns, piece: Piece): void {
  piece.young = true;
  if (piece.queued) return;
  piece.queued = true;
  turns.queue.push(piece);
}

/** The piece at which programs are, and what is left of it from there; they are somewhere in what they hold. */
export function current({ pieces, pieceSize, at }: Turns): { readonly piece: Piece; readonly left: Bytes } {
  const index = Math.floor(at / pieceSize);
  const piece = pieces[index];
  if (piece === undefined) throw new RangeError(`there is nothing at ${at}`);
  return { piece, left: index * pieceSize + piece.size - at };
}
