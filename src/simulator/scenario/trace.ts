/** Recorded memory use as demand: tables whose columns a scenario names. */
import { BallonetError } from '../../model/errors.ts';
import { type Bytes, GiB, KiB, MiB, type Seconds } from '../../model/units.ts';
import { printable } from '../../policy/source/diagnostics.ts';
import { suggestion } from '../../policy/source/suggest.ts';
import type { TraceNode } from './demand-schema.ts';

export interface TraceTable {
  /** As it is called in messages. */
  readonly file: string;
  readonly kind: 'csv' | 'journal';
  readonly columns: readonly string[];
  /** From the beginning, each time it is called. */
  rows(): Iterable<TraceRow>;
}

interface TraceRow {
  /** Where it stands, for messages. */
  readonly place: () => string;
  readonly cells: readonly (string | number | undefined)[];
}

/** What was recorded of one machine, in the units of its table. */
export interface Recording {
  readonly times: Seconds[];
  readonly values: number[];
  /** Memory that it had; empty where the scenario names no column for it. */
  readonly totals: number[];
}

export interface Series {
  readonly times: readonly Seconds[];
  readonly bytes: readonly Bytes[];
}

const UNITS = { B: 1, KiB, MiB, GiB, ratio: 1 } as const;

/** Columns of a journal that say what those of a CSV file must be named for. */
const JOURNAL_COLUMNS = { time: 'time', value: 'used', each: 'name' } as const;

/**
 * The recordings of a table in the order in which they begin: with `each` one for each value of that column, else one.
 *
 * @throws BallonetError TRACE_INVALID with the place and what is wrong there
 */
export function recordingsIn(table: TraceTable, trace: TraceNode): Recording[] {
  requireColumns(table);
  const defaults =
    table.kind === 'journal' ? JOURNAL_COLUMNS : { time: 't_s', value: undefined, each: undefined };
  const { time = defaults.time, value = defaults.value, each = defaults.each, total, where = {} } = trace;
  if (value === undefined) {
    throw invalid(
      table.file,
      `a CSV file needs 'value', the column of what is used; there are ${table.columns.join(', ')}`,
    );
  }
  if (trace.time === undefined && !table.columns.includes(time)) {
    const there = table.columns.join(', ');
    throw invalid(
      table.file,
      `no column is called '${time}', so 'time' must say which has the time; there are ${there}`,
    );
  }
  const column = (name: string): Column => ({ name, at: columnOf(table, name) });
  const conditions = Object.entries(where).map(([name, wanted]) => ({ at: columnOf(table, name), wanted }));
  const [timeColumn, eachColumn] = [column(time), each === undefined ? undefined : column(each)];
  const terms = termsOf(value).map(({ sign, name }) => ({ sign, column: column(name) }));
  const totalColumn = total === undefined ? undefined : column(total);
  const found = new Map<string, Recording>();
  let looked = 0;
  for (const row of table.rows()) {
    if (conditions.some(({ at, wanted }) => String(row.cells[at] ?? '') !== wanted)) continue;
    looked++;
    const at = readTime(row, timeColumn);
    const amount = terms.reduce((sum, term) => sum + term.sign * readNumber(row, term.column), 0);
    const whole = totalColumn === undefined ? 1 : readNumber(row, totalColumn);
    // A gap in the recording: it goes straight on from the sample before to the one after.
    if (Number.isNaN(at) || Number.isNaN(amount) || !(whole > 0)) continue;
    const key = eachColumn === undefined ? '' : String(row.cells[eachColumn.at] ?? '');
    const recording = found.get(key) ?? { times: [], values: [], totals: [] };
    found.set(key, recording);
    const before = recording.times.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (at < before) {
      const hint = "'where' and 'each' tell apart what was recorded one after another or side by side";
      throw invalid(row.place(), `it goes back in time, from ${before} s to ${at} s; ${hint}`);
    }
    if (at === before) continue;
    recording.times.push(at);
    recording.values.push(amount);
    if (totalColumn !== undefined) recording.totals.push(whole);
  }
  if (found.size > 0) return [...found.values()];
  throw invalid(table.file, `no row has a time and a value (${looked} rows looked at)`);
}

/** The series for the `index`-th guest of a class, of this maximum: recordings are given out in turn. */
export function seriesOf(
  recordings: readonly Recording[],
  { unit, scale, speed }: TraceNode,
  index: number,
  maximum: Bytes,
): Series {
  const { times, values, totals } = recordings[index % recordings.length] ?? {
    times: [],
    values: [],
    totals: [],
  };
  const factor = scale * (unit === 'ratio' ? maximum : UNITS[unit]);
  const origin = times[0] ?? 0;
  return {
    times: times.map(time => (time - origin) / speed),
    bytes: values.map((value, i) => {
      const whole = totals[i];
      return Math.max(0, whole === undefined ? factor * value : (scale * maximum * value) / whole);
    }),
  };
}

interface Column {
  readonly name: string;
  readonly at: number;
}

/** @throws BallonetError TRACE_INVALID */
function requireColumns({ columns, file }: TraceTable): void {
  if (columns.join('') === '') throw invalid(file, 'it is empty, and its first line should name the columns');
  if (columns.some(column => /[\p{Cc}\uFFFD]/u.test(column)))
    throw invalid(file, 'its first line, which should name the columns, is no text');
}

function columnOf({ columns, file }: TraceTable, name: string): number {
  const at = columns.indexOf(name);
  if (at >= 0) return at;
  throw invalid(file, `there is no column '${name}'; ${suggestion(name, columns, 'its columns')}`);
}

/** `used`, or `used - cached + shared`. A minus needs spaces, because names of columns have dashes. */
function termsOf(text: string): { sign: 1 | -1; name: string }[] {
  const parts = text.trim().split(/\s+([+-])\s+/);
  return parts
    .map((name, i) => ({ sign: i > 0 && parts[i - 1] === '-' ? (-1 as const) : (1 as const), name }))
    .filter((_, i) => i % 2 === 0);
}

/** NaN where the cell is empty. */
function readNumber({ cells, place }: TraceRow, { name, at }: Column): number {
  const cell = cells[at] ?? '';
  if (typeof cell === 'number') return cell;
  const text = cell.trim();
  const number = text === '' ? Number.NaN : Number(text);
  if (text === '' || text.toLowerCase() === 'nan' || Number.isFinite(number)) return number;
  throw invalid(place(), `'${text}' in column ${name} is not a number`);
}

/** Seconds, or dates; those without a zone are taken for UTC. */
function readTime({ cells, place }: TraceRow, { name, at }: Column): Seconds {
  const cell = cells[at] ?? '';
  if (typeof cell === 'number') return cell;
  const text = cell.trim();
  if (text === '') return Number.NaN;
  const number = Number(text);
  if (Number.isFinite(number)) return number;
  const seconds = Date.parse(/[Z+]/.test(text) ? text : `${text.replace(' ', 'T')}Z`) / 1000;
  if (Number.isFinite(seconds)) return seconds;
  throw invalid(place(), `'${text}' in column ${name} is neither seconds nor a date`);
}

function invalid(place: string, problem: string): BallonetError {
  return new BallonetError('TRACE_INVALID', printable(`${place}: ${problem}`));
}
