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

function renderTable<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = rows.map(row => columns.map(column => column.value(row)));
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...cells.map(line => line[i]?.length ?? 0)),
  );
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) => {
        const width = widths[i] ?? 0;
        return columns[i]?.align === 'right' ? text.padStart(width) : text.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [columns.map(column => column.title), ...cells].map(texts => `${line(texts)}\n`).join('');
}

/** For commander's argument parsers: turns a problem into a usage error. */
export function orUsage<T>(parsed: { readonly value: T } | { readonly problem: string }): T {
  if ('problem' in parsed) throw new InvalidArgumentError(parsed.problem);
  return parsed.value;
}
