import { z } from 'zod';
import { type Diagnostic, type DiagnosticCode, errorAt } from '../source/diagnostics.ts';
import type { SourceDocument } from '../source/documents.ts';
import { keyPlace, type Path, valuePlace } from '../source/locate.ts';
import { nearest, suggestion } from '../source/suggest.ts';

/** Holds a document against the schema of its kind: its values with defaults filled in, or everything that is wrong with it. */
export function validateDocument<T>(
  document: SourceDocument,
  schema: z.ZodType<T>,
): { readonly value: T } | { readonly diagnostics: readonly Diagnostic[] } {
  const result = schema.safeParse(document.value);
  if (result.success) return { value: result.data };
  return { diagnostics: result.error.issues.flatMap(issue => fromIssue(document, schema, issue)) };
}

type Issue = z.core.$ZodIssue;

function fromIssue(document: SourceDocument, schema: z.ZodType, issue: Issue): Diagnostic[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = fieldsAt(schema, path);
    return issue.keys.map(key => unknownField(document, [...path, key], known));
  }
  if (issue.code === 'invalid_union') {
    const branch = meantBranch(issue.errors);
    if (branch !== undefined)
      return branch.flatMap(inner =>
        fromIssue(document, schema, { ...inner, path: [...path, ...inner.path] }),
      );
  }
  const input = valueAt(document.value, path);
  const field = describePath(path);
  if (input === undefined) {
    const place = keyPlace(document, path.slice(0, -1));
    const message = `${describePath(path.slice(0, -1), 'the document')} has no '${String(path.at(-1))}'`;
    return [errorAt(place, 'POLICY_MISSING', message, { hint: missingHint(path) })];
  }
  const place = valuePlace(document, path);
  if (input === null) return [errorAt(place, 'POLICY_TYPE', `${field} has no value`)];
  const { code, message, hint = formHint(schema, issue) } = judge(issue, input);
  return [errorAt(place, code, `${field}: ${message}`, { hint })];
}

/** Of a value that may have several forms, the faults of the form that it is written in; undefined when it has none of them. */
function meantBranch(branches: readonly Issue[][]): readonly Issue[] | undefined {
  return branches.find(issues =>
    issues.every(issue => {
      if (issue.path.length > 0) return true;
      return (
        issue.code !== 'invalid_type' && !(issue.code === 'custom' && codeOf(issue.params) === 'POLICY_TYPE')
      );
    }),
  );
}

function unknownField(document: SourceDocument, path: Path, known: readonly string[]): Diagnostic {
  const key = String(path.at(-1));
  const where = describePath(path.slice(0, -1), 'the document');
  return errorAt(keyPlace(document, path), 'POLICY_UNKNOWN_FIELD', `${where} has no field '${key}'`, {
    // {expression: max(a, b)} is two fields to YAML.
    hint: /^[\w-]*$/.test(key)
      ? known.length === 0
        ? undefined
        : suggestion(key, known, 'its fields')
      : 'a comma ends a value inside { } and [ ]; put an expression that has one in quotes',
  });
}

interface Judgement {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

function judge(issue: Issue, input: unknown): Judgement {
  switch (issue.code) {
    case 'custom':
      return { code: codeOf(issue.params) ?? 'POLICY_RANGE', message: issue.message };
    case 'invalid_type':
      return {
        code: 'POLICY_TYPE',
        message: `expected ${TYPE_NAMES[issue.expected] ?? issue.expected}, found ${typeName(input)}`,
        hint: typeHint(issue.expected, input),
      };
    case 'invalid_value': {
      const values = issue.values.map(String);
      const near = typeof input === 'string' ? nearest(input, values) : undefined;
      return {
        code: typeof input === 'string' ? 'POLICY_RANGE' : 'POLICY_TYPE',
        message: `expected ${values.join(' or ')}, found ${typeof input === 'string' ? `'${input}'` : typeName(input)}`,
        hint: near === undefined ? undefined : `did you mean '${near}'?`,
      };
    }
    case 'too_small':
      return { code: 'POLICY_RANGE', message: sizeMessage(issue.origin, 'least', issue.minimum) };
    case 'too_big':
      return { code: 'POLICY_RANGE', message: sizeMessage(issue.origin, 'most', issue.maximum) };
    case 'invalid_format':
      return { code: 'POLICY_RANGE', message: issue.message };
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
    case 'not_multiple_of':
    case 'unrecognized_keys':
      break;
  }
  return { code: 'POLICY_TYPE', message: issue.message };
}

function typeHint(expected: string, input: unknown): string | undefined {
  if (expected === 'array' && typeof input === 'string') return `write it as a list: ['${input}']`;
  // A guest may be called 100, or on.
  const isScalar = typeof input === 'number' || typeof input === 'boolean';
  return expected === 'string' && isScalar ? 'put it in quotes: YAML reads it as something else' : undefined;
}

function sizeMessage(origin: string, which: 'least' | 'most', limit: number | bigint): string {
  if (origin === 'string')
    return `the text is too ${which === 'least' ? 'short' : 'long'}; the ${which} is ${limit}`;
  if (origin === 'array')
    return `the list is too ${which === 'least' ? 'short' : 'long'}; the ${which} is ${limit}`;
  return `the ${which} is ${limit}`;
}

function codeOf(params: Readonly<Record<string, unknown>> | undefined): DiagnosticCode | undefined {
  const code = params?.code;
  return code === 'POLICY_UNIT' || code === 'POLICY_TYPE' || code === 'POLICY_RANGE' ? code : undefined;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping of fields',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
};

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping of fields';
  if (typeof value === 'string') return `the text '${value.slice(0, 40)}'`;
  return typeof value === 'number' || typeof value === 'boolean' ? `${value}` : 'something else';
}

const MISSING_HINTS: ReadonlyMap<string, string> = new Map([
  ['spec.match', 'write `match: {}` if the policy is for every guest'],
  ['spec.cold.swap', 'say how much swap every one of these guests has, such as swap: 25%'],
]);

function missingHint(path: Path): string | undefined {
  return MISSING_HINTS.get(path.join('.'));
}

/** Where a value stands for fields that it should have. */
function formHint(schema: z.ZodType, issue: Issue): string | undefined {
  if (issue.code !== 'invalid_type' || issue.expected !== 'object') return undefined;
  const fields = fieldsAt(schema, issue.path);
  return fields.length === 0 ? undefined : `its fields: ${fields.join(', ')}`;
}

/** `spec.pressure[1].when`, as it is written in the documentation. */
function describePath(path: Path, root = 'the document'): string {
  if (path.length === 0) return root;
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

/** Names of the fields that the schema has at a path. */
function fieldsAt(schema: z.core.$ZodType, path: Path): readonly string[] {
  let at = unwrapped(schema);
  for (const step of path) {
    if (at instanceof z.ZodObject) {
      const field: unknown = at.shape[String(step)];
      if (!(field instanceof z.ZodType)) return [];
      at = unwrapped(field);
    } else if (at instanceof z.ZodArray) {
      at = unwrapped(at.element);
    } else {
      return [];
    }
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  let at = schema;
  while (
    at instanceof z.ZodOptional ||
    at instanceof z.ZodDefault ||
    at instanceof z.ZodPrefault ||
    at instanceof z.ZodLazy
  )
    at = at.unwrap();
  if (at instanceof z.ZodUnion) {
    const object = at.options.find(option => option instanceof z.ZodObject);
    if (object !== undefined) return object;
  }
  return at;
}
