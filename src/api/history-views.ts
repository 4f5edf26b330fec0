/** What the engine keeps of the last while, as the API gives it. */
import type { z } from 'zod';
import type { SeriesView } from '../engine/series.ts';
import {
  GUEST_COLUMNS,
  type GuestColumn,
  HOST_COLUMNS,
  type TrendRange,
  type Trends,
} from '../engine/trends.ts';
import type { GuestSample } from '../model/snapshot.ts';
import type { Seconds } from '../model/units.ts';
import type { GuestHistory, GuestsHistory, HostHistory } from './schema/history.ts';
import { timeOf } from './views.ts';

type Values = (number | null)[];

export function hostHistoryView(
  trends: Trends,
  range: TrendRange,
  now: Seconds,
): z.output<typeof HostHistory> {
  const view = trends.host(range) ?? nothingAt(now, HOST_COLUMNS.length);
  const column = (name: (typeof HOST_COLUMNS)[number]) => valuesOf(view, HOST_COLUMNS.indexOf(name));
  const levels = trends.levels();
  return {
    apiVersion: 'ballonet/v1',
    kind: 'HostHistory',
    ...rowsOf(view),
    total: column('total'),
    guestsUsed: column('guestsUsed'),
    guestsCache: column('guestsCache'),
    guestsHeadroom: column('guestsHeadroom'),
    others: column('others'),
    reclaimable: column('reclaimable'),
    free: column('free'),
    ballooned: column('ballooned'),
    level: column('level').map(index => (index === null ? null : (levels[index] ?? null))),
  };
}

export function guestHistoryView(
  trends: Trends,
  { uuid, name }: Pick<GuestSample, 'uuid' | 'name'>,
  now: Seconds,
): z.output<typeof GuestHistory> {
  const view = trends.guest(uuid) ?? nothingAt(now, GUEST_COLUMNS.length);
  const column = (name: GuestColumn) => valuesOf(view, GUEST_COLUMNS.indexOf(name));
  return {
    apiVersion: 'ballonet/v1',
    kind: 'GuestHistory',
    ...rowsOf(view),
    domain: name,
    uuid,
    columns: {
      size: column('size'),
      target: column('target'),
      wanted: column('wanted'),
      used: column('used'),
      held: column('held'),
      min: column('min'),
      max: column('max'),
    },
  };
}

interface Wish {
  readonly points: number;
  readonly column: GuestColumn;
  readonly largest?: number | undefined;
}

export function guestsHistoryView(
  trends: Trends,
  { points, column, largest }: Wish,
  now: Seconds,
): z.output<typeof GuestsHistory> {
  const guests = trends.guests();
  const views = guests.map(({ series }) => series);
  const stepSeconds = views[0]?.stepSeconds ?? 1;
  const last = Math.max(...views.map(({ at }) => at / stepSeconds), -1);
  const length = Math.max(...views.map(view => view.columns[0]?.length ?? 0), 0);
  const every = Math.max(1, Math.ceil(length / points));
  const rows = Math.ceil(length / every);
  const index = GUEST_COLUMNS.indexOf(column);
  // All in rows of the same times, whatever each guest has of them.
  const all = guests.map(({ uuid, name, series }) => {
    const values = series.columns[index] ?? [];
    const late = last - series.at / stepSeconds;
    const at = (row: number) => values.at(values.length - 1 + late - (rows - 1 - row) * every);
    return {
      domain: name,
      uuid,
      values: Array.from({ length: rows }, (_, row) => {
        const back = (rows - 1 - row) * every - late;
        return back < 0 || back >= values.length ? null : whole(at(row));
      }),
    };
  });
  const chosen =
    largest === undefined
      ? all
      : all.toSorted((a, b) => (b.values.at(-1) ?? 0) - (a.values.at(-1) ?? 0)).slice(0, largest);
  const rest = all.filter(item => !chosen.includes(item));
  return {
    apiVersion: 'ballonet/v1',
    kind: 'GuestsHistory',
    at: timeOf(views.length === 0 ? now : last * stepSeconds),
    stepSeconds: stepSeconds * every,
    items: chosen,
    ...(largest !== undefined && { others: Array.from({ length: rows }, (_, row) => sum(rest, row)) }),
  };
}

function sum(items: readonly { readonly values: Values }[], row: number): number {
  return items.reduce((total, { values }) => total + (values[row] ?? 0), 0);
}

function nothingAt(now: Seconds, columns: number): SeriesView {
  return { at: now, stepSeconds: 1, columns: Array.from({ length: columns }, () => []) };
}

function rowsOf({ at, stepSeconds }: SeriesView): { at: string; stepSeconds: number } {
  return { at: timeOf(at), stepSeconds };
}

function valuesOf({ columns }: SeriesView, index: number): Values {
  return (columns[index] ?? []).map(whole);
}

/** JSON has no NaN. */
function whole(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : Math.round(value);
}
