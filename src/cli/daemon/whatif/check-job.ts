/** Checks policies as they would be after an edit, and runs the tests that stand beside them. */
import { dirname, resolve } from 'node:path';
import type { PolicyChecked, PolicyTested } from '../../../api/ports.ts';
import { compilePolicies } from '../../../policy/compile.ts';
import type { PolicyText } from '../../../policy/policy-set.ts';
import { loadPolicyTests } from '../../../policy/policy-test/load.ts';
import { runPolicyTest } from '../../../policy/policy-test/run.ts';
import { type Diagnostic, hasErrors } from '../../../policy/source/diagnostics.ts';
import { failureLines } from '../../test-report.ts';
import { editedFiles } from './edited-files.ts';

export interface CheckJob {
  /** The whole set. */
  readonly texts: readonly PolicyText[];
  /** Unix time, which tells what has expired. */
  readonly wall: number;
}

/** Pure but for reading test files. */
export function runCheckJob({ texts, wall }: CheckJob): PolicyChecked {
  const compilation = compilePolicies(texts.map(({ file, text }) => ({ file, content: text })));
  const findings = [...compilation.diagnostics, ...compilation.lint(wall)];
  return { ok: compilation.set !== undefined, findings: findings.map(findingOf) };
}

/** The tests in the folders of the policy files that name any of these files. */
export function runTestsJob(texts: readonly PolicyText[]): PolicyTested {
  const folders = [...new Set(texts.map(({ file }) => dirname(file)))];
  const own = new Set(texts.map(({ file }) => resolve(file)));
  const { tests, diagnostics } = loadPolicyTests(folders, editedFiles(texts));
  const concerned = tests.filter(({ policyFiles }) => policyFiles.some(file => own.has(resolve(file))));
  const files = new Set(concerned.map(({ source }) => source.file));
  return {
    tests: concerned.map(test => {
      const { failures } = runPolicyTest(test);
      return {
        name: test.name,
        source: test.source,
        passed: failures.length === 0,
        problems: failures.map(failure => failureLines(failure).join('\n')),
      };
    }),
    // What is wrong with tests of other sets in the same folder is no matter of this one.
    findings: diagnostics
      .filter(({ file }) => own.has(resolve(file)) || files.has(file))
      .filter(diagnostic => hasErrors([diagnostic]))
      .map(findingOf),
  };
}

export function findingOf({ severity, code, message, hint, file, line, column, span }: Diagnostic) {
  return {
    severity,
    code,
    message,
    ...(hint !== undefined && { hint }),
    ...(span !== undefined && { span }),
    source: { file, line, column },
  };
}
