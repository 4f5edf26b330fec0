import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hostPolicyFiles } from '../../src/cli/policy-files.ts';
import { failureLines, renderTestReport } from '../../src/cli/test-report.ts';
import type { PolicyFiles } from '../../src/policy/load.ts';
import { createCoverage } from '../../src/policy/policy-test/coverage.ts';
import { loadPolicyTests } from '../../src/policy/policy-test/load.ts';
import { runPolicyTest } from '../../src/policy/policy-test/run.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostics.ts';

/** The policies that people use as they are, held to the tests that are shipped beside them. */
const FOLDER = fileURLToPath(new URL('../../policies', import.meta.url));

const { tests, diagnostics } = loadPolicyTests([FOLDER], hostPolicyFiles);
const coverage = createCoverage(tests, hostPolicyFiles);

// An hour of virtual time is a matter of a second, and of many on a machine that is busy.
describe('the shipped policies', { timeout: 60_000 }, () => {
  it('have tests without a fault', () => {
    expect(diagnostics.map(formatDiagnostic)).toEqual([]);
  });

  it.each(tests.map(test => [test.source.file.slice(FOLDER.length + 1), test.name, test] as const))(
    'pass their test: %s: %s',
    (_, __, test) => {
      const { failures } = runPolicyTest(test, coverage.observe);

      expect(failures.flatMap(failureLines)).toEqual([]);
    },
  );

  it('each have tests', () => {
    const policies = readdirSync(FOLDER).filter(
      name => /\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name),
    );
    const tested = new Set(
      tests.flatMap(({ policyFiles }) => policyFiles.map(file => file.slice(FOLDER.length + 1))),
    );

    expect(policies.filter(name => !tested.has(name))).toEqual([]);
  });

  it('have no line that no test reaches', () => {
    const missed = coverage.points().filter(({ reached }) => !reached);

    expect(missed.map(({ file, line, missing }) => `${file}:${line}: ${missing}`)).toEqual([]);
  });
});

describe('the guide to policy tests', () => {
  const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  const guide = read('docs/guides/policy-tests.md');
  const block = (kind: string) => new RegExp(`\`\`\`${kind}\\n([^]*?)\`\`\``).exec(guide)?.[1] ?? '';
  const reportOf = (text: string): string => {
    const files: PolicyFiles = {
      kind: () => 'file',
      list: () => [],
      read: path => new TextEncoder().encode(path.endsWith('.test.yaml') ? text : read(path)),
    };
    const loaded = loadPolicyTests(['policies/batch.test.yaml'], files);
    const records = loaded.tests.map(test => ({ ...runPolicyTest(test), seconds: 0 }));
    return renderTestReport({ ...loaded, records, coverage: undefined });
  };

  it('shows a first test that passes as it says', () => {
    expect(`$ ballonet test policies\n${reportOf(block('yaml'))}`).toBe(block('console'));
  });

  it('shows the report of one that fails', () => {
    const failing = block('yaml').replace('{atLeast: 6GiB, atMost: 7GiB}', '{atLeast: 7GiB, atMost: 8GiB}');

    expect(reportOf(failing)).toContain(block('text'));
  });
});
