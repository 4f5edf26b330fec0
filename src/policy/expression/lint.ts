import type { DiagnosticCode } from '../source/diagnostics.ts';
import { suggestion } from '../source/suggest.ts';
import { CEL_FUNCTIONS, CEL_MACROS, CEL_METHODS, NUMERIC_FUNCTIONS } from './functions.ts';
import { CONSTANTS, type Fields, TAGS, type Visible } from './names.ts';
import { children, fieldAt, type NamePath, nameOf, namePath, type SyntaxNode } from './syntax.ts';

/** What is wrong with an expression; `start` and `end` count its characters from 0. */
export interface ExpressionProblem {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly start: number;
  readonly end: number;
}

export interface Linted {
  readonly problems: readonly ExpressionProblem[];
  readonly names: readonly NamePath[];
  /** True when no part can be skipped: without any one of its names the expression has no value. */
  readonly strict: boolean;
}

/**
 * The rules beyond types: only functions that cannot take long, no macro inside a macro, and names only as dotted paths
 * down to a value (so that what an expression reads is known before it runs).
 */
export function lintExpression(root: SyntaxNode, visible: Visible): Linted {
  const problems: ExpressionProblem[] = [];
  const names = new Map<string, NamePath>();
  const taken = new Set([...Object.keys(visible), ...Object.keys(CONSTANTS)]);

  function report(node: SyntaxNode, code: DiagnosticCode, message: string, hint?: string): void {
    problems.push({ code, message, hint, start: node.range.start, end: node.range.end });
  }

  let strict = true;

  function visit(node: SyntaxNode, inMacro: boolean): void {
    if (node.op === '||' || node.op === '&&' || node.op === '?:') strict = false;
    const path = namePath(node);
    if (path !== undefined && Object.hasOwn(visible, path[0] ?? '')) {
      const read = readPath(path, visible);
      names.set(read.join('.'), read);
      const problem = misnamed(path, visible);
      if (problem !== undefined) report(node, 'POLICY_EXPRESSION_NAME', problem.message, problem.hint);
      return;
    }
    if (node.op === '[]' && isRoot(node) && !isTags(node)) {
      report(
        node,
        'POLICY_EXPRESSION_NAME',
        'names are written with a dot',
        "write guest.used, not guest['used']",
      );
      return;
    }
    if (typeof node.args === 'bigint' && node.args > Number.MAX_SAFE_INTEGER) {
      report(node, 'POLICY_RANGE', 'the number is too large to be exact; the most is 2^53 - 1');
    }
    if (node.op === '/' && children(node).every(isWholeNumber)) {
      const message = 'a division of whole numbers drops the remainder: 1 / 2 is 0';
      report(node, 'POLICY_EXPRESSION_TYPE', message, 'give one of them a decimal point: 1.0 / 2');
    }
    if (node.op === 'call') checkCall(node);
    const macro = node.op === 'rcall' && checkMethod(node, inMacro);
    for (const child of children(node)) visit(child, inMacro || macro);
  }

  function isRoot(node: SyntaxNode): boolean {
    const [left] = children(node);
    return left !== undefined && Object.hasOwn(visible, namePath(left)?.[0] ?? '');
  }

  function isTags(node: SyntaxNode): boolean {
    const [left] = children(node);
    const path = left === undefined ? undefined : namePath(left);
    return path !== undefined && fieldAt(path, visible) === TAGS;
  }

  function checkCall(node: SyntaxNode): void {
    const name = nameOf(node);
    if (name === 'has') strict = false;
    if (CEL_FUNCTIONS.has(name) || Object.hasOwn(NUMERIC_FUNCTIONS, name)) return;
    const known = [...Object.keys(NUMERIC_FUNCTIONS), ...CEL_FUNCTIONS];
    report(
      node,
      'POLICY_EXPRESSION_NAME',
      `there is no function '${name}'`,
      suggestion(name, known, 'the functions'),
    );
  }

  /** True for a macro. */
  function checkMethod(node: SyntaxNode, inMacro: boolean): boolean {
    const name = nameOf(node);
    if (CEL_METHODS.has(name)) return false;
    if (!CEL_MACROS.has(name)) {
      const hint =
        name === 'matches'
          ? 'a regular expression can run for seconds; use startsWith, endsWith or contains, or the globs of match'
          : suggestion(name, [...CEL_METHODS, ...CEL_MACROS], 'the methods');
      report(node, 'POLICY_EXPRESSION_NAME', `there is no method '${name}'`, hint);
      return false;
    }
    strict = false;
    if (inMacro)
      report(node, 'POLICY_LIMIT', `'${name}' inside another macro is not allowed: the work would multiply`);
    const [, variable] = children(node);
    if (variable?.op === 'id' && taken.has(String(variable.args))) {
      report(variable, 'POLICY_EXPRESSION_NAME', `'${String(variable.args)}' already means something else`);
    }
    return true;
  }

  visit(root, false);
  return { problems, names: [...names.values()], strict };
}

/** What is wrong with a path of names, if it does not lead to a value. */
function misnamed(
  path: NamePath,
  visible: Fields,
): { readonly message: string; readonly hint: string } | undefined {
  let at: Fields[string] | undefined = visible;
  for (const [depth, name] of path.entries()) {
    if (at === TAGS) return undefined;
    const above = path.slice(0, depth).join('.');
    if (typeof at !== 'object')
      return { message: `'${above}' is a value and has no fields`, hint: `leave out .${name}` };
    const fields: readonly string[] = Object.keys(at);
    if (!Object.hasOwn(at, name)) {
      const known =
        fields.length === 0
          ? 'no variable is defined above this place'
          : suggestion(name, fields, `fields of ${above}`);
      return { message: `'${above}' has no field '${name}'`, hint: known };
    }
    at = at[name];
  }
  if (typeof at !== 'object') return undefined;
  const whole = path.join('.');
  return {
    message: `'${whole}' is not a value by itself`,
    hint: `its fields: ${Object.keys(at).join(', ')}`,
  };
}

/** What has to be there for a path to be read: all of it, or the map that its last part is looked for in. */
function readPath(path: NamePath, visible: Fields): NamePath {
  const depth = path.findIndex((_, index) => fieldAt(path.slice(0, index + 1), visible) === TAGS);
  return depth < 0 ? path : path.slice(0, depth + 1);
}

/** True when CEL gives the node the type int, by its form alone. */
function isWholeNumber(node: SyntaxNode): boolean {
  switch (node.op) {
    case 'value':
      return typeof node.args === 'bigint';
    case '-_':
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return children(node).every(isWholeNumber);
    case '?:':
      return children(node).slice(1).every(isWholeNumber);
    case 'call':
    case 'rcall':
      return nameOf(node) === 'size';
    default:
      return false;
  }
}
