/**
 * What can be wrong with a policy set, and how it is told: every finding has a place, a code and, where there is one, a way out.
 * Findings are collected over the whole set; any error refuses all of it.
 */

/** Every code with what it means and what to do. docs/reference/diagnostics.md is made from this table. */
export const DIAGNOSTICS = {
  POLICY_UNREADABLE: 'The file or folder cannot be read. Check the path and its permissions.',
  POLICY_ENCODING: 'The file is not valid UTF-8. Save it as UTF-8.',
  POLICY_LIMIT:
    'The file or expression is larger or deeper than a policy may be. Split it, or write it more simply.',
  POLICY_YAML:
    'The text is not valid YAML, or uses a part of YAML that policies do not allow: tags, merge keys, %YAML directives.',
  POLICY_KIND:
    'The document does not say which kind of document it is, or names a kind or apiVersion that this version does not read.',
  POLICY_UNKNOWN_FIELD:
    'The field does not exist. It is refused, because a misspelt limit would silently not limit anything.',
  POLICY_MISSING: 'A field that has no default is not there.',
  POLICY_TYPE: 'The value has the wrong type: a text where a list belongs, a number where a name belongs.',
  POLICY_UNIT:
    'A size, duration, rate or percentage has no unit, or one that does not exist. Units are never guessed.',
  POLICY_RANGE:
    'The value is readable but not allowed here: too small, too large, or in conflict with another field.',
  POLICY_GLOB:
    'The glob uses something other than *, ?, [a-z], [!a-z] and a backslash before a special character.',
  POLICY_DUPLICATE: 'A name or field is there twice.',
  POLICY_PRECEDENCE:
    'Two guest policies of equal precedence can match the same guest, so that none of them governs it.',
  POLICY_LEVEL: 'The pressure level does not exist in the host policy, or its name cannot be used.',
  POLICY_HOST_COUNT: 'A policy set needs exactly one HostPolicy.',
  POLICY_SERIES:
    'A series of a policy test is not in the notation of series: samples with spaces between them, such as 20GiB, 9GiBx60, 2GiB+16MiBx30, _ or stale.',
  POLICY_EXPRESSION_SYNTAX: 'The expression is not valid CEL.',
  POLICY_EXPRESSION_NAME:
    'The expression uses a name or function that does not exist, or that cannot be seen from there.',
  POLICY_EXPRESSION_TYPE:
    'The expression combines values that do not go together, or does not give the type that is needed there.',
} as const satisfies Readonly<Record<string, string>>;

export type DiagnosticCode = keyof typeof DIAGNOSTICS;

/** What is allowed and probably not meant. `ballonet check` warns of it; `--lint-fatal` makes it fail. */
export const LINTS = {
  LINT_UNSTABLE:
    'The target moves when the guest has got there, by more than the dead band: one step is followed by the next.',
  LINT_NEVER:
    'The rule can never have an effect, because another one always comes first or its condition is always the same; or it always has it.',
  LINT_EXPIRED: 'The exception has expired and does nothing.',
  LINT_GUARANTEES: 'The pool is a size, and less than what the policies guarantee.',
  LINT_NO_VETO: 'The policy shrinks guests and nothing vetoes it, such as a guest that swaps out.',
  LINT_COLD:
    'The policy takes memory that guests seldom touch, and has a veto or a relief that holds as soon as it does: every squeeze ends with its first step.',
  LINT_OPTIONAL: 'An expression reads a figure that few guests report, and fails for all others.',
  LINT_SCHEDULES:
    'Two schedules of a policy are in force together and set the same field; the later one wins.',
} as const satisfies Readonly<Record<string, string>>;

export type LintCode = keyof typeof LINTS;

/** A place in a file: lines and columns count from 1; `span` is how many characters of the line are meant, at least 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly span?: number;
  /** Text of the line, for the caret; missing when there is no text (an unreadable file). */
  readonly sourceLine?: string;
}

/** One finding. */
export interface Diagnostic extends Place {
  readonly severity: 'error' | 'warning';
  readonly code: DiagnosticCode | LintCode;
  readonly message: string;
  /** What to write instead, or where to look. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** What a finding may add to its place, code and message. */
export interface DiagnosticExtras {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export function errorAt(
  place: Place,
  code: DiagnosticCode,
  message: string,
  extras: DiagnosticExtras = {},
): Diagnostic {
  const { hint, cause } = extras;
  return {
    ...place,
    severity: 'error',
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  };
}

export function warningAt(
  place: Place,
  code: LintCode,
  message: string,
  { hint }: Pick<DiagnosticExtras, 'hint'> = {},
): Diagnostic {
  return { ...place, severity: 'warning', code, message, ...(hint === undefined ? {} : { hint }) };
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === 'error');
}

/** By file, then line, then column: the order of reading. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return diagnostics.toSorted(
    (a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column || compare(a.code, b.code),
  );
}

/** By code unit and not by locale: the same order on every host. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Longest excerpt of a source line that is printed. */
const EXCERPT = 120;

/**
 * `file:line:column: severity CODE: message`, the source line with a caret under the place, and the hint.
 *
 * Control characters of the file are replaced: they could otherwise drive the reader's terminal.
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, code, message, hint, sourceLine } = diagnostic;
  const lines = [printable(`${file}:${line}:${column}: ${severity} ${code}: ${message}`)];
  if (sourceLine !== undefined && sourceLine.trim() !== '') {
    const from = column - 1 < EXCERPT ? 0 : column - 1 - EXCERPT / 2;
    const excerpt = sourceLine.slice(from, from + EXCERPT);
    const offset = column - 1 - from;
    const span = Math.max(1, Math.min(diagnostic.span ?? 1, excerpt.length - offset));
    lines.push(`  ${printable(excerpt)}`, `  ${' '.repeat(offset)}^${'~'.repeat(span - 1)}`);
  }
  if (hint !== undefined) lines.push(`  hint: ${printable(hint)}`);
  return lines.join('\n');
}

/**
 * A text of somebody else's, as a terminal may see it: Unicode's control and format characters (bidirectional overrides among them)
 * are replaced one for one, so that a caret below stays in its column.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, character => (character === '\t' ? ' ' : '\uFFFD'));
}
