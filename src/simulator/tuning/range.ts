/** What a search may vary: a field of a policy and its bounds. */
import type { Parsed, Ratio } from '../../model/units.ts';

/** Values keep two significant digits: more would claim more than simulations know. */
const DIGITS = 2;

export interface Range {
  readonly path: string;
  /** The value at a place between the bounds, as it stands in a policy; places beyond are taken for the nearer bound. */
  readonly at: (place: Ratio) => string;
  /** Where a value stands, 0 to 1; undefined when it has another unit. */
  readonly placeOf: (value: string) => Ratio | undefined;
}

interface Quantity {
  readonly number: number;
  readonly unit: string;
}

/** What one of a unit is of the least one of its kind; units of different kinds have no common measure. */
const UNITS: Readonly<Record<string, readonly [kind: string, factor: number]>> = {
  '': ['number', 1],
  '%': ['percent', 1],
  ms: ['time', 0.001],
  s: ['time', 1],
  m: ['time', 60],
  h: ['time', 3600],
  B: ['size', 1],
  KiB: ['size', 2 ** 10],
  MiB: ['size', 2 ** 20],
  GiB: ['size', 2 ** 30],
  'MiB/s': ['rate', 2 ** 20],
  'MiB/min': ['rate', 2 ** 20 / 60],
  'GiB/min': ['rate', 2 ** 30 / 60],
};

/**
 * Reads `guest.estimate.window=10s..10m`. The values between are written in the unit of the lower bound; bounds above zero are
 * searched by their logarithm, so that twice and half are as far.
 */
export function parseRange(text: string): Parsed<Range> {
  const [, path = '', low = '', high = ''] = /^([^=]+)=(.+)\.\.(.+)$/.exec(text) ?? [];
  const [from, to] = [quantityOf(low), quantityOf(high)];
  const top = from && to && inUnitOf(from, to);
  if (from === undefined || top === undefined || top <= from.number) {
    return {
      problem: `'${text}' has no two bounds of one kind, the lower first; write them as in guest.estimate.window=10s..10m`,
    };
  }
  const { number: bottom, unit } = from;
  const logarithmic = bottom > 0;
  // Expressions tell whole numbers from those with a fraction: who writes the bound with a point wants it in all values.
  const decimals = low.includes('.');
  const placed = (value: number): Ratio =>
    logarithmic ? Math.log(value / bottom) / Math.log(top / bottom) : (value - bottom) / (top - bottom);
  return {
    value: {
      path: path.trim(),
      at(place) {
        const share = Math.min(1, Math.max(0, place));
        const value = logarithmic ? bottom * (top / bottom) ** share : bottom + (top - bottom) * share;
        const rounded = Number(value.toPrecision(DIGITS));
        const kept = Math.min(top, Math.max(bottom, rounded));
        return `${decimals && Number.isInteger(kept) ? kept.toFixed(1) : kept}${unit}`;
      },
      placeOf(value) {
        const found = quantityOf(value);
        const number = found && inUnitOf(from, found);
        return number === undefined || (logarithmic && number <= 0) ? undefined : placed(number);
      },
    },
  };
}

/** Numbers may stand in quotes, as expressions do. */
function quantityOf(text: string): Quantity | undefined {
  const [, digits, unit = ''] =
    /^(\d+(?:\.\d+)?)\s*([A-Za-z%/]*)$/.exec(text.trim().replace(/^(["'])(.*)\1$/, '$2')) ?? [];
  return digits === undefined || !Object.hasOwn(UNITS, unit) ? undefined : { number: Number(digits), unit };
}

/** The second quantity in the unit of the first. */
function inUnitOf({ unit }: Quantity, { number, unit: other }: Quantity): number | undefined {
  const [[kind, factor] = ['', 1], [otherKind, otherFactor] = ['', 1]] = [UNITS[unit], UNITS[other]];
  return kind === otherKind ? (number * otherFactor) / factor : undefined;
}
