/** A journal as a table: one row a guest and tick. */
import type { Decision } from '../model/decision.ts';
import { type GuestFigure, type GuestSample, type HostFigure, trusted } from '../model/snapshot.ts';
import type { JournalRecord, TickRecord } from './entries.ts';
import { GUEST_FIGURES } from './figures.ts';

export type Cell = string | number | undefined;

interface Row {
  readonly tick: TickRecord;
  readonly guest: GuestSample;
  /** The last decision that was recorded of the guest, and whether it is of this tick. */
  readonly decision: Decision | undefined;
  readonly now: boolean;
}

interface CsvColumn {
  readonly name: string;
  /** For the reference page. */
  readonly help: string;
  readonly value: (row: Row) => Cell;
}

const figureColumn = (figure: GuestFigure): CsvColumn => ({
  name: snakeCase(figure),
  help: `guest.readings.${figure}: bytes, bytes or counts per second, or percent`,
  value: ({ guest }) => trusted(guest.readings[figure]),
});

const hostColumn = (figure: HostFigure): CsvColumn => ({
  name: `host_${snakeCase(figure)}`,
  help: `host.readings.${figure}, the same for all guests of a tick`,
  value: ({ tick }) => trusted(tick.snapshot.host.readings[figure]),
});

/** A field is empty where nothing is known, or where what is known is stale or cannot be. */
export const CSV_COLUMNS: readonly CsvColumn[] = [
  {
    name: 'time',
    help: 'time of day of the tick, UTC',
    value: ({ tick }) => new Date(tick.at.wall * 1000).toISOString(),
  },
  {
    name: 'seconds',
    help: "seconds on the host's monotonic clock, which nobody sets",
    value: ({ tick }) => tick.at.monotonic,
  },
  {
    name: 'tick',
    help: 'number of the tick, counted by the daemon',
    value: ({ tick }) => tick.snapshot.sequence,
  },
  { name: 'uuid', help: 'of the guest', value: ({ guest }) => guest.uuid },
  { name: 'name', help: 'of the guest', value: ({ guest }) => guest.name },
  { name: 'state', help: 'running, paused, stopped, crashed or unknown', value: ({ guest }) => guest.state },
  {
    name: 'epoch',
    help: "counts how often the guest's figures began anew",
    value: ({ guest }) => guest.epoch,
  },
  {
    name: 'stats_age',
    help: "age of the guest's report, seconds",
    value: ({ guest }) => guest.statsAgeSeconds,
  },
  ...GUEST_FIGURES.map(figureColumn),
  ...(['total', 'available', 'free', 'swapUsed'] as const).map(hostColumn),
  {
    name: 'action',
    help: 'what was decided: shrink, grow or hold',
    value: ({ decision }) => decision?.action,
  },
  { name: 'reason', help: 'the code of the reason', value: ({ decision }) => decision?.reason },
  {
    name: 'target',
    help: 'size that the guest was asked to have, bytes, in the tick of a move',
    value: ({ decision, now }) =>
      now && decision !== undefined && decision.action !== 'hold' ? decision.targetBytes : undefined,
  },
];

/** The table as text, a line at a time, the first one with the names of the columns. */
export async function* csvLines(records: AsyncIterable<JournalRecord>): AsyncGenerator<string> {
  yield csvLine(CSV_COLUMNS.map(({ name }) => name));
  const decided = new Map<string, Decision>();
  for await (const record of records) {
    if (record.type === 'tick') yield rowsOf(record, decided).map(csvLine).join('');
  }
}

/**
 * The cells of one tick, a row a guest.
 *
 * @param decided the last decision of each guest, which this tick's go into
 */
export function rowsOf(tick: TickRecord, decided: Map<string, Decision>): Cell[][] {
  const { decisions, snapshot } = tick;
  for (const decision of decisions) decided.set(decision.uuid, decision);
  const fresh = new Set(decisions.map(({ uuid }) => uuid));
  return snapshot.guests.map(guest => {
    const row: Row = { tick, guest, decision: decided.get(guest.uuid), now: fresh.has(guest.uuid) };
    return CSV_COLUMNS.map(({ value }) => value(row));
  });
}

/** RFC 4180, with a line feed at the end. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(cell => (typeof cell === 'string' ? quoted(cell) : (cell ?? ''))).join(',')}\n`;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
}
