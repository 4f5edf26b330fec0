/**
 * Arithmetic and comparisons as functions of a scope. A number that is missing is NaN, a condition that cannot be told undefined: what
 * is worked out of a missing number is then missing by itself. Each operation is written out for each operator, and once more for
 * a constant on its right, as most are: one function that is handed its operation would meet all of them, and V8 puts none of them
 * in place.
 */
import type { Scope } from './expression.ts';
import { NUMERIC_FUNCTIONS } from './functions.ts';

export type Run<T> = (scope: Scope) => T;
export type Truth = boolean | undefined;

/** `constant` is its value where that is always the same: what is the same is worked out once. */
export interface Amount {
  readonly type: 'double';
  readonly run: Run<number>;
  readonly constant?: number;
}

export function constantly(value: number): Amount {
  return { type: 'double', run: () => value, constant: value };
}

/** An operation on two numbers: by itself, of two that are told by the scope, and of one and a constant. */
interface Operation<T> {
  readonly apply: (a: number, b: number) => T;
  readonly both: (a: Run<number>, b: Run<number>) => Run<T>;
  readonly withConstant: (a: Run<number>, b: number) => Run<T>;
}

const ARITHMETIC: ReadonlyMap<string, Operation<number>> = new Map([
  [
    '+',
    {
      apply: (a: number, b: number) => a + b,
      both: (a: Run<number>, b: Run<number>) => (scope: Scope) => a(scope) + b(scope),
      withConstant: (a: Run<number>, b: number) => (scope: Scope) => a(scope) + b,
    },
  ],
  [
    '-',
    {
      apply: (a: number, b: number) => a - b,
      both: (a: Run<number>, b: Run<number>) => (scope: Scope) => a(scope) - b(scope),
      withConstant: (a: Run<number>, b: number) => (scope: Scope) => a(scope) - b,
    },
  ],
  [
    '*',
    {
      apply: (a: number, b: number) => a * b,
      both: (a: Run<number>, b: Run<number>) => (scope: Scope) => a(scope) * b(scope),
      withConstant: (a: Run<number>, b: number) => (scope: Scope) => a(scope) * b,
    },
  ],
  [
    '/',
    {
      apply: (a: number, b: number) => a / b,
      both: (a: Run<number>, b: Run<number>) => (scope: Scope) => a(scope) / b(scope),
      withConstant: (a: Run<number>, b: number) => (scope: Scope) => a(scope) / b,
    },
  ],
]);

/** Of two numbers; `min` and `max` give NaN where one is missing, as the others do. */
const FUNCTIONS: ReadonlyMap<string, Operation<number>> = new Map([
  [
    'min',
    {
      apply: Math.min,
      both: (a: Run<number>, b: Run<number>) => (scope: Scope) => Math.min(a(scope), b(scope)),
      withConstant: (a: Run<number>, b: number) => (scope: Scope) => Math.min(a(scope), b),
    },
  ],
  [
    'max',
    {
      apply: Math.max,
      both: (a: Run<number>, b: Run<number>) => (scope: Scope) => Math.max(a(scope), b(scope)),
      withConstant: (a: Run<number>, b: number) => (scope: Scope) => Math.max(a(scope), b),
    },
  ],
]);

const LESS: Operation<Truth> = {
  apply: (a, b) => (a < b ? true : a >= b ? false : undefined),
  both: (left, right) => scope => {
    const a = left(scope);
    const b = right(scope);
    return a < b ? true : a >= b ? false : undefined;
  },
  withConstant: (left, b) => scope => {
    const a = left(scope);
    return a < b ? true : a >= b ? false : undefined;
  },
};

const MORE: Operation<Truth> = {
  apply: (a, b) => (a > b ? true : a <= b ? false : undefined),
  both: (left, right) => scope => {
    const a = left(scope);
    const b = right(scope);
    return a > b ? true : a <= b ? false : undefined;
  },
  withConstant: (left, b) => scope => {
    const a = left(scope);
    return a > b ? true : a <= b ? false : undefined;
  },
};

const EQUAL: Operation<Truth> = {
  apply: areSame,
  both: (left, right) => scope => areSame(left(scope), right(scope)),
  withConstant: (left, b) => scope => areSame(left(scope), b),
};

function areSame(a: number, b: number): Truth {
  return a === b ? true : Number.isNaN(a) || Number.isNaN(b) ? undefined : false;
}

export function not(run: Run<Truth>): Run<Truth> {
  return scope => {
    const value = run(scope);
    return value === undefined ? undefined : !value;
  };
}

/** A comparison of two numbers; undefined where `op` is none. */
export function compared(op: string, a: Amount, b: Amount): Run<Truth> | undefined {
  switch (op) {
    case '<':
      return compare(LESS, MORE, a, b);
    case '>':
      return compare(MORE, LESS, a, b);
    case '==':
      return compare(EQUAL, EQUAL, a, b);
    case '<=':
      return not(compare(MORE, LESS, a, b));
    case '>=':
      return not(compare(LESS, MORE, a, b));
    case '!=':
      return not(compare(EQUAL, EQUAL, a, b));
    default:
      return undefined;
  }
}

/** @param mirrored the same with its operands changed round */
function compare(operation: Operation<Truth>, mirrored: Operation<Truth>, a: Amount, b: Amount): Run<Truth> {
  if (b.constant !== undefined) return operation.withConstant(a.run, b.constant);
  return a.constant === undefined ? operation.both(a.run, b.run) : mirrored.withConstant(b.run, a.constant);
}

/** What an operator makes of two numbers; undefined where `op` is none of arithmetic. */
export function combined(op: string, a: Amount, b: Amount): Amount | undefined {
  const operation = ARITHMETIC.get(op);
  return operation && operated(operation, a, b);
}

function operated({ apply, both, withConstant }: Operation<number>, a: Amount, b: Amount): Amount {
  if (b.constant === undefined) return { type: 'double', run: both(a.run, b.run) };
  if (a.constant !== undefined) return constantly(apply(a.constant, b.constant));
  return { type: 'double', run: withConstant(a.run, b.constant) };
}

/** What a function of the language makes of numbers; undefined where there is none of this name. */
export function applied(name: string, amounts: readonly Amount[]): Amount | undefined {
  const call = Object.hasOwn(NUMERIC_FUNCTIONS, name) ? NUMERIC_FUNCTIONS[name]?.call : undefined;
  const [a, b] = amounts;
  if (call === undefined || a === undefined) return undefined;
  const operation = FUNCTIONS.get(name);
  if (operation !== undefined && b !== undefined && amounts.length === 2) return operated(operation, a, b);
  const runs = amounts.map(({ run }) => run);
  return { type: 'double', run: scope => call(...runs.map(run => run(scope))) };
}
