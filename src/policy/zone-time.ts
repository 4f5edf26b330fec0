/** Wall-clock time in a zone, by the time zone database that Node carries (Intl). */
import type { Instant } from '../model/clock.ts';
import type { Seconds } from '../model/units.ts';

/** What clocks on the wall show. `weekday` is ISO 8601's: 1 is Monday, 7 is Sunday. */
export interface LocalTime {
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
}

interface Zone {
  readonly format: Intl.DateTimeFormat;
  /** What the zone is ahead of UTC in the quarter of an hour that was asked for last, as quarters count since 1970. */
  quarter: number;
  offset: Seconds;
  minute: number;
  time: LocalTime;
}

// A format is dear to make and to run; within a minute all guests of all policies ask for the same time.
const zones = new Map<string, Zone>();
// And most ask for the zone that the guest before them has asked for.
let latest: { readonly name: string; readonly zone: Zone } | undefined;

function zoneOf(name: string): Zone {
  if (latest?.name === name) return latest.zone;
  const zone = zones.get(name) ?? newZone(name);
  zones.set(name, zone);
  latest = { name, zone };
  return zone;
}

function newZone(name: string): Zone {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  return {
    format,
    quarter: Number.NaN,
    offset: 0,
    minute: Number.NaN,
    time: { weekday: 1, hour: 0, minute: 0 },
  };
}

/** True for a name of the time zone database, such as `Europe/Rome`, and for `UTC`. */
export function isZone(name: string): boolean {
  try {
    zoneOf(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * The time that clocks in a zone show.
 *
 * @param now - whose wall clock it is about
 * @param name - a zone that `isZone` accepts
 */
export function localTime({ wall }: Pick<Instant, 'wall'>, name: string): LocalTime {
  const zone = zoneOf(name);
  const minute = Math.floor(wall / 60);
  if (zone.minute === minute) return zone.time;
  // Every offset in use today is of whole quarters of an hour, and so are the moments at which one changes: of all zones from 2022 to
  // 2028, only a station on Antarctica once had it otherwise (Casey, 2022, at 00:01).
  const quarter = Math.floor(minute / 15);
  if (zone.quarter !== quarter) {
    zone.quarter = quarter;
    zone.offset = offsetAt(zone.format, quarter * 900);
  }
  zone.minute = minute;
  zone.time = shownAt(minute + zone.offset / 60);
  return zone.time;
}

/** The time of a clock that has shown so many minutes since Thursday, 1 January 1970. */
function shownAt(minutes: number): LocalTime {
  const day = Math.floor(minutes / 1440);
  const minute = minutes - 1440 * day;
  return { weekday: ((day + 3) % 7) + 1, hour: Math.floor(minute / 60), minute: minute % 60 };
}

function partsOf(format: Intl.DateTimeFormat, wall: Seconds): ReadonlyMap<string, string> {
  return new Map(format.formatToParts(wall * 1000).map(({ type, value }) => [type, value]));
}

/**
 * The instant at which a calendar day begins in a zone; the first one after it where clocks skip midnight.
 *
 * @param day - days since 1970-01-01, as the calendar counts them
 */
export function startOfDay(day: number, name: string): Seconds {
  const { format } = zoneOf(name);
  const shown = day * 86_400;
  // The offset at midnight may be another than at midnight UTC; where clocks skip midnight, neither guess shows it.
  const first = shown - offsetAt(format, shown);
  const offset = offsetAt(format, first);
  const second = shown - offset;
  return offsetAt(format, second) === offset ? second : Math.max(first, second);
}

/** How far the zone's clocks are ahead of UTC at an instant. */
function offsetAt(format: Intl.DateTimeFormat, wall: Seconds): Seconds {
  const parts = partsOf(format, wall);
  const [year, month, date, hour, minute, second] = ['year', 'month', 'day', 'hour', 'minute', 'second'].map(
    type => Number(parts.get(type)),
  );
  const shown = Date.UTC(year ?? 0, (month ?? 1) - 1, date, hour, minute, second) / 1000;
  return shown - Math.floor(wall);
}
