/** The host's memory as areas of a chart, and its continuation with each snapshot. */
import type { Answer } from '../api/routes.ts';
import type { ChartData, Line } from './chart.tsx';
import type { SnapshotView } from './stream.ts';

type HostHistory = Answer<'hostHistory'>;
type GuestsHistory = Answer<'guestsHistory'>;
type Values = readonly (number | null)[];

/** As many rows as the daemon keeps. */
const ROWS_MAX = 720;

const KINDS = [
  ['guestsUsed', 'Used by guests', 'used'],
  ['guestsCache', 'Cache in guests', 'cache'],
  ['guestsHeadroom', 'Headroom in guests', 'headroom'],
  ['others', 'Host and others', 'others'],
  ['reclaimable', 'Host’s own cache', 'reclaimable'],
  ['free', 'Free', 'free'],
] as const;

export function byKind(host: HostHistory): ChartData {
  return {
    times: timesOf(host, host.total.length),
    lines: [
      ...KINDS.map(([name, label, colour]): Line => ({ label, colour, kind: 'area', values: host[name] })),
      { label: 'Ballooned away', colour: 'ballooned', kind: 'dashed-area', values: host.ballooned },
      { label: 'The host’s total', colour: 'total', kind: 'line', values: host.total },
    ],
    strip: stripOf(host),
  };
}

/** The guests that hold most, the others together, and what guests do not hold; in the rows that both have. */
export function byGuest(host: HostHistory, guests: GuestsHistory): ChartData {
  const rows = Math.max(guests.others?.length ?? 0, ...guests.items.map(({ values }) => values.length));
  const times = timesOf(guests, rows);
  const at = indexOf(host);
  const ofHost = (values: Values) => times.map(time => values[at(time)] ?? null);
  return {
    times,
    lines: [
      ...guests.items.map(
        ({ domain, values }, i): Line => ({ label: domain, colour: `guest-${i}`, kind: 'area', values }),
      ),
      { label: 'Other guests', colour: 'guest-rest', kind: 'area', values: guests.others ?? [] },
      { label: 'Host and others', colour: 'others', kind: 'area', values: ofHost(host.others) },
      {
        label: 'Host’s own cache',
        colour: 'reclaimable',
        kind: 'area',
        values: ofHost(host.reclaimable),
      },
      { label: 'Free', colour: 'free', kind: 'area', values: ofHost(host.free) },
      { label: 'The host’s total', colour: 'total', kind: 'line', values: ofHost(host.total) },
    ],
    strip: { ...stripOf(host), values: times.map(time => host.level[at(time)] ?? null) },
  };
}

/** The row of a history that holds at a time. */
function indexOf({ at, stepSeconds, total }: HostHistory): (time: number) => number {
  const last = Date.parse(at) / 1000;
  return time => Math.min(total.length - 1, total.length - 1 - Math.ceil((last - time) / stepSeconds));
}

function stripOf(host: HostHistory): NonNullable<ChartData['strip']> {
  return { label: 'Pressure', calm: 'none', values: host.level };
}

function timesOf(
  { at, stepSeconds }: { readonly at: string; readonly stepSeconds: number },
  rows: number,
): number[] {
  const last = Date.parse(at) / 1000;
  return Array.from({ length: rows }, (_, row) => last - (rows - 1 - row) * stepSeconds);
}

/** With what a snapshot shows as its last row: a new one, or the present one when it is of the same step. */
export function appendedHost(host: HostHistory, now: SnapshotView): HostHistory {
  const { memory } = now;
  const steps = stepsBetween(host, now.at);
  if (steps < 0) return host;
  const add = (values: Values, value: number | undefined) =>
    continued(values, steps, value ?? null, ROWS_MAX);
  return {
    ...host,
    at: moved(host, steps),
    total: add(host.total, now.host.totalBytes),
    guestsUsed: add(host.guestsUsed, memory.guestsUsedBytes),
    guestsCache: add(host.guestsCache, memory.guestsCacheBytes),
    guestsHeadroom: add(host.guestsHeadroom, memory.guestsHeadroomBytes),
    others: add(host.others, memory.othersBytes),
    reclaimable: add(host.reclaimable, memory.reclaimableBytes),
    free: add(host.free, memory.freeBytes),
    ballooned: add(host.ballooned, memory.balloonedBytes),
    level: continued(host.level, steps, now.pressure.level, ROWS_MAX),
  };
}

export function appendedGuests(guests: GuestsHistory, now: SnapshotView): GuestsHistory {
  const steps = stepsBetween(guests, now.at);
  if (steps < 0) return guests;
  const held = new Map(now.guests.map(({ uuid, rssBytes }) => [uuid, rssBytes ?? null]));
  const all = now.guests.reduce((sum, { rssBytes = 0 }) => sum + rssBytes, 0);
  const named = guests.items.reduce((sum, { uuid }) => sum + (held.get(uuid) ?? 0), 0);
  const rows = Math.round(3600 / guests.stepSeconds);
  return {
    ...guests,
    at: moved(guests, steps),
    items: guests.items.map(item => ({
      ...item,
      values: continued(item.values, steps, held.get(item.uuid) ?? null, rows),
    })),
    others: continued(guests.others ?? [], steps, Math.max(0, all - named), rows),
  };
}

function stepsBetween(
  { at, stepSeconds }: { readonly at: string; readonly stepSeconds: number },
  now: string,
): number {
  return Math.floor((Date.parse(now) - Date.parse(at)) / 1000 / stepSeconds);
}

function moved(
  { at, stepSeconds }: { readonly at: string; readonly stepSeconds: number },
  steps: number,
): string {
  return new Date(Date.parse(at) + steps * stepSeconds * 1000).toISOString();
}

/** So many rows further, of which the last has a value; those between hold what was known, as ticks may be further apart. */
export function continued<T>(values: readonly (T | null)[], steps: number, value: T | null, rowsMax: number) {
  const known = values.at(-1) ?? null;
  const between = Array.from({ length: Math.min(rowsMax, Math.max(0, steps - 1)) }, () => known);
  const kept = steps === 0 ? values.slice(0, -1) : values;
  return [...kept, ...between, value].slice(-rowsMax);
}
