/** Memory amount in bytes. Every amount inside Ballonet is in bytes; KiB exists only where libvirt is spoken. */
export type Bytes = number;
/** Memory amount in KiB, the unit of libvirt's memory calls. */
export type Kib = number;
/** Duration or instant in seconds. Instants say by their name which clock they come from. */
export type Seconds = number;
/** Share of a whole: 0 is nothing, 1 is all of it. */
export type Ratio = number;

export const KiB = 1024;
export const MiB = 1024 ** 2;
export const GiB = 1024 ** 3;
export const TiB = 1024 ** 4;

/** Bytes to whole KiB, rounded down: a target is never rounded up past a limit. */
export function bytesToKib(bytes: Bytes): Kib {
  return Math.floor(bytes / KiB);
}

export function kibToBytes(kib: Kib): Bytes {
  return kib * KiB;
}

const SIZE_UNITS: ReadonlyMap<string, Bytes> = new Map([
  ['B', 1],
  ['KiB', KiB],
  ['MiB', MiB],
  ['GiB', GiB],
  ['TiB', TiB],
  ['kB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
]);

const SIZE = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)?$/;

/** Either a value, or a sentence that says what is wrong with the text and how to mend it. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/**
 * Reads a size such as `512MiB` or `4GiB`.
 *
 * A bare number is refused: virsh reads it as KiB, QEMU as bytes, people mean MiB.
 */
export function parseSize(text: string): Parsed<Bytes> {
  const match = SIZE.exec(text.trim());
  if (!match)
    return { problem: `'${text}' is not a size; write a number and a unit, such as 512MiB or 4GiB` };
  const [, digits = '', unit] = match;
  if (unit === undefined)
    return { problem: `'${text}' has no unit; write ${digits}MiB, ${digits}GiB or ${digits}KiB` };
  const factor = SIZE_UNITS.get(unit);
  if (factor === undefined) {
    return { problem: `'${unit}' is not a unit of memory; use KiB, MiB, GiB or TiB (or kB, MB, GB, TB)` };
  }
  const value = Math.round(Number(digits) * factor);
  if (!Number.isSafeInteger(value)) return { problem: `'${text}' is too large` };
  return { value };
}

/** Shortest exact-looking form with a binary unit: `512MiB`, `1.5GiB`. */
export function formatSize(bytes: Bytes): string {
  const sign = bytes < 0 ? '-' : '';
  const size = Math.abs(bytes);
  for (const [unit, factor] of [
    ['TiB', TiB],
    ['GiB', GiB],
    ['MiB', MiB],
    ['KiB', KiB],
  ] as const) {
    if (size >= factor) return `${sign}${trimZeros(size / factor)}${unit}`;
  }
  return `${sign}${trimZeros(size)}B`;
}

const DURATION_UNITS: ReadonlyMap<string, Seconds> = new Map([
  ['ms', 0.001],
  ['s', 1],
  ['m', 60],
  ['h', 3600],
  ['d', 86_400],
]);

/** Reads a duration such as `500ms`, `30s`, `5m`, `2h`, `1d`. A bare number is refused. */
export function parseDuration(text: string): Parsed<Seconds> {
  const match = SIZE.exec(text.trim());
  const unit = match?.[2];
  const factor = unit === undefined ? undefined : DURATION_UNITS.get(unit);
  if (!match || factor === undefined) {
    return {
      problem: `'${text}' is not a duration; write a number and a unit, such as 500ms, 30s, 5m or 2h`,
    };
  }
  const value = Number(match[1]) * factor;
  return Number.isFinite(value) ? { value } : { problem: `'${text}' is too long` };
}

/** Reads a rate such as `1GiB/min` or `64MiB/s`, into bytes per second. */
export function parseRate(text: string): Parsed<number> {
  const [size = '', per, ...rest] = text.split('/');
  const seconds = per === 's' ? 1 : per === 'min' || per === 'm' ? 60 : per === 'h' ? 3600 : undefined;
  if (seconds === undefined || rest.length > 0) {
    return { problem: `'${text}' is not a rate; write a size per s, min or h, such as 1GiB/min` };
  }
  const amount = parseSize(size);
  return 'problem' in amount ? amount : { value: amount.value / seconds };
}

/** Reads `25%` into 0.25. */
export function parsePercent(text: string): Parsed<Ratio> {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  if (!match) return { problem: `'${text}' is not a percentage; write a number and %, such as 25%` };
  const value = Number(match[1]) / 100;
  return Number.isFinite(value) ? { value } : { problem: `'${text}' is too large` };
}

/** `90s`, `5m`, `2h`: the largest unit that divides it, for messages. */
export function formatDuration(seconds: Seconds): string {
  if (seconds !== 0 && seconds < 1) return `${trimZeros(seconds * 1000)}ms`;
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600}h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60}m`;
  return `${trimZeros(seconds)}s`;
}

function trimZeros(value: number): string {
  return value.toFixed(2).replace(/\.?0+$/, '');
}
