/** Functions of the policy language, beside CEL's operators. What is not in these tables is refused at load. */

/** A function over numbers; whole numbers and doubles mix, the result is a double. */
interface NumericFunction {
  /** How many arguments it takes. */
  readonly arity: readonly number[];
  readonly call: (...values: readonly number[]) => number;
  readonly help: string;
}

export const NUMERIC_FUNCTIONS: Readonly<Record<string, NumericFunction>> = {
  min: { arity: [2, 3, 4], call: Math.min, help: 'The least of two to four numbers.' },
  max: { arity: [2, 3, 4], call: Math.max, help: 'The greatest of two to four numbers.' },
  clamp: {
    arity: [3],
    call: (value = Number.NaN, low = Number.NaN, high = Number.NaN) => Math.min(Math.max(value, low), high),
    help: 'clamp(x, low, high): x, but not under low and not over high. high wins when low is above it.',
  },
  abs: { arity: [1], call: (value = Number.NaN) => Math.abs(value), help: 'The number without its sign.' },
  ceil: {
    arity: [1],
    call: (value = Number.NaN) => Math.ceil(value),
    help: 'The next whole number upwards.',
  },
  floor: {
    arity: [1],
    call: (value = Number.NaN) => Math.floor(value),
    help: 'The next whole number downwards.',
  },
};

/** CEL's own functions that are let through. None of them can take long or look at anything but its arguments. */
export const CEL_FUNCTIONS: ReadonlySet<string> = new Set(['has', 'double', 'size']);
export const CEL_METHODS: ReadonlySet<string> = new Set(['startsWith', 'endsWith', 'contains', 'size']);

/** Macros with an iteration variable. One inside another multiplies the work, so they do not nest. */
export const CEL_MACROS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
