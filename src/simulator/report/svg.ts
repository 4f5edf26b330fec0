/** Charts as SVG text. Coordinates are rounded to a tenth of a pixel; colours are CSS variables of the page. */
import { type Bytes, formatSize, GiB, type Seconds } from '../../model/units.ts';

/** Pixels of a chart's plane, and of what stands beside it. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly bottom: number;
}

export interface Scale {
  readonly frame: Frame;
  readonly times: readonly Seconds[];
  /** Amount at the top. */
  readonly most: Bytes;
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Horizontal place of the moment with this index. */
export function xOf({ frame, times }: Scale, index: number): number {
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const share = last > first ? ((times[index] ?? first) - first) / (last - first) : 0;
  return tenth(frame.left + share * (frame.width - frame.left));
}

function yOf({ frame, most }: Scale, bytes: Bytes): number {
  return tenth((frame.height - frame.bottom) * (1 - Math.min(1, most > 0 ? bytes / most : 0)));
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The points of a line; of a level stretch only its ends. */
function points(scale: Scale, values: readonly Bytes[]): string[] {
  const ys = values.map(value => yOf(scale, value));
  return ys.flatMap((y, i) => (y === ys[i - 1] && y === ys[i + 1] ? [] : [`${xOf(scale, i)},${y}`]));
}

export function line(scale: Scale, values: readonly Bytes[], style: string): string {
  return `<polyline class="${style}" points="${points(scale, values).join(' ')}"/>`;
}

/** The band between two lines. */
export function band(
  scale: Scale,
  lower: readonly Bytes[],
  upper: readonly Bytes[],
  attributes: string,
): string {
  const way = [...points(scale, upper), ...points(scale, lower).toReversed()];
  return `<polygon ${attributes} points="${way.join(' ')}"/>`;
}

/** Lines at round amounts with their sizes, and times along the bottom. */
export function axes(scale: Scale, rows: number, columns: number): string {
  const { frame, times, most } = scale;
  const step = roundStep(most / rows);
  const parts: string[] = [];
  for (let amount = 0; amount <= most; amount += step) {
    const y = yOf(scale, amount);
    parts.push(
      `<line class="grid" x1="${frame.left}" x2="${frame.width}" y1="${y}" y2="${y}"/>`,
      `<text class="tick" x="${frame.left - 4}" y="${Math.max(8, y + 3)}" text-anchor="end">${amount === 0 ? '0' : formatSize(amount)}</text>`,
    );
  }
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  for (let i = 0; i <= columns; i++) {
    const share = i / columns;
    const x = tenth(frame.left + share * (frame.width - frame.left));
    const anchor = i === 0 ? 'start' : i === columns ? 'end' : 'middle';
    parts.push(
      `<text class="tick" x="${x}" y="${frame.height - 2}" text-anchor="${anchor}">${clock(first + share * (last - first), last)}</text>`,
    );
  }
  return parts.join('');
}

/** Steps that people can read: 1, 2 or 5 times ten of them GiB, and below that halves, so that a GiB is met. */
function roundStep(least: Bytes): Bytes {
  if (least <= GiB) return 2 ** Math.ceil(Math.log2(Math.max(1, least)));
  let step = GiB;
  for (let i = 0; step < least; i++) step = GiB * ([1, 2, 5][i % 3] ?? 1) * 10 ** Math.floor(i / 3);
  return step;
}

/** A moment of an axis, as all of them are written: seconds where it ends within the hour, days where it goes on for one. */
export function clock(seconds: Seconds, end: Seconds): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value % 60).padStart(2, '0');
  const minutes = two(Math.floor(whole / 60));
  const hours = Math.floor(whole / 3600);
  if (end >= 86_400) return `${Math.floor(hours / 24)}d ${hours % 24}:${minutes}`;
  return end < 3600 ? `${hours}:${minutes}:${two(whole)}` : `${hours}:${minutes}`;
}
