/** How the host's and each guest's memory went over the last while, for charts. Bounded: some 7 KiB a guest. */
import type { GuestSample } from '../model/snapshot.ts';
import type { Bytes } from '../model/units.ts';
import type { TickEvent } from './engine.ts';
import { createSeries, type Series, type SeriesView } from './series.ts';

/**
 * Parts of the host's memory, bytes. `guestsUsed`, `guestsCache` and `guestsHeadroom` are what the guests' processes hold, by what
 * their guests use it for; `others` is what else is used on the host, `reclaimable` what the kernel gives back when asked. Together
 * with `free` they are the host's total. `ballooned` is on top: what guests would hold if every balloon were empty.
 */
export const HOST_COLUMNS = [
  'total',
  'guestsUsed',
  'guestsCache',
  'guestsHeadroom',
  'others',
  'reclaimable',
  'free',
  'ballooned',
  /** Index into the names of the levels. */
  'level',
] as const;

/** Of a guest, bytes: its size, where it goes, what the policy would like, what it uses, what it holds of the host, its limits. */
export const GUEST_COLUMNS = ['size', 'target', 'wanted', 'used', 'held', 'min', 'max'] as const;

type HostColumn = (typeof HOST_COLUMNS)[number];
export type GuestColumn = (typeof GUEST_COLUMNS)[number];

export type HostFigures = Readonly<Record<HostColumn, Bytes | undefined>>;

const HOST_RANGES = {
  hour: { rows: 720, stepSeconds: 5 },
  day: { rows: 720, stepSeconds: 120 },
} as const;
const GUEST_RANGE = { rows: 240, stepSeconds: 15 };

export type TrendRange = keyof typeof HOST_RANGES;

interface GuestTrend {
  readonly uuid: string;
  readonly name: string;
  readonly series: SeriesView;
}

export interface Trends {
  note(tick: TickEvent): void;
  host(range: TrendRange): SeriesView | undefined;
  /** Names of pressure levels by the index that the column `level` has. */
  levels(): readonly string[];
  guest(uuid: string): SeriesView | undefined;
  /** All guests that are there. */
  guests(): readonly GuestTrend[];
}

export function createTrends(): Trends {
  const host = {
    hour: createSeries(HOST_COLUMNS.length, HOST_RANGES.hour.rows, HOST_RANGES.hour.stepSeconds),
    day: createSeries(HOST_COLUMNS.length, HOST_RANGES.day.rows, HOST_RANGES.day.stepSeconds),
  };
  const guests = new Map<string, { name: string; readonly series: Series }>();
  const levels: string[] = [];
  // Filled anew for each: a row of its own for every guest and tick would be a megabyte a second on a large host.
  const hostRow = new Float64Array(HOST_COLUMNS.length);
  const guestRow = new Float64Array(GUEST_COLUMNS.length);

  function indexOf(level: string): number {
    const index = levels.indexOf(level);
    return index >= 0 ? index : levels.push(level) - 1;
  }

  return {
    note(event) {
      const at = event.now.wall;
      const level = indexOf(event.tick.state.pressure.level);
      const figures: HostFigures = { ...hostFigures(event), level };
      for (const [i, column] of HOST_COLUMNS.entries()) hostRow[i] = figures[column] ?? Number.NaN;
      host.hour.note(at, hostRow);
      host.day.note(at, hostRow);
      const decisions = new Map(event.tick.decisions.map(decision => [decision.uuid, decision]));
      const present = new Set<string>();
      for (const sample of event.snapshot.guests) {
        present.add(sample.uuid);
        const known = guests.get(sample.uuid);
        const guest = known ?? {
          name: sample.name,
          series: createSeries(GUEST_COLUMNS.length, GUEST_RANGE.rows, GUEST_RANGE.stepSeconds),
        };
        if (known === undefined) guests.set(sample.uuid, guest);
        guest.name = sample.name;
        fillGuestRow(guestRow, sample, decisions.get(sample.uuid));
        guest.series.note(at, guestRow);
      }
      for (const uuid of guests.keys()) if (!present.has(uuid)) guests.delete(uuid);
    },
    host: range => host[range].view(),
    levels: () => levels,
    guest: uuid => guests.get(uuid)?.series.view(),
    guests: () =>
      [...guests].flatMap(([uuid, { name, series }]) => {
        const view = series.view();
        return view === undefined ? [] : [{ uuid, name, series: view }];
      }),
  };
}

/** What the host's memory is used for at one tick. A part that cannot be told is undefined; none is below 0. */
export function hostFigures({ snapshot }: Pick<TickEvent, 'snapshot'>): Omit<HostFigures, 'level'> {
  const { total, available, free } = snapshot.host.readings;
  let [held, used, cache, ballooned] = [0, 0, 0, 0];
  for (const { readings } of snapshot.guests) {
    const rss = readings.rss.value ?? 0;
    const ownUse = Math.min(rss, readings.used.value ?? rss);
    held += rss;
    used += ownUse;
    cache += Math.min(rss - ownUse, readings.cache.value ?? 0);
    const [max, current] = [readings.max.value, readings.current.value];
    if (max !== undefined && current !== undefined) ballooned += Math.max(0, max - current);
  }
  const left = minus(total.value, available.value);
  // What the kernel could give back counts the guests' own page cache too where their memory is backed by files.
  const freed = atMost(free.value, available.value);
  return {
    total: total.value,
    guestsUsed: used,
    guestsCache: cache,
    guestsHeadroom: held - used - cache,
    others: minus(left, held),
    reclaimable: minus(available.value, freed),
    free: freed,
    ballooned,
  };
}

/** In the order of `GUEST_COLUMNS`. */
function fillGuestRow(
  row: Float64Array,
  { readings }: GuestSample,
  decision: TickEvent['tick']['decisions'][number] | undefined,
): void {
  row[0] = readings.current.value ?? Number.NaN;
  row[1] = decision?.targetBytes ?? Number.NaN;
  row[2] = decision?.wantedBytes ?? Number.NaN;
  row[3] = readings.used.value ?? Number.NaN;
  row[4] = readings.rss.value ?? Number.NaN;
  row[5] = decision?.guarantees?.minBytes ?? Number.NaN;
  row[6] = decision?.guarantees?.maxBytes ?? readings.max.value ?? Number.NaN;
}

function minus(whole: number | undefined, part: number | undefined): number | undefined {
  return whole === undefined || part === undefined ? undefined : Math.max(0, whole - part);
}

function atMost(value: number | undefined, limit: number | undefined): number | undefined {
  return value === undefined || limit === undefined ? value : Math.min(value, limit);
}
