/** Running a compiled expression, without ever throwing, and telling what its parts come to. */
import type { Expression, ExpressionFailure, Scope } from './expression.ts';
import type { fastOf } from './fast.ts';
import { unitOf, type Visible } from './names.ts';
import type { SyntaxNode } from './syntax.ts';
import { type Tracing, traceOf } from './trace.ts';
import type { View } from './views.ts';

/** The type that an expression must give. */
export type ExpressionTypes = { readonly bool: boolean; readonly double: number };

/** A name that an expression reads. */
interface Input {
  /** What the matter is when there is no value. */
  readonly problem: string;
  readonly fill: (scope: Scope) => boolean;
}

/** A parsed expression, to be run over the refilled view. */
type Program = (context: View['object']) => unknown;

/** What it takes to run an expression, without knowing the library that parsed it. */
interface Running {
  readonly views: View;
  readonly inputs: readonly Input[];
  /** A part of the expression on its own. */
  readonly parse: (text: string) => Program;
  /** What to say of what a program has thrown. */
  readonly describeFailure: (error: unknown) => string;
}

/** An evaluation that says of each name without a value that it has none. */
export function evaluatorOf<T extends keyof ExpressionTypes>(
  type: T,
  program: Program,
  { views, inputs, describeFailure }: Running,
  strict: boolean,
): Expression<ExpressionTypes[T]>['evaluate'] {
  return scope => {
    for (const { fill, problem } of inputs) {
      // Guests without figures are common; an error with its stack costs ten times the evaluation.
      if (!fill(scope) && strict) return { problem };
    }
    try {
      const value = program(views.object);
      return isOfType(value, type) ? value : noResult(value);
    } catch (error) {
      return { problem: describeFailure(error) };
    }
  };
}

/** Asks the fast form first; what that does not know, or is no result, the library tells. */
export function quickly<T extends keyof ExpressionTypes>(
  type: T,
  fast: ReturnType<typeof fastOf>,
  whole: Expression<ExpressionTypes[T]>['evaluate'],
): Expression<ExpressionTypes[T]>['evaluate'] {
  if (fast === undefined) return whole;
  return scope => {
    const value = fast(scope);
    return isOfType(value, type) ? value : whole(scope);
  };
}

/** A trace of each part of an expression: the parts are run one by one. */
export function tracerOf(
  ast: SyntaxNode & { readonly input: string },
  { views, inputs, parse, describeFailure }: Running,
  visible: Visible,
): Expression<unknown>['trace'] {
  const programs = new Map<string, Program>();
  const evaluate = (text: string): ReturnType<Tracing['evaluate']> => {
    const program = programs.get(text) ?? parse(text);
    programs.set(text, program);
    try {
      const value = program(views.object);
      if (typeof value === 'number' && !Number.isFinite(value)) return noResult(value);
      if (typeof value === 'bigint') return Number(value);
      const isScalar = typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
      return isScalar ? value : undefined;
    } catch (error) {
      return { problem: describeFailure(error) };
    }
  };
  const isName = (root: string): boolean => Object.hasOwn(visible, root);
  return scope => {
    for (const { fill } of inputs) fill(scope);
    return traceOf(ast, { input: ast.input, evaluate, isName, unitOf });
  };
}

function isOfType<T extends keyof ExpressionTypes>(value: unknown, type: T): value is ExpressionTypes[T] {
  return type === 'bool' ? typeof value === 'boolean' : Number.isFinite(value);
}

function noResult(value: unknown): ExpressionFailure {
  return { problem: `the expression gave ${String(value)}` };
}
