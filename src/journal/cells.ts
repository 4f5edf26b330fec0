/** The numbers of all guests of a snapshot as columns: one array a figure, one place a guest, NaN for what is not there. */
import { guestReadings } from '../model/guest-readings.ts';
import type { GuestFigure, GuestSample, Reading } from '../model/snapshot.ts';
import type { ColumnKind } from './column.ts';
import { GUEST_FIGURES, type GuestCount, type GuestFacts, QUALITIES } from './figures.ts';

/** By index of the column. */
export type Cells = readonly Float64Array[];

export interface ColumnSpec {
  readonly name: string;
  readonly kind: ColumnKind;
  /** What a guest has of which nothing has been written: a figure that the writer did not know is absent. */
  readonly blank: number;
  /**
   * Writes what is foreseen of each place, from the tick before and from the columns of this one that stand before it. Missing:
   * the number of the tick before.
   */
  readonly foresee?: (order: readonly number[], before: Cells, now: Cells, foreseen: Float64Array) => void;
}

const COUNTS: readonly GuestCount[] = ['statsAgeSeconds', 'uptimeSeconds', 'epoch', 'reportsInEpoch'];
const [STATS_AGE, UPTIME, EPOCH, REPORTS] = [0, 1, 2, 3] as const;

const valueColumn = (figure: GuestFigure): number => COUNTS.length + 3 * GUEST_FIGURES.indexOf(figure);

const FIGURE_COLUMNS = GUEST_FIGURES.map(figure => {
  const value = valueColumn(figure);
  return { figure, value, age: value + 1, quality: value + 2 };
});

const NO_COLUMN = new Float64Array(0);
const columnOf = (cells: Cells, index: number): Float64Array => cells[index] ?? NO_COLUMN;

/** In this order they are written and read. */
export const COLUMNS: readonly ColumnSpec[] = [
  ...COUNTS.map((name): ColumnSpec => ({ name, kind: 'moment', blank: Number.NaN })),
  ...FIGURE_COLUMNS.flatMap(({ figure, age }): ColumnSpec[] => [
    {
      name: figure,
      kind: 'amount',
      blank: Number.NaN,
      ...(figure === 'used' && { foresee: foreseeUsed }),
    },
    { name: `${figure}.age`, kind: 'amount', blank: 0, foresee: foreseeAge(age) },
    { name: `${figure}.quality`, kind: 'amount', blank: QUALITIES.indexOf('absent') },
  ]),
];

/** A reading of the guest's own report is as old as the report; any other keeps its age, which is mostly 0. */
function foreseeAge(index: number): NonNullable<ColumnSpec['foresee']> {
  return (order, before, now, foreseen) => {
    const [ages, reports] = [columnOf(before, index), columnOf(before, STATS_AGE)];
    const report = columnOf(now, STATS_AGE);
    for (const slot of order) {
      const age = ages[slot] ?? 0;
      foreseen[slot] = age === reports[slot] ? (report[slot] ?? age) : age;
    }
  };
}

/** What is available less is used more: MemTotal − MemAvailable. */
function foreseeUsed(order: readonly number[], before: Cells, now: Cells, foreseen: Float64Array): void {
  const [total, available] = [valueColumn('total'), valueColumn('available')];
  const used = columnOf(before, valueColumn('used'));
  const grown = (index: number, slot: number): number =>
    (columnOf(now, index)[slot] ?? 0) - (columnOf(before, index)[slot] ?? 0);
  for (const slot of order) {
    const was = used[slot] ?? Number.NaN;
    const is = was + grown(total, slot) - grown(available, slot);
    foreseen[slot] = Number.isNaN(is) ? was : is;
  }
}

/** Blank columns with room for so many guests. */
export function newCells(places: number): Cells {
  return COLUMNS.map(({ blank }) => new Float64Array(places).fill(blank));
}

export function writeCells(cells: Cells, slot: number, sample: GuestSample): void {
  columnOf(cells, STATS_AGE)[slot] = sample.statsAgeSeconds ?? Number.NaN;
  columnOf(cells, UPTIME)[slot] = sample.uptimeSeconds;
  columnOf(cells, EPOCH)[slot] = sample.epoch;
  columnOf(cells, REPORTS)[slot] = sample.reportsInEpoch;
  for (const { figure, value, age, quality } of FIGURE_COLUMNS) {
    const reading = sample.readings[figure];
    columnOf(cells, value)[slot] = reading.value ?? Number.NaN;
    columnOf(cells, age)[slot] = reading.ageSeconds;
    columnOf(cells, quality)[slot] = QUALITIES.indexOf(reading.quality);
  }
}

/** The sample at a place; undefined when the numbers there are none of a sample. */
export function readCells(cells: Cells, slot: number, facts: GuestFacts): GuestSample | undefined {
  const cell = (index: number): number => cells[index]?.[slot] ?? Number.NaN;
  const statsAgeSeconds = cell(STATS_AGE);
  const [epoch, reportsInEpoch, uptimeSeconds] = [cell(EPOCH), cell(REPORTS), cell(UPTIME)];
  if (Number.isNaN(epoch + reportsInEpoch + uptimeSeconds)) return undefined;
  const readings: Partial<Record<GuestFigure, Reading>> = {};
  for (const { figure, value, age, quality: kind } of FIGURE_COLUMNS) {
    const [number, ageSeconds, quality] = [cell(value), cell(age), QUALITIES[cell(kind)]];
    if (quality === undefined || Number.isNaN(ageSeconds)) return undefined;
    readings[figure] = Number.isNaN(number)
      ? { ageSeconds, quality }
      : { value: number, ageSeconds, quality };
  }
  if (!isWhole(readings)) return undefined;
  const age = Number.isNaN(statsAgeSeconds) ? {} : { statsAgeSeconds };
  return { ...facts, readings: guestReadings(readings), ...age, epoch, reportsInEpoch, uptimeSeconds };
}

function isWhole(readings: Partial<Record<GuestFigure, Reading>>): readings is Record<GuestFigure, Reading> {
  return GUEST_FIGURES.every(figure => readings[figure] !== undefined);
}
