/** What each part of an expression came to, by evaluating the parts one by one. */
import type { NameUnit, Trace } from '../../model/explanation.ts';
import type { ExpressionFailure } from './expression.ts';
import { CEL_MACROS } from './functions.ts';
import { children, nameOf, namePath, type SyntaxNode } from './syntax.ts';

export interface Tracing {
  /** The whole expression. */
  readonly input: string;
  /** Value of a part, given as text of its own; undefined for one that is a list or map. */
  evaluate(text: string): number | string | boolean | undefined | ExpressionFailure;
  /** True for the names of the caller's scope, false for constants. */
  isName(root: string): boolean;
  unitOf(path: readonly string[]): NameUnit | undefined;
}

/** The truth tree of a syntax tree. */
export function traceOf(node: SyntaxNode, tracing: Tracing): Trace {
  const text = wholeText(tracing.input, node.range.start, node.range.end);
  const value = tracing.evaluate(text);
  const path = namePath(node);
  const unit = path === undefined ? undefined : tracing.unitOf(path);
  return {
    text,
    ...(typeof value === 'object' ? { problem: value.problem } : value === undefined ? {} : { value }),
    ...(unit === undefined ? {} : { unit }),
    parts: partsOf(node, tracing),
  };
}

function partsOf(node: SyntaxNode, tracing: Tracing): Trace[] {
  if (isLeaf(node)) return [];
  const skip = skippedParts(node);
  const operands: Trace[] = [];
  const parts: Trace[] = [];
  for (const [index, child] of children(node).entries()) {
    const trace = skip(index, operands) ? skipped(child, tracing) : traceOf(child, tracing);
    operands.push(trace);
    if (readsNames(child, tracing)) parts.push(trace);
  }
  return parts;
}

/** A part of which nothing can be shown by itself: `has()` asks for no value, and macros have variables of their own. */
function isLeaf(node: SyntaxNode): boolean {
  if (namePath(node) !== undefined) return true;
  return (
    (node.op === 'call' && nameOf(node) === 'has') || (node.op === 'rcall' && CEL_MACROS.has(nameOf(node)))
  );
}

/** Which operands CEL does not come to, given what those before them came to: `&&`, `||` and `?:` stop when they know. */
function skippedParts({ op }: SyntaxNode): (index: number, before: readonly Trace[]) => boolean {
  switch (op) {
    case '&&':
      return (index, [left]) => index === 1 && left?.value === false;
    case '||':
      return (index, [left]) => index === 1 && left?.value === true;
    case '?:':
      return (index, [condition]) =>
        index > 0 && condition !== undefined && condition.value !== (index === 1);
    default:
      return () => false;
  }
}

function skipped(node: SyntaxNode, { input }: Tracing): Trace {
  return { text: wholeText(input, node.range.start, node.range.end), skipped: true, parts: [] };
}

function readsNames(node: SyntaxNode, tracing: Tracing): boolean {
  const path = namePath(node);
  if (path !== undefined) return tracing.isName(path[0] ?? '');
  return children(node).some(child => readsNames(child, tracing));
}

const QUOTED = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g;

/** The text of a node with its parentheses: the library's ranges leave those at the ends out. */
function wholeText(input: string, from: number, to: number): string {
  let [start, end] = [from, to];
  let open = 0;
  let unopened = 0;
  for (const character of input.slice(from, to).replace(QUOTED, '')) {
    if (character === '(') open++;
    else if (character === ')' && open > 0) open--;
    else if (character === ')') unopened++;
  }
  for (; unopened > 0; unopened--) start = input.lastIndexOf('(', start - 1);
  for (; open > 0; open--) end = input.indexOf(')', end) + 1;
  return input.slice(start, end);
}
