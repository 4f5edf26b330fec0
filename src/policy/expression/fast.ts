/**
 * The common part of the language as plain functions: numbers, comparisons, conditions, names. The CEL library walks a tree of
 * general nodes and makes some ten objects each time; a host evaluates several expressions a guest and tick.
 *
 * What comes out is what the library would give, or nothing at all: a function gives nothing wherever a value is missing, and
 * the library then has the word. So errors, and how `&&` and `||` deal with them, are its alone.
 */
import {
  type Amount,
  applied,
  combined,
  compared,
  constantly,
  not,
  type Run,
  type Truth,
} from './amounts.ts';
import { CONSTANTS, type Visible } from './names.ts';
import { numberReaderOf, readerOf } from './readers.ts';
import { children, fieldAt, type NamePath, nameOf, namePath, type SyntaxNode } from './syntax.ts';

/** A part of an expression by the type that CEL gives it. Whole numbers are only taken as they stand, beside doubles. */
type Piece =
  | Amount
  | { readonly type: 'bool'; readonly run: Run<Truth> }
  | { readonly type: 'string'; readonly run: Run<string | undefined> }
  | { readonly type: 'int'; readonly value: number };

/**
 * A type-checked expression as a function; undefined when something in it is not of the common part.
 *
 * @returns undefined, or no finite number, where the library has the word
 */
export function fastOf(
  root: SyntaxNode,
  visible: Visible,
): Run<number | boolean | string | undefined> | undefined {
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
  if (type === 'double') return { type, run: numberReaderOf(path) };
  const read = readerOf(path);
  if (type === 'bool') return { type, run: scope => truth(read(scope)) };
  return type === 'string' ? { type, run: scope => text(read(scope)) } : undefined;
}

function truth(value: unknown): Truth {
  return typeof value === 'boolean' ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function unary(op: string, a: Piece): Piece | undefined {
  if (op === '!_' && a.type === 'bool') return { type: 'bool', run: not(a.run) };
  if (op !== '-_') return undefined;
  if (a.type === 'int') return { type: 'int', value: -a.value };
  if (a.type !== 'double') return undefined;
  const { run } = a;
  return { type: 'double', run: scope => -run(scope) };
}

function binary(op: string, a: Piece, b: Piece): Piece | undefined {
  if (a.type === 'bool' && b.type === 'bool') return logical(op, a.run, b.run);
  if (a.type === 'string' && b.type === 'string') return sameText(op, a.run, b.run);
  // Operations on whole numbers alone have rules of their own, such as overflow.
  const [left, right] = a.type === 'int' && b.type === 'int' ? [] : [asDouble(a), asDouble(b)];
  if (left === undefined || right === undefined) return undefined;
  const run = compared(op, left, right);
  return run === undefined ? combined(op, left, right) : { type: 'bool', run };
}

function asDouble(piece: Piece): Amount | undefined {
  if (piece.type === 'double') return piece;
  return piece.type === 'int' ? constantly(piece.value) : undefined;
}

function logical(op: string, left: Run<Truth>, right: Run<Truth>): Piece | undefined {
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

function sameText(
  op: string,
  left: Run<string | undefined>,
  right: Run<string | undefined>,
): Piece | undefined {
  const same: Run<Truth> = scope => {
    const a = left(scope);
    const b = right(scope);
    return a === undefined || b === undefined ? undefined : a === b;
  };
  if (op === '==') return { type: 'bool', run: same };
  return op === '!=' ? { type: 'bool', run: not(same) } : undefined;
}

function choice(condition: Piece, a: Piece, b: Piece): Piece | undefined {
  if (condition.type !== 'bool') return undefined;
  const { run } = condition;
  if (a.type === 'double' && b.type === 'double')
    return { type: 'double', run: chosen(run, a.run, b.run, Number.NaN) };
  if (a.type === 'bool' && b.type === 'bool')
    return { type: 'bool', run: chosen(run, a.run, b.run, undefined) };
  return undefined;
}

function chosen<T>(condition: Run<Truth>, a: Run<T>, b: Run<T>, nothing: T): Run<T> {
  return scope => {
    const value = condition(scope);
    return value === undefined ? nothing : value ? a(scope) : b(scope);
  };
}

function called(node: SyntaxNode, visible: Visible): Piece | undefined {
  const name = nameOf(node);
  const operands = children(node);
  if (name === 'has') return presence(operands, visible);
  const amounts = operands.flatMap(operand => {
    const piece = pieceOf(operand, visible);
    return (piece && asDouble(piece)) ?? [];
  });
  return amounts.length < operands.length ? undefined : applied(name, amounts);
}

/** `has(guest.cache)`: a number counts as there when it is finite. */
function presence([operand]: readonly SyntaxNode[], visible: Visible): Piece | undefined {
  const path = operand && namePath(operand);
  const piece = path && named(path, visible);
  if (piece === undefined || piece.type === 'int') return undefined;
  if (piece.type === 'double') {
    const { run } = piece;
    return { type: 'bool', run: scope => !Number.isNaN(run(scope)) };
  }
  const { run } = piece;
  return { type: 'bool', run: scope => run(scope) !== undefined };
}
