/**
 * The common part of the language as plain functions: numbers, comparisons, conditions, names. The CEL library walks a tree of
 * general nodes and makes some ten objects each time; a host evaluates several expressions a guest and tick.
 *
 * What comes out is what the library would give, or nothing at all: a function gives undefined wherever a value is missing, and
 * the library then has the word. So errors, and how `&&` and `||` deal with them, are its alone.
 */
import type { Scope } from './expression.ts';
import { NUMERIC_FUNCTIONS } from './functions.ts';
import { CONSTANTS, type Visible } from './names.ts';
import { readerOf } from './readers.ts';
import { children, fieldAt, type NamePath, nameOf, namePath, type SyntaxNode } from './syntax.ts';

type Run<T> = (scope: Scope) => T | undefined;

/** A part of an expression by the type that CEL gives it. Whole numbers are only taken as they stand, beside doubles. */
type Piece =
  | Amount
  | { readonly type: 'bool'; readonly run: Run<boolean> }
  | { readonly type: 'string'; readonly run: Run<string> }
  | { readonly type: 'int'; readonly value: number };

/** `constant` is its value where that is always the same: what is the same is worked out once. */
interface Amount {
  readonly type: 'double';
  readonly run: Run<number>;
  readonly constant?: number;
}

function constantly(value: number): Amount {
  return { type: 'double', run: () => value, constant: value };
}

/** A type-checked expression as a function; undefined when something in it is not of the common part. */
export function fastOf(root: SyntaxNode, visible: Visible): Run<number | boolean | string> | undefined {
  const piece = pieceOf(root, visible);
  return piece === undefined || piece.type === 'int' ? undefined : piece.run;
}

function pieceOf(node: SyntaxNode, visible: Visible): Piece | undefined {
  const path = namePath(node);
  if (path !== undefined) return named(path, visible);
  if (node.op === 'value') return literal(node.args);
  if (node.op === 'call') return called(node, visible);
  const operands = children(node).map(child => pieceOf(child, visible));
  const [a, b, c] = operands;
  if (a === undefined || operands.includes(undefined)) return undefined;
  if (b === undefined) return unary(node.op, a);
  return c === undefined ? binary(node.op, a, b) : choice(a, b, c);
}

function literal(value: unknown): Piece | undefined {
  if (typeof value === 'number') return constantly(value);
  if (typeof value === 'bigint') return { type: 'int', value: Number(value) };
  if (typeof value === 'boolean') return { type: 'bool', run: () => value };
  return typeof value === 'string' ? { type: 'string', run: () => value } : undefined;
}

const CONSTANT_VALUES: ReadonlyMap<string, number> = new Map(Object.entries(CONSTANTS));

function named(path: NamePath, visible: Visible): Piece | undefined {
  const constant = path.length === 1 ? CONSTANT_VALUES.get(path[0] ?? '') : undefined;
  if (constant !== undefined) return constantly(constant);
  const type = fieldAt(path, visible);
  const read = readerOf(path);
  if (type === 'double') return { type, run: scope => finite(read(scope)) };
  if (type === 'bool') return { type, run: scope => truth(read(scope)) };
  return type === 'string' ? { type, run: scope => text(read(scope)) } : undefined;
}

