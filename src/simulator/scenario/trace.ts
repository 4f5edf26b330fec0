/** Recorded memory use as demand: CSV files whose columns a scenario names. */
import { BallonetError } from '../../model/errors.ts';
import { type Bytes, GiB, KiB, MiB, type Seconds } from '../../model/units.ts';
import { suggestion } from '../../policy/source/suggest.ts';
import type { TraceNode } from './demand-schema.ts';

export interface Series {
  readonly times: readonly Seconds[];
  readonly bytes: readonly Bytes[];
}

const UNITS = { B: 1, KiB, MiB, GiB, ratio: 1 } as const;

interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * The series of a CSV file for guests of a class: with `each` one for each value of that column, in the order of the file, and the
 * `index`-th guest gets the `index`-th, over and over.
 *
 * @throws BallonetError TRACE_INVALID, with the file and what is wrong
 */
export function traceSeries(text: string, trace: TraceNode, index: number, maximum: Bytes): Series {
  const table = parseCsv(text);
  const column = (name: string): number => columnOf(table, name, trace.file);
  const conditions = Object.entries(trace.where ?? {}).map(([name, value]) => [column(name), value] as const);
  const each = trace.each === undefined ? undefined : column(trace.each);
  const chosen = table.rows.filter(row => conditions.every(([at, value]) => row[at] === value));
  const keys = each === undefined ? [] : [...new Set(chosen.map(row => row[each]))];
  const key = keys[index % Math.max(1, keys.length)];
  const rows = each === undefined ? chosen : chosen.filter(row => row[each] === key);
  const terms = termsOf(trace.value).map(({ sign, name }) => ({ sign, at: column(name) }));
  const total = trace.total === undefined ? undefined : column(trace.total);
  const timeAt = column(trace.time);
  const times: Seconds[] = [];
  const bytes: Bytes[] = [];
  let origin: Seconds | undefined;
  for (const row of rows) {
    const at = readTime(row[timeAt]);
    const value = terms.reduce((sum, term) => sum + term.sign * readNumber(row[term.at]), 0);
    const whole = total === undefined ? 1 : readNumber(row[total]);
    // A gap in the recording: it goes straight on from the sample before to the one after.
    if (!Number.isFinite(at) || !Number.isFinite(value) || !(whole > 0)) continue;
    origin ??= at;
    const time = (at - origin) / trace.speed;
    if (time <= (times.at(-1) ?? -1)) continue;
    times.push(time);
    bytes.push(Math.max(0, amountOf(value, whole, trace, maximum)));
  }
  if (times.length > 0) return { times, bytes };
  throw new BallonetError(
    'TRACE_INVALID',
    `${trace.file}: no row has a time and a value (${rows.length} rows looked at)`,
  );
}

function amountOf(value: number, whole: number, { unit, total }: TraceNode, maximum: Bytes): Bytes {
  if (total !== undefined) return (value / whole) * maximum;
  return unit === 'ratio' ? value * maximum : value * UNITS[unit];
}

/** Comma-separated values with a header line; fields in double quotes may hold commas. */
function parseCsv(text: string): Table {
  const lines = text.split(/\r?\n/).filter(line => line !== '' && !line.startsWith('#'));
  const [header = '', ...rest] = lines;
  return { columns: fieldsOf(header), rows: rest.map(fieldsOf) };
}

function fieldsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}

function columnOf({ columns }: Table, name: string, file: string): number {
  const at = columns.indexOf(name);
  if (at >= 0) return at;
  throw new BallonetError(
    'TRACE_INVALID',
    `${file}: there is no column '${name}'; ${suggestion(name, columns, 'its columns')}`,
  );
}

/** `used`, or `used - cached + shared`. A minus needs spaces, because names of columns have dashes. */
function termsOf(text: string): { sign: 1 | -1; name: string }[] {
  const parts = text.trim().split(/\s+([+-])\s+/);
  return parts
    .map((name, i) => ({ sign: i > 0 && parts[i - 1] === '-' ? (-1 as const) : (1 as const), name }))
    .filter((_, i) => i % 2 === 0);
}

function readNumber(text: string | undefined): number {
  return text === undefined || text.trim() === '' ? Number.NaN : Number(text);
}

function readTime(text: string | undefined): Seconds {
  const number = readNumber(text);
  if (Number.isFinite(number) || text === undefined) return number;
  return (
    Date.parse(text.includes('Z') || text.includes('+') ? text : `${text.trim().replace(' ', 'T')}Z`) / 1000
  );
}
