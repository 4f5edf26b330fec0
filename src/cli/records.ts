/** What `decisions` and `events` share: the recent ones, and with --follow those that come. */
import { Option } from 'commander';
import { stringify } from 'yaml';
import type { z } from 'zod';
import type { ApiClient, StreamWish } from '../api/client.ts';
import { suggestion } from '../policy/source/suggest.ts';
import {
  type Column,
  createTable,
  type OutputFormat,
  orUsage,
  renderListing,
  type Streams,
} from './output.ts';

export interface Following {
  readonly follow?: true;
  readonly limit: number;
  readonly output: OutputFormat;
}

export function followOption(): Option {
  return new Option('-f, --follow', 'go on with those that come, until interrupted');
}

export function limitOption(): Option {
  return new Option('-n, --limit <count>', 'the last so many').argParser(parseCount).default(20);
}

/** A name of which there are so many that none is guessed: a slip would list nothing, as if nothing had happened. */
export function nameOption(
  flags: string,
  description: string,
  known: Readonly<Record<string, unknown>>,
  what: string,
): Option {
  return new Option(flags, description).argParser(text =>
    orUsage(
      Object.hasOwn(known, text)
        ? { value: text }
        : { problem: `there is no '${text}'; ${suggestion(text, Object.keys(known), what)}` },
    ),
  );
}

function parseCount(text: string): number {
  const count = Number(text);
  return orUsage(
    Number.isInteger(count) && count >= 1 && count <= 2000
      ? { value: count }
      : { problem: `'${text}' is not a count from 1 to 2000` },
  );
}

interface Numbered {
  readonly id: number;
}

export interface Records<T extends Numbered> {
  readonly kind: string;
  /** Oldest first. */
  readonly items: readonly T[];
  readonly columns: readonly Column<T>[];
}

export function printRecords<T extends Numbered>(
  { kind, items, columns }: Records<T>,
  output: OutputFormat,
  { out }: Streams,
): void {
  const listing = { kind, rows: items, columns, name: ({ id }: T) => String(id), object: (item: T) => item };
  out(renderListing(listing, output));
}

/**
 * Prints the records there are and those that come, until the process is interrupted. Programs get one document for each, JSON on
 * one line.
 *
 * @param wanted whether a record that comes is to be printed
 */
export async function followRecords<A extends z.ZodType<Numbered>>(
  client: ApiClient,
  wish: Omit<StreamWish<A>, 'signal' | 'since'>,
  { items, columns }: Omit<Records<z.output<A>>, 'kind'>,
  output: OutputFormat,
  { out }: Streams,
  wanted: (record: z.output<A>) => boolean = () => true,
): Promise<void> {
  const table = createTable(columns.filter(column => output === 'wide' || column.wide !== true));
  const print = (records: readonly z.output<A>[]): void => {
    if (output === 'table' || output === 'wide') out(table(records));
    else if (output === 'json') out(records.map(record => `${JSON.stringify(record)}\n`).join(''));
    else if (output === 'yaml') out(records.map(record => `---\n${stringify(record)}`).join(''));
    else out(records.map(({ id }) => `${id}\n`).join(''));
  };
  await untilInterrupted(signal => {
    print(items);
    const since = items.at(-1)?.id ?? 0;
    return client.stream({ ...wish, since, signal }, record => {
      if (wanted(record)) print([record]);
    });
  });
}

/** Runs work until it ends or the process is told to; then the exit code is that of an interruption. */
export async function untilInterrupted(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interrupted = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (signal === 'SIGINT') process.exitCode = 130;
    interrupted.abort();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await work(interrupted.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
