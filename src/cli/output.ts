/** The only place that shapes what is printed: tables for people, JSON and YAML for programs. */
import { InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';

/** Where a verb writes: data to `out`, messages to `err`. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

export const OUTPUT_FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print it').choices(OUTPUT_FORMATS).default('table');
}

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  readonly align?: 'right';
  /** Printed by `-o wide` only. */
  readonly wide?: true;
}

export interface Listing<T> {
  /** `kind` of the JSON and YAML form, such as `DomainList`. */
  readonly kind: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly name: (row: T) => string;
  /** The row as an object for JSON and YAML. */
  readonly object: (row: T) => unknown;
}

/** A listing as text, ending in a newline unless it is empty. */
export function renderListing<T>(listing: Listing<T>, format: OutputFormat): string {
  switch (format) {
    case 'json':
    case 'yaml': {
      const document = {
        apiVersion: 'ballonet/v1',
        kind: listing.kind,
        items: listing.rows.map(listing.object),
      };
      return format === 'json' ? `${JSON.stringify(document, undefined, 2)}\n` : stringify(document);
    }
    case 'name':
      return listing.rows.map(row => `${listing.name(row)}\n`).join('');
    case 'table':
    case 'wide':
      return renderTable(
        listing.rows,
        listing.columns.filter(column => format === 'wide' || column.wide !== true),
      );
  }
}

/** One object: as it is for programs, and in the words of `human` for people. `name` prints what identifies it. */
export function renderObject<T extends object>(
  object: T,
  format: OutputFormat,
  { human, name }: { readonly human: (object: T) => string; readonly name: (object: T) => string },
): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(object, undefined, 2)}\n`;
    case 'yaml':
      return stringify(object, { aliasDuplicateObjects: false });
    case 'name':
      return `${name(object)}\n`;
    case 'table':
    case 'wide':
      return human(object);
  }
}

/** Lines of a name and a value, the values under each other; those without a value are left out. */
export function renderFields(
  fields: readonly (readonly [name: string, value: string | undefined])[],
  indent = '',
): string {
  const known = fields.filter((field): field is readonly [string, string] => field[1] !== undefined);
  const width = Math.max(0, ...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${indent}${name.padEnd(width)}  ${value}\n`).join('');
}

function renderTable<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  return createTable(columns)(rows);
}

/**
 * A table that is written in parts: the first has the titles, and each is at least as wide as those before.
 *
 * @returns a function that gives the lines of more rows
 */
export function createTable<T>(columns: readonly Column<T>[]): (rows: readonly T[]) => string {
  const widths = columns.map(column => column.title.length);
  let titles: readonly string[][] = [columns.map(column => column.title)];
  return rows => {
    const cells = rows.map(row => columns.map(column => column.value(row)));
    for (const line of cells)
      for (const [i, text] of line.entries()) widths[i] = Math.max(widths[i] ?? 0, text.length);
    const lines = [...titles, ...cells].map(texts => `${alignedLine(texts, columns, widths)}\n`);
    titles = [];
    return lines.join('');
  };
}

function alignedLine<T>(
  texts: readonly string[],
  columns: readonly Column<T>[],
  widths: readonly number[],
): string {
  return texts
    .map((text, i) => {
      const width = widths[i] ?? 0;
      return columns[i]?.align === 'right' ? text.padStart(width) : text.padEnd(width);
    })
    .join('  ')
    .trimEnd();
}

/** For commander's argument parsers: turns a problem into a usage error. */
export function orUsage<T>(parsed: { readonly value: T } | { readonly problem: string }): T {
  if ('problem' in parsed) throw new InvalidArgumentError(parsed.problem);
  return parsed.value;
}
