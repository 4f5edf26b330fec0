/** Reads test files and the policies that they name. */
import { errorMessage } from '../../model/errors.ts';
import { loadPolicySet, type PolicyFiles } from '../load.ts';
import {
  compare,
  type Diagnostic,
  errorAt,
  formatDiagnostic,
  hasErrors,
  sortDiagnostics,
} from '../source/diagnostics.ts';
import { FILE_BYTES_MAX, readDocuments, type SourceDocument } from '../source/documents.ts';
import { keyPlace, type Path, scalarText, valuePlace } from '../source/locate.ts';
import { compilePolicyTest, type LoadedPolicies } from './compile.ts';
import type { PolicyTest } from './policy-test.ts';

/** What was found at the paths. Any error among the diagnostics means that something was not run. */
export interface LoadedTests {
  /** Test files that were read, in their order. */
  readonly files: readonly string[];
  readonly tests: readonly PolicyTest[];
  readonly diagnostics: readonly Diagnostic[];
  /** Test files, policy files and folders that the outcome depends on, those that could not be read among them. */
  readonly watched: readonly string[];
}

const TEST_FILE = /\.test\.ya?ml$/;

/** True for a path that is read as policy tests and not as policies. */
export function isTestFile(path: string): boolean {
  return TEST_FILE.test(path);
}

/**
 * Reads policy tests. Never throws: whatever is wrong with any file is a diagnostic, and the sound tests are given all the same.
 *
 * @param paths - Files, and folders of which the `*.test.yaml` and `*.test.yml` files are taken in lexical order.
 */
export function loadPolicyTests(paths: readonly string[], files: PolicyFiles): LoadedTests {
  const found: Diagnostic[] = [];
  const watched = new Set<string>(paths);
  const attempt = <T>(path: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (cause) {
      const message = `cannot be read: ${errorMessage(cause)}`;
      found.push(errorAt({ file: path, line: 1, column: 1 }, 'POLICY_UNREADABLE', message, { cause }));
      return undefined;
    }
  };
  const names = new Set(paths.flatMap(path => attempt(path, () => testFilesAt(path, files)) ?? []));
  const tests: PolicyTest[] = [];
  const loadSet = policyLoader(files, found, watched);
  for (const file of names) {
    watched.add(file);
    const content = attempt(file, () => files.read(file, FILE_BYTES_MAX + 1));
    if (content === undefined) continue;
    const { documents, diagnostics } = readDocuments({ file, content });
    found.push(...diagnostics);
    if (documents.length === 0 && !hasErrors(diagnostics)) {
      found.push(errorAt({ file, line: 1, column: 1 }, 'POLICY_KIND', 'there is no PolicyTest in this file'));
    }
    const load = (relative: readonly string[]) => loadSet(relative.map(path => besideFile(file, path)));
    const own = documents.filter(document => isPolicyTest(document, found));
    checkNames(own, found);
    tests.push(...own.flatMap(document => compilePolicyTest(document, load, found) ?? []));
  }
  return { files: [...names], tests, diagnostics: sortDiagnostics(unique(found)), watched: [...watched] };
}

function testFilesAt(path: string, files: PolicyFiles): string[] {
  if (files.kind(path) === 'file') return [path];
  return files
    .list(path)
    .filter(isTestFile)
    .toSorted(compare)
    .map(name => (path.endsWith('/') ? `${path}${name}` : `${path}/${name}`));
}

/** Loads each set once, however many tests it has. What a test itself names but cannot be read is told at that test. */
function policyLoader(files: PolicyFiles, found: Diagnostic[], watched: Set<string>) {
  const known = new Map<string, LoadedPolicies>();
  return (paths: readonly string[]): LoadedPolicies => {
    const key = JSON.stringify(paths);
    const before = known.get(key);
    if (before !== undefined) return before;
    const { set, diagnostics, files: read } = loadPolicySet(paths, files);
    for (const path of [...paths, ...read]) watched.add(path);
    const unreadable = new Map<number, string>();
    for (const diagnostic of diagnostics) {
      const index = diagnostic.code === 'POLICY_UNREADABLE' ? paths.indexOf(diagnostic.file) : -1;
      if (index < 0) found.push(diagnostic);
      else unreadable.set(index, `${diagnostic.file} ${diagnostic.message}`);
    }
    const loaded = { set, files: read, unreadable };
    known.set(key, loaded);
    return loaded;
  };
}

/** A path as it is written in a file, from where that file is read. */
export function besideFile(file: string, path: string): string {
  if (path.startsWith('/')) return path;
  const steps = [...file.split('/').slice(0, -1), ...path.split('/')];
  const result: string[] = [];
  for (const [index, step] of steps.entries()) {
    const above = result.at(-1);
    if (step === '.' || (step === '' && index > 0)) continue;
    if (step === '..' && above !== undefined && above !== '..' && above !== '') result.pop();
    else result.push(step);
  }
  return result.join('/') || '.';
}

function isPolicyTest(document: SourceDocument, found: Diagnostic[]): boolean {
  const at = (field: string): unknown =>
    typeof document.value === 'object' && document.value !== null
      ? Reflect.get(document.value, field)
      : undefined;
  const kind = at('kind');
  // The schema says what is wrong with its fields; here is only what another kind would make unreadable.
  if (kind === 'PolicyTest') return true;
  const refuse = (path: Path, message: string, hint: string): false => {
    const place = kind === undefined ? keyPlace(document, path) : valuePlace(document, path);
    found.push(errorAt(place, 'POLICY_KIND', message, { hint }));
    return false;
  };
  if (kind === undefined)
    return refuse([], 'the document has no kind', 'a test begins with kind: PolicyTest');
  const message = `a test file holds documents of kind PolicyTest, and this is ${typeof kind === 'string' ? `'${kind}'` : 'none'}`;
  return refuse(
    ['kind'],
    message,
    'policies stand in files of their own, and tests name them under policies:',
  );
}

function checkNames(documents: readonly SourceDocument[], found: Diagnostic[]): void {
  const path = ['metadata', 'name'];
  const seen = new Map<string, number>();
  for (const document of documents) {
    const name = scalarText(document, path)?.text;
    if (name === undefined) continue;
    const place = valuePlace(document, path);
    const first = seen.get(name);
    if (first === undefined) seen.set(name, place.line);
    else found.push(errorAt(place, 'POLICY_DUPLICATE', `there already is a test '${name}' at line ${first}`));
  }
}

/** Two sets may share a file, and both report it. */
function unique(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...new Map(diagnostics.map(diagnostic => [formatDiagnostic(diagnostic), diagnostic])).values()];
}
