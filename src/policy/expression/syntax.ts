/** Reading the syntax tree of an expression, without knowing the library that made it. */

import type { Fields } from './names.ts';

/** A node of the syntax tree, as far as the rules here look at it. */
export interface SyntaxNode {
  readonly op: string;
  readonly args: unknown;
  readonly range: { readonly start: number; readonly end: number };
}

/** A name that the expression reads, such as `['guest', 'used']`. */
export type NamePath = readonly string[];

/** Name of the function or method that a node calls. */
export function nameOf(node: SyntaxNode): string {
  return Array.isArray(node.args) ? String(node.args[0]) : '';
}

/** The path of an identifier or a chain of dots on one; undefined for every other node. */
export function namePath(node: SyntaxNode): NamePath | undefined {
  if (node.op === 'id') return [String(node.args)];
  if (node.op !== '.' || !Array.isArray(node.args)) return undefined;
  const [left, field] = node.args;
  const base = isNode(left) ? namePath(left) : undefined;
  return base === undefined ? undefined : [...base, String(field)];
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value && 'range' in value;
}

/** What a path of names leads to: a type, the fields below it, or nothing. */
export function fieldAt(path: NamePath, visible: Fields): Fields[string] | undefined {
  let at: Fields[string] | undefined = visible;
  for (const name of path) at = typeof at === 'object' && Object.hasOwn(at, name) ? at[name] : undefined;
  return at;
}

/** Operands of a node, those inside lists and argument lists too. */
export function children(node: SyntaxNode): SyntaxNode[] {
  return isNode(node.args) ? [node.args] : flatNodes(node.args);
}

// Operands stand beside names (`.`, call) and inside nested lists (call arguments, map entries).
function flatNodes(args: unknown): SyntaxNode[] {
  if (isNode(args)) return [args];
  return Array.isArray(args) ? args.flatMap(flatNodes) : [];
}
