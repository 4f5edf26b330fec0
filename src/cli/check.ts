import { Command } from 'commander';
import { systemClock } from '../model/clock.ts';
import type { Seconds } from '../model/units.ts';
import type { Compilation } from '../policy/compile.ts';
import { loadPolicySet, type PolicyFiles } from '../policy/load.ts';
import { isTestFile, loadPolicyTests } from '../policy/policy-test/load.ts';
import { formatDiagnostic, hasErrors } from '../policy/source/diagnostics.ts';
import { sortPaths } from './check-sort.ts';
import { loadConfig } from './config/load.ts';
import type { Streams } from './output.ts';
import { hostPolicyFiles } from './policy-files.ts';
import { checkScenarios } from './simulate/check.ts';
import { hostScenarioFiles } from './simulate/files.ts';

export function checkVerb(streams: Streams): Command {
  return new Command('check')
    .summary('are these policies, configurations and scenarios right?')
    .description(
      'Checks policy files, and folders of them, as one set. Every finding is printed with its place and the fix; exit code 1 ' +
        'when the set would be refused. Warnings are about what is allowed and probably not meant. A configuration of the daemon is ' +
        'checked with the policies that it names, a scenario by itself.',
    )
    .argument(
      '<path...>',
      'policy files, configurations, scenarios, folders whose *.yaml files are taken, or *.test.yaml files',
    )
    .option('--lint-fatal', 'exit with 3 when there are warnings')
    .action((paths: string[], { lintFatal }: { lintFatal?: true }) => {
      const now = systemClock.now().wall;
      const { scenarios, configs, others } = sortPaths(paths, hostPolicyFiles);
      const lint = { now, lintFatal: lintFatal === true };
      const codes = [
        checkScenarios(scenarios, hostScenarioFiles, streams),
        ...configs.map(file => checkConfig(file, hostPolicyFiles, streams, lint)),
        ...(others.length > 0 ? [checkPolicies(others, hostPolicyFiles, streams, lint)] : []),
      ];
      process.exitCode = codes.includes(1) ? 1 : Math.max(...codes);
    });
}

/** A configuration, and the policies that it names as the daemon would read them. Codes as of `checkPolicies`. */
export function checkConfig(file: string, files: PolicyFiles, streams: Streams, lint: Lint): 0 | 1 | 3 {
  const { config, diagnostics } = loadConfig(file, files);
  for (const diagnostic of diagnostics) streams.err(`${formatDiagnostic(diagnostic)}\n`);
  streams.out(`${file}: ${config === undefined ? count(diagnostics.length, 'error', 'errors') : 'ok'}\n`);
  if (config === undefined) return 1;
  return config.policies === undefined ? 0 : checkPolicies(config.policies, files, streams, lint);
}

/**
 * `ballonet check PATH…`: every finding on stderr, a line for each file on stdout. Test files that are named themselves are
 * checked as tests, with the policies that they name; a folder is taken for the policies in it.
 *
 * @returns The exit code: 0 when the set would be accepted, 1 when it would be refused, 3 when it is accepted with warnings and
 *   they are to be fatal.
 */
export function checkPolicies(
  paths: readonly string[],
  files: PolicyFiles,
  streams: Streams,
  { now, lintFatal }: Lint,
): 0 | 1 | 3 {
  const tests = paths.filter(isTestFile);
  const policies = paths.filter(path => !isTestFile(path));
  const codes = [
    ...(policies.length > 0 || tests.length === 0 ? [checkSet(policies, files, streams, now)] : []),
    ...(tests.length > 0 ? [checkTests(tests, files, streams)] : []),
  ];
  if (codes.includes(1)) return 1;
  return lintFatal && codes.includes(3) ? 3 : 0;
}

interface Lint {
  /** Unix time, which tells what has expired. */
  readonly now: Seconds;
  readonly lintFatal: boolean;
}

/** 3 when there are warnings. */
function checkSet(
  paths: readonly string[],
  files: PolicyFiles,
  { out, err }: Streams,
  now: Seconds,
): 0 | 1 | 3 {
  const compilation = loadPolicySet(paths, files);
  const warnings = compilation.lint(now);
  for (const diagnostic of [...compilation.diagnostics, ...warnings])
    err(`${formatDiagnostic(diagnostic)}\n`);
  for (const file of compilation.files) out(`${file}: ${summary(file, compilation)}\n`);
  if (compilation.set === undefined) return 1;
  return warnings.length > 0 ? 3 : 0;
}

function checkTests(paths: readonly string[], files: PolicyFiles, { out, err }: Streams): 0 | 1 {
  const { tests, diagnostics, files: read } = loadPolicyTests(paths, files);
  for (const diagnostic of diagnostics) err(`${formatDiagnostic(diagnostic)}\n`);
  for (const file of read) {
    const errors = diagnostics.filter(
      diagnostic => diagnostic.file === file && diagnostic.severity === 'error',
    );
    const sound = tests.filter(({ source }) => source.file === file).length;
    out(`${file}: ${errors.length > 0 ? count(errors.length, 'error', 'errors') : soundTests(sound)}\n`);
  }
  return hasErrors(diagnostics) ? 1 : 0;
}

function soundTests(sound: number): string {
  return sound === 0 ? 'ok by itself, but its policies are refused' : `ok (${count(sound, 'test', 'tests')})`;
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
