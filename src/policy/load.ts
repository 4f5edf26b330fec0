import { BallonetError, errorMessage } from '../model/errors.ts';
import { type Compilation, compilePolicies } from './compile.ts';
import type { PolicySet } from './policy-set.ts';
import {
  compare,
  type Diagnostic,
  errorAt,
  formatDiagnostic,
  sortDiagnostics,
} from './source/diagnostics.ts';
import { FILE_BYTES_MAX } from './source/documents.ts';

/** The port through which policy files are read. Every function throws when the path cannot be read. */
export interface PolicyFiles {
  kind(path: string): 'file' | 'folder';
  /** Names of the entries of a folder that are files, without their path. */
  list(folder: string): readonly string[];
  /** Content of a file; it may stop after `limit` bytes. */
  read(path: string, limit: number): Uint8Array;
}

/** What stands in the files of a policy set. */
export interface PolicyReading {
  /** What was asked for: files, and folders of them. */
  readonly paths: readonly string[];
  readonly files: readonly string[];
  readonly sources: readonly { readonly file: string; readonly content: Uint8Array }[];
  readonly unreadable: readonly Diagnostic[];
}

/**
 * Reads the files of a policy set. Never throws: what cannot be read is a diagnostic.
 *
 * @param paths - Files, and folders of which the `*.yaml` and `*.yml` files are taken in lexical order; `*.test.yaml` and
 *   `*.test.yml` are not policies and are left out. A file that is named twice is read once.
 */
export function readPolicyFiles(paths: readonly string[], files: PolicyFiles): PolicyReading {
  const unreadable: Diagnostic[] = [];
  const attempt = <T>(path: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (cause) {
      const message = `cannot be read: ${errorMessage(cause)}`;
      unreadable.push(errorAt({ file: path, line: 1, column: 1 }, 'POLICY_UNREADABLE', message, { cause }));
      return undefined;
    }
  };
  const names = new Set(paths.flatMap(path => attempt(path, () => policyFilesAt(path, files)) ?? []));
  const sources = [...names].flatMap(file => {
    // One byte more than is allowed, so that a longer file can be told.
    const content = attempt(file, () => files.read(file, FILE_BYTES_MAX + 1));
    return content === undefined ? [] : [{ file, content }];
  });
  return { paths, files: [...names], sources, unreadable };
}

/** Reads and compiles a policy set; `paths` as in `readPolicyFiles`. */
export function loadPolicySet(paths: readonly string[], files: PolicyFiles): Compilation {
  return compileReading(readPolicyFiles(paths, files));
}

/** Compiles what has been read. A set of which a file could not be read is refused. */
export function compileReading({ paths, files, sources, unreadable }: PolicyReading): Compilation {
  if (unreadable.length === 0) return compilePolicies(sources, paths.join(', '));
  // What could not be read may hold the missing half of the rest.
  const { diagnostics } = compilePolicies(sources);
  const related = diagnostics.filter(({ code }) => code !== 'POLICY_HOST_COUNT' && code !== 'POLICY_LEVEL');
  return {
    set: undefined,
    lint: () => [],
    diagnostics: sortDiagnostics([...unreadable, ...related]),
    files,
  };
}

function policyFilesAt(path: string, files: PolicyFiles): string[] {
  if (files.kind(path) === 'file') return [path];
  return files
    .list(path)
    .filter(name => /\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name))
    .toSorted(compare)
    .map(name => (path.endsWith('/') ? `${path}${name}` : `${path}/${name}`));
}

/**
 * The policy set of a compilation.
 *
 * @throws BallonetError `POLICY_UNREADABLE` when a path could not be read, else `POLICY_INVALID`; the message has every
 *   diagnostic in the form that is printed.
 */
export function requirePolicySet({ set, diagnostics }: Compilation): PolicySet {
  if (set !== undefined) return set;
  const message = diagnostics.map(formatDiagnostic).join('\n');
  const unreadable = diagnostics.find(({ code }) => code === 'POLICY_UNREADABLE');
  if (unreadable === undefined) throw new BallonetError('POLICY_INVALID', message);
  throw new BallonetError('POLICY_UNREADABLE', message, { cause: unreadable.cause });
}
