/** Amounts and places as people read them. */
import type { SourceRef } from '../../model/decision.ts';
import type { NameUnit, TracedValue } from '../../model/explanation.ts';
import { formatDuration, formatSize, MiB } from '../../model/units.ts';

/** A value of an expression. One without a unit is taken for a size when it is large: quantities of policies are bytes. */
export function formatValue(value: TracedValue, unit?: NameUnit): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean') return String(value);
  switch (unit) {
    case 'bytes':
      return formatSize(value);
    case 'bytes/s':
      return `${formatSize(value)}/s`;
    case '1/s':
      return `${short(value)}/s`;
    case 'seconds':
      return formatSeconds(value);
    case 'percent':
      return `${short(value)}%`;
    case 'ratio':
    case 'number':
      return short(value);
    case undefined:
      return Math.abs(value) >= MiB ? formatSize(value) : short(value);
  }
}

/** Three or more digits that count, and no more than are needed. */
function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** A time that somebody waits, in the two largest units. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'ever';
  if (seconds < 60) return formatDuration(Math.round(seconds * 10) / 10);
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  const parts = [
    [days, 'd'],
    [hours, 'h'],
    [minutes, 'm'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(' ');
}

export function formatPlace({ file, line }: SourceRef): string {
  return `${file}:${line}`;
}
