/** Wall-clock time in a zone, by the time zone database that Node carries (Intl). */
import type { Instant } from '../model/clock.ts';
import type { Seconds } from '../model/units.ts';

/** What clocks on the wall show. `weekday` is ISO 8601's: 1 is Monday, 7 is Sunday. */
export interface LocalTime {
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
}

const WEEKDAYS: readonly string[] = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

interface Zone {
  readonly format: Intl.DateTimeFormat;
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
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  return { format, minute: Number.NaN, time: { weekday: 1, hour: 0, minute: 0 } };
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
  // Every offset in use today is of whole minutes.
  const minute = Math.floor(wall / 60);
  if (zone.minute === minute) return zone.time;
  const parts = partsOf(zone.format, minute * 60);
  zone.minute = minute;
  zone.time = {
    weekday: WEEKDAYS.indexOf(parts.get('weekday') ?? '') + 1,
    hour: Number(parts.get('hour')),
    minute: Number(parts.get('minute')),
  };
  return zone.time;
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
