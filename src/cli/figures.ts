/** Figures as tables show them: short, and a dash for what is not known. */
import { type Bytes, formatSize, GiB, KiB, MiB, type Seconds, TiB } from '../model/units.ts';

export function size(bytes: Bytes | undefined): string {
  return bytes === undefined ? '-' : formatSize(bytes);
}

/** Three digits and never more than seven characters: `512MiB`, `1.46GiB`, `1023GiB`. */
export function shortSize(bytes: Bytes | undefined): string {
  if (bytes === undefined) return '-';
  // What would be rounded up to 1024 of a unit is one of the next.
  const fits = SHORT_UNITS.find(([, factor]) => bytes / factor >= 0.9995) ?? SHORT_UNITS.at(-1);
  const [unit, factor] = fits ?? ['B', 1];
  const value = bytes / factor;
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const text = value.toFixed(digits);
  return `${digits === 0 ? text : text.replace(/\.?0+$/, '')}${unit}`;
}

const SHORT_UNITS: readonly (readonly [string, Bytes])[] = [
  ['TiB', TiB],
  ['GiB', GiB],
  ['MiB', MiB],
  ['KiB', KiB],
  ['B', 1],
];

/** `4s`, `3m12s`, `2h05m`, `3d4h`: two units at most. */
export function ago(seconds: Seconds | undefined): string {
  if (seconds === undefined) return '-';
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor((whole % 86_400) / 3600),
    Math.floor((whole % 3600) / 60),
  ];
  if (days > 0) return `${days}d${hours}h`;
  if (hours > 0) return `${hours}h${two(minutes)}m`;
  if (minutes > 0) return `${minutes}m${two(whole % 60)}s`;
  return `${whole}s`;
}

/** The time of day of an RFC 3339 time where this command runs, with month and day when that is another day. */
export function clockTime(time: string, now = new Date()): string {
  const at = new Date(time);
  const isToday = at.toDateString() === now.toDateString();
  const day = isToday ? '' : `${two(at.getMonth() + 1)}-${two(at.getDate())} `;
  return `${day}${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

export function percent(part: number | undefined, whole: number | undefined): string | undefined {
  return part === undefined || whole === undefined || whole <= 0
    ? undefined
    : `${Math.round((100 * part) / whole)}%`;
}
