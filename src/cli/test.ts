import { Command, Option } from 'commander';
import { stringify } from 'yaml';
import { type Clock, systemClock } from '../model/clock.ts';
import type { PolicyFiles } from '../policy/load.ts';
import { createCoverage } from '../policy/policy-test/coverage.ts';
import { loadPolicyTests } from '../policy/policy-test/load.ts';
import { runPolicyTest } from '../policy/policy-test/run.ts';
import { formatDiagnostic } from '../policy/source/diagnostics.ts';
import { junitReport } from './junit.ts';
import type { Streams } from './output.ts';
import { hostPolicyFiles } from './policy-files.ts';
import { writeResult } from './result-file.ts';
import { renderTestReport, succeeded, type TestReport, testReportObject } from './test-report.ts';
import { createPathWatcher } from './watch.ts';

const FORMATS = ['table', 'json', 'yaml'] as const;

interface Options {
  readonly coverage?: true;
  readonly watch?: true;
  readonly junit?: string;
  readonly output: (typeof FORMATS)[number];
}

export function testVerb(streams: Streams): Command {
  return new Command('test')
    .summary('do these policies do what their tests say?')
    .description(
      'Runs PolicyTest documents: the policies that each names, in virtual time, over the figures that it gives. Prints what was ' +
        'expected, what was decided instead and how that came to be. Exit code 1 when a test failed or could not run.',
    )
    .argument('<path...>', 'test files, or folders whose *.test.yaml files are taken')
    .option('--coverage', 'also name the lines of the policies that no test reached')
    .option('--watch', 'run again whenever a test or policy changes')
    .option('--junit <file>', "also write the result as JUnit's XML")
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(FORMATS).default('table'))
    .action(async (paths: string[], options: Options) => {
      if (options.watch) await watchTests(paths, hostPolicyFiles, options, streams);
      else process.exitCode = testPolicies(paths, hostPolicyFiles, options, streams).code;
    });
}

/**
 * `ballonet test PATH…`: diagnostics on stderr, the report on stdout.
 *
 * @returns The exit code, 0 when there were tests and all of them passed, and the paths that this depends on.
 * @throws BallonetError `REPORT_UNWRITABLE` when the JUnit file cannot be written.
 */
export function testPolicies(
  paths: readonly string[],
  files: PolicyFiles,
  options: Options,
  { out, err }: Streams,
): { readonly code: 0 | 1; readonly watched: readonly string[] } {
  const { report, watched } = runTests(paths, files, options.coverage === true, systemClock);
  for (const diagnostic of report.diagnostics) err(`${formatDiagnostic(diagnostic)}\n`);
  if (report.files.length === 0 && report.diagnostics.length === 0) {
    err(`ballonet: there is no test in ${paths.join(', ')}: tests stand in files that end in .test.yaml\n`);
  }
  if (options.output === 'table') out(renderTestReport(report));
  else if (options.output === 'json') out(`${JSON.stringify(testReportObject(report), undefined, 2)}\n`);
  else out(stringify(testReportObject(report)));
  if (options.junit !== undefined) writeResult(options.junit, junitReport(report));
  return { code: succeeded(report) ? 0 : 1, watched };
}

function runTests(paths: readonly string[], files: PolicyFiles, covering: boolean, clock: Clock) {
  const { tests, diagnostics, files: read, watched } = loadPolicyTests(paths, files);
  const coverage = covering ? createCoverage(tests, files) : undefined;
  const records = tests.map(test => {
    const start = clock.now().monotonic;
    const result = runPolicyTest(test, coverage?.observe);
    return { ...result, seconds: clock.now().monotonic - start };
  });
  const report: TestReport = { files: read, records, diagnostics, coverage: coverage?.points() };
  return { report, watched };
}

/** Runs the tests now and after every change of what they depend on, until the signal; never by itself. */
export async function watchTests(
  paths: readonly string[],
  files: PolicyFiles,
  options: Options,
  streams: Streams,
  signal?: AbortSignal,
): Promise<void> {
  let wake = (_ended: boolean): void => {};
  const watcher = createPathWatcher(() => wake(false));
  const stop = (): void => wake(true);
  signal?.addEventListener('abort', stop);
  try {
    // Before the first run, so that no change falls between reading and watching.
    watcher.set(paths);
    for (let ended = signal?.aborted === true; !ended; ) {
      const next = new Promise<boolean>(resolve => {
        wake = resolve;
      });
      const { watched } = testPolicies(paths, files, options, streams);
      watcher.set(watched);
      streams.err('ballonet: waiting for changes\n');
      ended = await next;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    watcher.close();
  }
}
