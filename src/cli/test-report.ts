/** What a run of policy tests came to: as text for people, as an object for programs. */
import type { SourceRef, Stage } from '../model/decision.ts';
import { type Bytes, formatDuration, formatSize, parseSize, type Seconds } from '../model/units.ts';
import type { CoveragePoint } from '../policy/policy-test/coverage.ts';
import type { TestResult } from '../policy/policy-test/run.ts';
import type { Fact, Facts, Failure } from '../policy/policy-test/verdict.ts';
import { type Diagnostic, hasErrors } from '../policy/source/diagnostics.ts';

/** One test that ran, and how long that took. */
export interface TestRecord extends TestResult {
  readonly seconds: Seconds;
}

/** One run over test files. */
export interface TestReport {
  readonly files: readonly string[];
  readonly records: readonly TestRecord[];
  readonly diagnostics: readonly Diagnostic[];
  /** Undefined when coverage was not asked for. */
  readonly coverage: readonly CoveragePoint[] | undefined;
}

/** True when there were tests, all of them ran, and all of them passed. */
export function succeeded({ records, diagnostics }: TestReport): boolean {
  return (
    records.length > 0 && !hasErrors(diagnostics) && records.every(({ failures }) => failures.length === 0)
  );
}

/** The report as text, ending in a newline. Diagnostics are not in it: they are messages. */
export function renderTestReport(report: TestReport): string {
  const { files, records, coverage } = report;
  const lines: string[] = [];
  for (const file of files) {
    const own = records.filter(({ test }) => test.source.file === file);
    lines.push(printable(file));
    if (own.length === 0) lines.push('  no test of this file ran');
    for (const { test, failures } of own) {
      lines.push(`  ${failures.length === 0 ? 'ok    ' : 'FAILED'}  ${printable(test.name)}`);
      for (const failure of failures) lines.push(...failureLines(failure).map(line => `    ${line}`));
    }
  }
  if (coverage !== undefined) lines.push(...coverageLines(coverage));
  lines.push(summaryOf(report));
  return `${lines.join('\n')}\n`;
}

function summaryOf({ records, diagnostics }: TestReport): string {
  const failed = records.filter(({ failures }) => failures.length > 0).length;
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  const refused = errors === 0 ? '' : `, ${errors} ${errors === 1 ? 'error' : 'errors'} in tests or policies`;
  return `${records.length - failed} passed, ${failed} failed${refused}`;
}

/** Where, when and about whom; what was expected and what was there; and the stages that led there. */
export function failureLines(failure: Failure): string[] {
  const { source, at, guest, policy, level, stages, kind, problem, more } = failure;
  const who = guest === undefined ? '' : `, guest ${guest}`;
  const circumstances = [...(policy === undefined ? [] : [`policy ${policy}`]), `level ${level}`].join(', ');
  const expected = kind === 'always' ? [...failure.expected.keys()].join() : factsText(failure.expected, ' ');
  const got = factsText(failure.got, kind === 'always' ? ' = ' : ' ');
  const times = more === 0 ? '' : ` (and so in ${more} more ${more === 1 ? 'tick' : 'ticks'})`;
  return [
    `${refText(source)}: at ${formatDuration(at)}${who} (${circumstances})`,
    `  ${HEADINGS[kind]}${expected}`,
    `  got:      ${problem === undefined ? got : `cannot be told: ${problem}`}${times}`,
    ...(stages.length === 0 ? [] : ['  stages:']),
    ...stages.map(stage => `    ${stageLine(stage)}`),
  ].map(printable);
}

const HEADINGS: Readonly<Record<Failure['kind'], string>> = {
  expect: 'expected: ',
  always: 'always:   ',
  never: 'never:    ',
};

function refText({ file, line, column }: SourceRef): string {
  return `${file}:${line}:${column}`;
}

function factsText(facts: Facts, between: string): string {
  return [...facts].map(([name, fact]) => `${name}${between}${factText(name, fact)}`).join(', ');
}

function factText(name: string, fact: Fact): string {
  if (fact === undefined) return 'not known';
  if (typeof fact === 'number') return isBytes(name, fact) ? sizeText(fact) : numberText(fact);
  if (typeof fact !== 'object') return String(fact);
  const { atLeast, atMost } = fact;
  if (atLeast === atMost && atLeast !== undefined) return sizeText(atLeast);
  if (atMost === undefined) return `at least ${sizeText(atLeast ?? 0)}`;
  return atLeast === undefined
    ? `at most ${sizeText(atMost)}`
    : `${sizeText(atLeast)} to ${sizeText(atMost)}`;
}

/** Figures that are no sizes by their names; of the others, small ones read better as they are. */
function isBytes(name: string, value: number): boolean {
  return (
    !/psi|ratio|uptime|age|boots|guests|major|[sS]econds|reports|epoch/.test(name) && Math.abs(value) >= 1024
  );
}

/** Rounded for reading, with the bytes where rounding hides some. */
function sizeText(bytes: Bytes): string {
  const text = formatSize(bytes);
  const parsed = parseSize(text);
  return 'value' in parsed && parsed.value === bytes ? text : `${text} (${numberText(bytes)}B)`;
}

function numberText(value: number): string {
  return String(Number(value.toFixed(3)));
}

function stageLine({ stage, in: from, out, code, inputs, source }: Stage): string {
  const sizes = `${stageSize(from)} -> ${stageSize(out)}`;
  const details = Object.entries(inputs ?? {}).map(
    ([name, value]) =>
      `${name} ${typeof value === 'number' && isBytes(name, value) ? `${formatSize(value)}${name.endsWith('Rate') ? '/s' : ''}` : typeof value === 'number' ? numberText(value) : value}`,
  );
  const line = `${stage.padEnd(11)}  ${sizes.padEnd(22)}  ${code.padEnd(16)}  ${details.join(', ')}`;
  return `${line.trimEnd()}${source === undefined ? '' : `  ${refText(source)}`}`;
}

function stageSize(bytes: Bytes | undefined): string {
  return bytes === undefined ? '?' : formatSize(bytes);
}

function coverageLines(points: readonly CoveragePoint[]): string[] {
  const missed = points.filter(({ reached }) => !reached);
  return [
    `coverage: ${points.length - missed.length} of ${points.length} lines of the policies that say something were reached`,
    ...missed.map(point => printable(`  ${refText(point)}: ${point.missing}`)),
  ];
}

/** Text of a file must not drive the reader's terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD');
}

/** The report as `-o json` and `-o yaml` print it. */
export function testReportObject(report: TestReport): object {
  const { records, diagnostics, coverage } = report;
  const failed = records.filter(({ failures }) => failures.length > 0).length;
  return {
    apiVersion: 'ballonet/v1',
    kind: 'PolicyTestReport',
    ok: succeeded(report),
    passed: records.length - failed,
    failed,
    tests: records.map(({ test, failures, seconds }) => ({
      name: test.name,
      source: test.source,
      ok: failures.length === 0,
      ticks: test.ticks,
      seconds,
      failures: failures.map(({ expected, got, ...rest }) => ({
        ...rest,
        expected: Object.fromEntries(expected),
        got: Object.fromEntries(got),
      })),
    })),
    diagnostics: diagnostics.map(({ file, line, column, severity, code, message, hint }) => ({
      ...{ file, line, column, severity, code, message },
      ...(hint === undefined ? {} : { hint }),
    })),
    ...(coverage && {
      coverage: {
        points: coverage.length,
        missed: coverage
          .filter(({ reached }) => !reached)
          .map(({ file, line, column, missing }) => ({ file, line, column, message: missing })),
      },
    }),
  };
}
