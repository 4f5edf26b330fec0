import type { SourceRef } from '../model/decision.ts';
import { compileExpression } from './expression/cel.ts';
import type { ExpressionTypes } from './expression/evaluate.ts';
import type { Expression } from './expression/expression.ts';
import type { Visible } from './expression/names.ts';
import { type Diagnostic, type DiagnosticCode, errorAt, type Place } from './source/diagnostics.ts';
import type { SourceDocument } from './source/documents.ts';
import { keyPlace, type Path, scalarText, valuePlace } from './source/locate.ts';

/** A document that is being compiled, and what has been found wrong with the set so far. */
export interface Compiling {
  readonly document: SourceDocument;
  readonly diagnostics: Diagnostic[];
}

function sourceRef({ file, line, column }: Place): SourceRef {
  return { file, line, column };
}

/** Where the policy stands: its name. */
export function policySource({ document }: Compiling): SourceRef {
  return sourceRef(valuePlace(document, ['metadata', 'name']));
}

/** Where the value at a path stands. */
export function placeOf({ document }: Compiling, path: Path): SourceRef {
  return sourceRef(valuePlace(document, path));
}

/** Reports what is wrong with the value at a path. */
export function reject(
  compiling: Compiling,
  path: Path,
  code: DiagnosticCode,
  message: string,
  hint?: string,
): void {
  compiling.diagnostics.push(errorAt(valuePlace(compiling.document, path), code, message, { hint }));
}

/**
 * The expression at a path, with its faults reported at their own place in the file; undefined if it has any.
 *
 * @param fallback - The expression when the field is left out; it then stands where its parent stands.
 */
export function expressionAt<T extends keyof ExpressionTypes>(
  { document, diagnostics }: Compiling,
  path: Path,
  type: T,
  visible: Visible,
  fallback = '',
): Expression<ExpressionTypes[T]> | undefined {
  const scalar = scalarText(document, path);
  const place = scalar === undefined ? keyPlace(document, path.slice(0, -1)) : valuePlace(document, path);
  const compiled = compileExpression(scalar?.text ?? fallback, type, visible, sourceRef(place));
  if ('expression' in compiled) return compiled.expression;
  for (const { code, message, hint, start, end } of compiled.problems) {
    diagnostics.push(errorAt(scalar?.place(start, end) ?? place, code, message, { hint }));
  }
  return undefined;
}
