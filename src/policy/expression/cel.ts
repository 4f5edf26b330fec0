/**
 * Expressions of the policy language: CEL by @marcbachmann/cel-js, checked when a policy is loaded, and run without ever throwing.
 * The only file that knows the CEL library.
 */
import {
  type ASTNode,
  Environment,
  EvaluationError,
  ParseError,
  type TypeCheckResult,
} from '@marcbachmann/cel-js';
import type { SourceRef } from '../../model/decision.ts';
import type { DiagnosticCode } from '../source/diagnostics.ts';
import { suggestion } from '../source/suggest.ts';
import { type ExpressionTypes, evaluatorOf, quickly, tracerOf } from './evaluate.ts';
import type { Expression } from './expression.ts';
import { fastOf } from './fast.ts';
import { NUMERIC_FUNCTIONS } from './functions.ts';
import { type ExpressionProblem, lintExpression } from './lint.ts';
import { CONSTANTS, type Fields, type Visible } from './names.ts';
import { fillerOf, type View } from './views.ts';

// Far above what a person can read in one expression. The library itself has no limit on the time an expression takes.
const LIMITS = {
  maxAstNodes: 200,
  maxDepth: 32,
  maxListElements: 64,
  maxMapEntries: 16,
  maxCallArguments: 8,
};

/** Longest expression, in characters. */
const LENGTH_MAX = 4000;

/**
 * Compiles one expression for the names that are visible to it.
 *
 * @param text - The expression as written.
 * @param type - What it must give: `bool` for a condition, `double` for a quantity.
 * @param source - Where it stands, for decisions and messages.
 * @returns The expression, or what is wrong with it, with character positions in `text`.
 */
export function compileExpression<T extends keyof ExpressionTypes>(
  text: string,
  type: T,
  visible: Visible,
  source: SourceRef,
):
  | { readonly expression: Expression<ExpressionTypes[T]> }
  | { readonly problems: readonly ExpressionProblem[] } {
  const whole = { start: 0, end: text.length };
  if (text.trim() === '') return failure('POLICY_EXPRESSION_SYNTAX', 'the expression is empty', whole);
  if (text.length > LENGTH_MAX) {
    return failure('POLICY_LIMIT', `the expression is longer than ${LENGTH_MAX} characters`, whole);
  }
  const { environment, views } = environmentOf(visible);
  try {
    const program = environment.parse(text);
    const { problems, names, strict } = lintExpression(program.ast, visible);
    if (problems.length > 0) return { problems };
    const checked = program.check();
    const wrong = typeProblem(checked, type, program.ast, visible);
    if (wrong !== undefined) return { problems: [wrong] };
    const inputs = names.map(path => ({
      problem: `${path.join('.')} is not known`,
      fill: fillerOf(path, views),
    }));
    const running = { views, inputs, parse: (part: string) => environment.parse(part), describeFailure };
    const trace = tracerOf(program.ast, running, visible);
    const whole = evaluatorOf<T>(type, program, running, strict);
    const evaluate = quickly(type, fastOf(program.ast, visible), whole);
    return { expression: { text, source, evaluate, trace } };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const range = error.range ?? whole;
    return error.code === 'limit_exceeded'
      ? failure(
          'POLICY_LIMIT',
          `the expression is too large: ${error.summary}`,
          range,
          'split it into variables',
        )
      : failure('POLICY_EXPRESSION_SYNTAX', lowered(error.summary), range);
  }
}

function failure(
  code: DiagnosticCode,
  message: string,
  { start, end }: { readonly start: number; readonly end: number },
  hint?: string,
): { readonly problems: readonly ExpressionProblem[] } {
  return { problems: [{ code, message, hint, start, end }] };
}

