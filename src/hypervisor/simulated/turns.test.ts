import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MiB } from '../../model/units.ts';
import { PAGE } from './pages.ts';
import { current, cut, extend, newTurns, oldest, renew, type Turns, touched } from './turns.ts';

const PIECE = 2 * MiB;

function held(pieces: number, huge = false): Turns {
  const turns = newTurns(512 * MiB);
  extend(turns, pieces * PIECE, huge);
  return turns;
}

/** As the kernel leaves them that has looked at all. */
function settled(pieces: number): Turns {
  const turns = held(pieces);
  for (const piece of turns.pieces) piece.young = false;
  return turns;
}

describe('what programs touch in turn', () => {
  it('is reclaimed in the order in which it was taken', () => {
    const turns = settled(3);
    expect(oldest(turns)).toBe(turns.pieces[0]);
    renew(turns);
    expect(oldest(turns)).toBe(turns.pieces[1]);
  });

  it('is spared once when it has been touched since the kernel looked last', () => {
    const turns = settled(3);
    for (const piece of turns.pieces.slice(0, 2)) touched(turns, piece);
    expect(oldest(turns)).toBe(turns.pieces[2]);
    renew(turns);
    expect(oldest(turns)).toBe(turns.pieces[0]);
  });

  it('says how many were spared before one was found', () => {
    const turns = held(5);
    expect(oldest(turns)).toBe(turns.pieces[0]);
    expect(turns.spared).toBe(5);
  });

  it('has nothing to reclaim where all of it is swapped, and has again when it is back', () => {
    const turns = settled(1);
    const [piece] = turns.pieces;
    expect(piece).toBeDefined();
    if (piece === undefined) return;
    piece.swapped = piece.size;
    expect(oldest(turns)).toBeUndefined();
    piece.swapped = 0;
    touched(turns, piece);
    expect(oldest(turns)).toBe(piece);
  });

  it('tells the piece that programs are at, and begins anew where they are beyond the end', () => {
    const turns = held(4);
    turns.at = 3 * PIECE + PAGE;
    expect(current(turns)).toEqual({ piece: turns.pieces[3], left: PIECE - PAGE });
    cut(turns, PIECE);
    expect(turns.at).toBe(0);
    expect(current(turns)).toEqual({ piece: turns.pieces[0], left: PIECE });
  });

  it('frees from its end, with what was swapped or written there', () => {
    const turns = settled(2);
    const [first, last] = turns.pieces;
    if (first) first.swapped = 10 * PAGE;
    if (last) Object.assign(last, { swapped: 100 * PAGE, written: 50 * PAGE, cached: 20 * PAGE });
    expect(cut(turns, PIECE)).toEqual({ swapped: 100 * PAGE, written: 50 * PAGE, cached: 20 * PAGE });
    expect(cut(turns, PIECE / 2)).toEqual({ swapped: 5 * PAGE, written: 0, cached: 0 });
    expect(turns).toMatchObject({ span: PIECE / 2, pieces: [{ size: PIECE / 2, swapped: 5 * PAGE }] });
  });

  it('frees of what is all swapped as much as it frees', () => {
    const pages = fc.integer({ min: 1, max: 8192 });
    fc.assert(
      fc.property(pages, pages, (size, freed) => {
        const turns = newTurns(256 * 8192 * PAGE);
        extend(turns, size * PAGE, false);
        for (const piece of turns.pieces) piece.swapped = piece.size;
        const bytes = Math.min(size, freed) * PAGE;
        expect(cut(turns, bytes).swapped).toBe(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('has the span of its pieces, each queued once, whatever is taken and freed', () => {
    const step = fc.record({ pages: fc.integer({ min: 0, max: 4000 }), free: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        const turns = newTurns(64 * MiB);
        for (const { pages, free } of steps) {
          if (free) cut(turns, Math.min(turns.span, pages * PAGE));
          else extend(turns, pages * PAGE, false);
          oldest(turns);
        }
        expect(turns.pieces.reduce((sum, { size }) => sum + size, 0)).toBe(turns.span);
        expect(turns.pieces.slice(0, -1).every(({ size }) => size === turns.pieceSize)).toBe(true);
        expect(new Set(turns.queue)).toEqual(new Set(turns.pieces));
        expect(turns.queue.length).toBe(turns.pieces.length);
      }),
      { numRuns: 200 },
    );
  });
});
