/** Figures over time in a fixed room: one row every so many seconds, the latest so many of them. */
import type { Seconds } from '../model/units.ts';

/** Rows, oldest first; NaN where nothing is known. */
export interface SeriesView {
  /** Unix time of the last row. */
  readonly at: Seconds;
  readonly stepSeconds: Seconds;
  readonly columns: readonly (readonly number[])[];
}

export interface Series {
  /** Of one step the last values are kept, NaN for what is not known. Time that goes back, as a wall clock may, is left out. */
  note(at: Seconds, values: ArrayLike<number>): void;
  /** Undefined before the first note. */
  view(): SeriesView | undefined;
}

/**
 * @param columns how many figures a row has
 * @param rows how many rows are kept; a figure takes 4 bytes
 */
export function createSeries(columns: number, rows: number, stepSeconds: Seconds): Series {
  const cells = new Float32Array(columns * rows).fill(Number.NaN);
  let first: number | undefined;
  let last = 0;
  /** Steps between the last two notes: rows between them hold what was known, as ticks may be further apart than rows. */
  let stride = 1;

  const offset = (step: number) => (step % rows) * columns;

  function advanceTo(step: number): void {
    const gap = step - last;
    const bridged = gap <= 2 * stride;
    const from = offset(last);
    const known = cells.slice(from, from + columns);
    for (let missed = Math.max(last + 1, step - rows + 1); missed < step; missed++) {
      if (bridged) cells.set(known, offset(missed));
      else cells.fill(Number.NaN, offset(missed), offset(missed) + columns);
    }
    stride = gap;
    last = step;
  }

  return {
    note(at, values) {
      const step = Math.floor(at / stepSeconds);
      if (first === undefined) {
        first = step;
        last = step;
      }
      if (step < last) return;
      if (step > last) advanceTo(step);
      for (let i = 0; i < columns; i++) cells[offset(step) + i] = values[i] ?? Number.NaN;
    },
    view() {
      if (first === undefined) return undefined;
      const begin = Math.max(first, last - rows + 1);
      const steps = Array.from({ length: last - begin + 1 }, (_, i) => begin + i);
      return {
        at: last * stepSeconds,
        stepSeconds,
        columns: Array.from({ length: columns }, (_, column) =>
          steps.map(step => cells[offset(step) + column] ?? Number.NaN),
        ),
      };
    },
  };
}
