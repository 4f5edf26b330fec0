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

/** Half the width of a moment beside an axis. */
const LABEL_HALF = 18;

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Horizontal place of the moment with this index. */
export function xOf(scale: Scale, index: number): number {
  return xAt(scale, scale.times[index] ?? scale.times[0] ?? 0);
}

function xAt({ frame, times }: Scale, time: Seconds): number {
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const share = last > first ? (time - first) / (last - first) : 0;
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
  const every = roundSeconds((last - first) / columns);
  for (let time = Math.ceil(first / every) * every; time <= last; time += every) {
    const x = xAt(scale, time);
    const room = frame.width - x;
    const anchor = x - frame.left < LABEL_HALF ? 'start' : room < LABEL_HALF ? 'end' : 'middle';
    parts.push(
      `<text class="tick" x="${x}" y="${frame.height - 2}" text-anchor="${anchor}">${momentText(time)}</text>`,
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

/** Steps of a clock; those of more than a day are whole days. */
const CLOCK_STEPS: readonly Seconds[] = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200,
];

function roundSeconds(least: Seconds): Seconds {
  return CLOCK_STEPS.find(step => step >= least) ?? 86_400 * Math.ceil(least / 86_400);
}

/** A moment of an axis in its two largest units, such as `1h 20m`: `1:20` might be minutes and seconds. */
export function momentText(seconds: Seconds): string {
  const whole = Math.round(seconds);
  const parts: string[] = [];
  let rest = whole;
  for (const [unit, length] of UNITS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.length === 0 ? '0' : parts.slice(0, 2).join(' ');
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;
