/** Figures as people read them in a table: few digits, the unit apart. */
import { GiB, MiB, TiB } from '../model/units.ts';

/** `1.53 GiB`, `812 MiB`; a dash for what is not known. */
export function size(bytes: number | null | undefined): string {
  if (bytes === undefined || bytes === null) return '–';
  if (bytes === 0) return '0';
  const [unit, name] = unitOf(Math.abs(bytes));
  return `${digits(bytes / unit)} ${name}`;
}

/** For the axis of a chart, where sizes are round: `24 GiB`. */
export function roundSize(bytes: number): string {
  if (bytes === 0) return '0';
  const [unit, name] = unitOf(bytes);
  return `${Math.round((100 * bytes) / unit) / 100} ${name}`;
}

/** With a sign, for a change. */
export function change(bytes: number): string {
  if (bytes === 0) return '±0';
  return `${bytes > 0 ? '+' : '−'}${size(Math.abs(bytes))}`;
}

function unitOf(bytes: number): readonly [number, string] {
  if (bytes >= TiB) return [TiB, 'TiB'];
  if (bytes >= GiB) return [GiB, 'GiB'];
  return [MiB, 'MiB'];
}

function digits(value: number): string {
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2);
}

/** `3 s`, `4 min`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function percent(part: number | undefined, whole: number | undefined): string {
  if (part === undefined || whole === undefined || whole === 0) return '–';
  return `${Math.round((100 * part) / whole)} %`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const SHORT = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** Time of day of an RFC 3339 time. */
export function clockTime(at: string): string {
  return CLOCK.format(new Date(at));
}

/** For the axis of a chart. */
export function axisTime(seconds: number, withSeconds: boolean): string {
  return (withSeconds ? CLOCK : SHORT).format(new Date(seconds * 1000));
}

export function fullTime(at: string): string {
  return FULL.format(new Date(at));
}

/** `MOVE_IN_FLIGHT` as `move in flight`, `availableBytes` as `available`. */
export function words(code: string): string {
  return code
    .replace(/Bytes$/, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replaceAll('_', ' ');
}
