/**
 * One figure of all guests in one tick, as JSON: what was foreseen costs nothing, and every number comes back to the bit.
 *
 * A column is an array. Its first element is its base: the shift that the guests have in common, or the unit that the rest is
 * counted in. Then one entry a guest, in the order of the snapshot: by how many units it differs from what was foreseen (from 0
 * where nothing was), or, in quotes, its value where no whole number leads there; `"NaN"`: there is none. A column whose entries
 * are all 0 has only its base.
 */

/** How a figure goes on: an amount stays, and changes in multiples of a power of two; moments all go on by the same. */
export type ColumnKind = 'amount' | 'moment';

export type Column = readonly (number | string)[];

/** Largest unit that is looked for: sizes come in pages of 4 KiB, balloon targets mostly in MiB. */
const UNIT_MAX = 2 ** 20;

/**
 * Codes the places of `order`; undefined when all of them are as foreseen.
 *
 * @param foreseen NaN where nothing is
 */
export function encodeColumn(
  kind: ColumnKind,
  order: readonly number[],
  values: Float64Array,
  foreseen: Float64Array,
): Column | undefined {
  if (kind === 'amount') {
    if (order.every(slot => Object.is(values[slot], foreseen[slot]))) return undefined;
    const unit = unitOf(order, values, foreseen);
    return [unit, ...order.map(slot => entryOf(values[slot], foreseen[slot], unit))];
  }
  const shift = commonShift(order, values, foreseen);
  const entries = order.map(slot => entryOf(values[slot], shifted(foreseen[slot], shift), 1));
  if (entries.some(entry => entry !== 0)) return [shift, ...entries];
  return shift === 0 ? undefined : [shift];
}

/**
 * Reads a column into `values`.
 *
 * @returns false when it is not a column for so many guests
 */
export function decodeColumn(
  kind: ColumnKind,
  column: readonly unknown[],
  order: readonly number[],
  values: Float64Array,
  foreseen: Float64Array,
): boolean {
  const [base] = column;
  if (typeof base !== 'number' || (column.length !== 1 && column.length !== order.length + 1)) return false;
  const [shift, unit] = kind === 'moment' ? [base, 1] : [0, base];
  for (let i = 0; i < order.length; i++) {
    const slot = order[i] ?? 0;
    const entry = column.length === 1 ? 0 : column[i + 1];
    if (typeof entry === 'string') values[slot] = Number(entry);
    else if (typeof entry === 'number') values[slot] = reached(shifted(foreseen[slot], shift), entry, unit);
    else return false;
  }
  return true;
}

function shifted(value = Number.NaN, shift: number): number {
  return shift === 0 ? value : value + shift;
}

function reached(from: number, steps: number, unit: number): number {
  return steps === 0 ? from : (Number.isNaN(from) ? 0 : from) + steps * unit;
}

function entryOf(value = Number.NaN, foreseen = Number.NaN, unit: number): number | string {
  if (Object.is(value, foreseen)) return 0;
  const steps = (value - (Number.isNaN(foreseen) ? 0 : foreseen)) / unit;
  if (steps !== 0 && Number.isSafeInteger(steps) && reached(foreseen, steps, unit) === value) return steps;
  return Object.is(value, -0) ? '-0' : String(value);
}

/** The largest power of two that all whole differences are multiples of. */
function unitOf(order: readonly number[], values: Float64Array, foreseen: Float64Array): number {
  let unit = UNIT_MAX;
  for (const slot of order) {
    const difference = (values[slot] ?? 0) - (foreseen[slot] || 0);
    if (!Number.isInteger(difference)) continue;
    while (difference % unit !== 0) unit /= 2;
    if (unit === 1) break;
  }
  return unit;
}

/** The difference that most guests share; those of which nothing was foreseen have no say. */
function commonShift(order: readonly number[], values: Float64Array, foreseen: Float64Array): number {
  const counts = new Map<number, number>();
  let shift = 0;
  let most = 0;
  for (const slot of order) {
    const difference = (values[slot] ?? Number.NaN) - (foreseen[slot] ?? Number.NaN);
    if (!Number.isFinite(difference)) continue;
    const count = (counts.get(difference) ?? 0) + 1;
    counts.set(difference, count);
    if (count > most) [shift, most] = [difference, count];
  }
  return shift;
}