function finite(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function truth(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function unary(op: string, a: Piece): Piece | undefined {
  if (op === '!_' && a.type === 'bool') {
    const { run } = a;
    return {
      type: 'bool',
      run: scope => {
        const value = run(scope);
        return value === undefined ? undefined : !value;
      },
    };
  }
  if (op !== '-_') return undefined;
  if (a.type === 'int') return { type: 'int', value: -a.value };
  if (a.type !== 'double') return undefined;
  const { run } = a;
  return {
    type: 'double',
    run: scope => {
      const value = run(scope);
      return value === undefined ? undefined : -value;
    },
  };
}

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

function binary(op: string, a: Piece, b: Piece): Piece | undefined {
  if (a.type === 'bool' && b.type === 'bool') return logical(op, a.run, b.run);
  if (a.type === 'string' && b.type === 'string') return sameText(op, a.run, b.run);
  // Operations on whole numbers alone have rules of their own, such as overflow.
  const [left, right] = a.type === 'int' && b.type === 'int' ? [] : [asDouble(a), asDouble(b)];
  if (left === undefined || right === undefined) return undefined;
  const apply = Object.hasOwn(ARITHMETIC, op) ? ARITHMETIC[op] : undefined;
  if (apply !== undefined) return combined(left, right, apply);
  const compare = Object.hasOwn(COMPARISONS, op) ? COMPARISONS[op] : undefined;
  return compare && { type: 'bool', run: ofAmounts(left, right, compare) };
}

function both<A, T>(left: Run<A>, right: Run<A>, apply: (a: A, b: A) => T): Run<T> {
  return scope => {
    const a = left(scope);
    if (a === undefined) return undefined;
    const b = right(scope);
    return b === undefined ? undefined : apply(a, b);
  };
}

/** The same with amounts, of which one is often a constant of the policy: that is no function to be asked. */
function ofAmounts<T>(left: Amount, right: Amount, apply: (a: number, b: number) => T): Run<T> {
  const { run, constant: first } = left;
  const { run: other, constant: second } = right;
  if (second !== undefined) {
    return scope => {
      const a = run(scope);
      return a === undefined ? undefined : apply(a, second);
    };
  }
  if (first === undefined) return both(run, other, apply);
  return scope => {
    const b = other(scope);
    return b === undefined ? undefined : apply(first, b);
  };
}

function combined(left: Amount, right: Amount, apply: (a: number, b: number) => number): Amount {
  const { constant: a } = left;
  const { constant: b } = right;
  if (a !== undefined && b !== undefined) return constantly(apply(a, b));
  return { type: 'double', run: ofAmounts(left, right, apply) };
}

function asDouble(piece: Piece): Amount | undefined {
  if (piece.type === 'double') return piece;
  return piece.type === 'int' ? constantly(piece.value) : undefined;
}

function logical(op: string, left: Run<boolean>, right: Run<boolean>): Piece | undefined {
  if (op !== '&&' && op !== '||') return undefined;
  const deciding = op === '||';
  return {
    type: 'bool',
    run: scope => {
      const value = left(scope);
      return value === undefined || value === deciding ? value : right(scope);
    },
  };
}

function sameText(op: string, left: Run<string>, right: Run<string>): Piece | undefined {
  if (op === '==') return { type: 'bool', run: both(left, right, (a, b) => a === b) };
  return op === '!=' ? { type: 'bool', run: both(left, right, (a, b) => a !== b) } : undefined;
}

function choice(condition: Piece, a: Piece, b: Piece): Piece | undefined {
  if (condition.type !== 'bool') return undefined;
  if (a.type === 'double' && b.type === 'double')
    return { type: 'double', run: chosen(condition.run, a.run, b.run) };
  if (a.type === 'bool' && b.type === 'bool')
    return { type: 'bool', run: chosen(condition.run, a.run, b.run) };
  return undefined;
}

function chosen<T>(condition: Run<boolean>, a: Run<T>, b: Run<T>): Run<T> {
  return scope => {
    const value = condition(scope);
    return value === undefined ? undefined : value ? a(scope) : b(scope);
  };
}

function called(node: SyntaxNode, visible: Visible): Piece | undefined {
  const name = nameOf(node);
  const operands = children(node);
  if (name === 'has') return presence(operands, visible);
  if (!Object.hasOwn(NUMERIC_FUNCTIONS, name)) return undefined;
  const call = NUMERIC_FUNCTIONS[name]?.call;
  const amounts = operands.flatMap(operand => {
    const piece = pieceOf(operand, visible);
    return (piece && asDouble(piece)) ?? [];
  });
  const [a, b, ...more] = amounts;
  if (call === undefined || a === undefined || amounts.length < operands.length) return undefined;
  if (b !== undefined && more.length === 0) return combined(a, b, call);
  const runs = amounts.map(({ run }) => run);
  return {
    type: 'double',
    run: scope => {
      const values: number[] = [];
      for (const run of runs) {
        const value = run(scope);
        if (value === undefined) return undefined;
        values.push(value);
      }
      return call(...values);
    },
  };
}

/** `has(guest.cache)`: a number counts as there when it is finite. */
function presence([operand]: readonly SyntaxNode[], visible: Visible): Piece | undefined {
  const path = operand && namePath(operand);
  const piece = path && named(path, visible);
  if (piece === undefined || piece.type === 'int') return undefined;
  const { run } = piece;
  return { type: 'bool', run: scope => run(scope) !== undefined };
}
