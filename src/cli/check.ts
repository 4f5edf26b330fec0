import { Command } from 'commander';
import type { Compilation } from '../policy/compile.ts';
import { loadPolicySet, type PolicyFiles } from '../policy/load.ts';
import { formatDiagnostic } from '../policy/source/diagnostics.ts';
import type { Streams } from './output.ts';
import { hostPolicyFiles } from './policy-files.ts';

export function checkVerb(streams: Streams): Command {
  return new Command('check')
    .summary('are these policies right?')
    .description(
      'Checks policy files, and folders of them, as one set. Every finding is printed with its place and the fix; exit code 1 ' +
        'when the set would be refused.',
    )
    .argument('<path...>', 'policy files, or folders whose *.yaml files are taken')
    .action((paths: string[]) => {
      process.exitCode = checkPolicies(paths, hostPolicyFiles, streams);
    });
}

/**
 * `ballonet check PATH…`: every finding on stderr, a line for each file on stdout.
 *
 * @returns The exit code: 0 when the set would be accepted, 1 when it would be refused.
 */
export function checkPolicies(paths: readonly string[], files: PolicyFiles, { out, err }: Streams): 0 | 1 {
  const compilation = loadPolicySet(paths, files);
  for (const diagnostic of compilation.diagnostics) err(`${formatDiagnostic(diagnostic)}\n`);
  for (const file of compilation.files) out(`${file}: ${summary(file, compilation)}\n`);
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
