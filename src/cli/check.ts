import { loadPolicySet, type PolicyFiles } from '../policy/load.ts';
import type { Compilation } from '../policy/compile.ts';
import { formatDiagnostic } from '../policy/source/diagnostics.ts';

/** Where a command prints: data to `stdout`, messages to `stderr`. */
export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
}

/**
 * `ballonet check PATH…`: every finding on stderr, a line for each file on stdout.
 *
 * @returns The exit code: 0 when the set would be accepted, 1 when it would be refused.
 */
export function checkPolicies(paths: readonly string[], files: PolicyFiles, output: Output): 0 | 1 {
  const compilation = loadPolicySet(paths, files);
  for (const diagnostic of compilation.diagnostics) output.stderr(`${formatDiagnostic(diagnostic)}\n`);
  for (const file of compilation.files) output.stdout(`${file}: ${summary(file, compilation)}\n`);
  return compilation.set === undefined ? 1 : 0;
}

function summary(file: string, { set, diagnostics }: Compilation): string {
  const own = diagnostics.filter(diagnostic => diagnostic.file === file);
  const errors = own.filter(({ severity }) => severity === 'error').length;
  if (errors > 0) return count(errors, 'error', 'errors');
  if (set === undefined) return 'ok by itself, but the set is refused';
  const hosts = set.host.source.file === file ? 1 : 0;
  const guests = set.guests.filter(({ source }) => source.file === file).length;
  return `ok (${count(hosts, 'host policy', 'host policies')}, ${count(guests, 'guest policy', 'guest policies')})`;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