function lowered(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

function typeProblem(
  { valid, type, error }: TypeCheckResult,
  wanted: keyof ExpressionTypes,
  ast: ASTNode,
  visible: Visible,
): ExpressionProblem | undefined {
  if (valid && type === wanted) return undefined;
  if (error === undefined) {
    const message = `the expression gives ${TYPE_NAMES[type ?? ''] ?? `a ${type}`}, but ${TYPE_NAMES[wanted]} is needed here`;
    const hint =
      wanted === 'double' && type === 'int' ? 'give it a unit: 4 * GiB; or a decimal point: 4.0' : undefined;
    return { code: 'POLICY_EXPRESSION_TYPE', message, hint, start: 0, end: ast.input.length };
  }
  const { start, end } = error.range ?? ast.range;
  if (error.code === 'unknown_variable') {
    const name = ast.input.slice(start, end);
    const known = [...Object.keys(visible), ...Object.keys(CONSTANTS)];
    const hint =
      visible.guest === undefined && ['guest', 'guarantees', 'vars', 'now'].includes(name)
        ? 'pressure levels are about the host and see only host.*'
        : suggestion(name, known, 'the names');
    return { code: 'POLICY_EXPRESSION_NAME', message: `there is no name '${name}' here`, hint, start, end };
  }
  const hint = /double .* string|string .* double/.test(error.summary)
    ? 'sizes are numbers here: write 4 * GiB, without quotes'
    : error.code === 'incompatible_ternary_branches'
      ? 'give whole numbers a decimal point: 1.0'
      : undefined;
  return { code: 'POLICY_EXPRESSION_TYPE', message: lowered(error.summary), hint, start, end };
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  bool: 'true or false',
  double: 'a number with a fraction (double)',
  int: 'a whole number (int)',
  string: 'a text (string)',
};

interface Prepared {
  readonly environment: Environment;
  readonly views: View;
}

// Building an environment is dear (about a millisecond), and most expressions of a set see the same names.
const prepared = new Map<string, Prepared>();
const PREPARED_MAX = 64;

function environmentOf(visible: Visible): Prepared {
  const key = JSON.stringify(visible);
  const known = prepared.get(key);
  if (known !== undefined) return known;
  if (prepared.size >= PREPARED_MAX) prepared.clear();
  const environment = baseEnvironment.clone();
  const below = new Map<string, View>();
  const object: View['object'] = {};
  for (const [name, fields] of Object.entries(visible)) {
    const view = registerView(environment, `ballonet.${name}`, fields);
    environment.registerVariable(name, `ballonet.${name}`);
    below.set(name, view);
    object[name] = view.object;
  }
  const views: View = { object, below };
  const result = { environment, views };
  prepared.set(key, result);
  return result;
}

/** Registers a class with these fields and returns its one instance, to be refilled before each run. */
function registerView(environment: Environment, typeName: string, fields: Fields): View {
  // The library tells types by their class, so every type needs one of its own.
  const ViewOfType = class {
    [name: string]: unknown;
  };
  const types: Record<string, string> = {};
  const below = new Map<string, View>();
  const object = new ViewOfType();
  for (const [name, type] of Object.entries(fields)) {
    types[name] = typeof type === 'string' ? type : `${typeName}.${name}`;
    const view = typeof type === 'string' ? undefined : registerView(environment, types[name], type);
    if (view !== undefined) below.set(name, view);
    object[name] = view?.object;
  }
  environment.registerType(typeName, { ctor: ViewOfType, fields: types });
  return { object, below };
}

const baseEnvironment = createBaseEnvironment();

function createBaseEnvironment(): Environment {
  const environment = new Environment({ unlistedVariablesAreDyn: false, limits: LIMITS });
  for (const [name, value] of Object.entries(CONSTANTS)) environment.registerConstant(name, 'double', value);
  // Quantities are doubles, but people write whole numbers: 2 * guest.used. CEL has no such operators of its own,
  // except for order.
  const mixed: Readonly<Record<string, (a: number, b: number) => number>> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
  };
  for (const [operator, apply] of Object.entries(mixed)) {
    environment.registerOperator(`double ${operator} int: double`, (a: number, b: bigint) =>
      apply(a, Number(b)),
    );
    environment.registerOperator(`int ${operator} double: double`, (a: bigint, b: number) =>
      apply(Number(a), b),
    );
  }
  // Registers the other order and != as well.
  environment.registerOperator('double == int', (a: number, b: bigint) => a === Number(b));
  for (const [name, { arity, call }] of Object.entries(NUMERIC_FUNCTIONS)) {
    const handler = (...values: readonly (number | bigint)[]): number => call(...values.map(Number));
    for (const count of arity) {
      for (const types of combinations(['double', 'int'], count)) {
        environment.registerFunction(`${name}(${types.join(', ')}): double`, handler, { async: false });
      }
    }
  }
  return environment;
}

function combinations(types: readonly string[], count: number): string[][] {
  if (count === 0) return [[]];
  return combinations(types, count - 1).flatMap(rest => types.map(type => [...rest, type]));
}

function describeFailure(error: unknown): string {
  if (!(error instanceof EvaluationError)) return error instanceof Error ? error.message : String(error);
  if (error.code !== 'no_such_key' || error.node === undefined) return lowered(error.summary);
  return `${error.node.input.slice(error.node.range.start, error.node.range.end)} is not known`;
}
