import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { PolicyFiles } from '../load.ts';
import { formatDiagnostic } from '../source/diagnostics.ts';
import { loadPolicyTests } from './load.ts';
import { runPolicyTest } from './run.ts';

/**
 * Policy tests with one fault each, and ones that pass. The first line of a faulty file says what is to be found, and where:
 * `# expect: CODE line:column`, several with commas between them, with the file where it is another.
 */

const ROOT = fileURLToPath(new URL('../../../test/fixtures/policy-tests/', import.meta.url));

const files: PolicyFiles = {
  kind: () => 'file',
  list: () => [],
  read: path => readFileSync(ROOT + path),
};

const bad = readdirSync(`${ROOT}bad`);
const good = readdirSync(`${ROOT}good`);

describe('a faulty policy test', () => {
  it.each(bad)('is refused at the fault: %s', name => {
    const file = `bad/${name}`;
    const expected = /^# expect: (.+)$/m.exec(readFileSync(ROOT + file, 'utf8'))?.[1];

    const { tests, diagnostics } = loadPolicyTests([file], files);

    const found = diagnostics.map(
      ({ code, line, column, ...at }) => `${code} ${at.file === file ? '' : `${at.file}:`}${line}:${column}`,
    );
    expect(found.join(', ')).toBe(expected);
    expect(tests.length).toBe(name === 'duplicate-name.test.yaml' ? 2 : 0);
  });
});

describe('a faultless policy test', () => {
  it.each(good)('is taken without a word, and passes: %s', name => {
    const { tests, diagnostics } = loadPolicyTests([`good/${name}`], files);

    expect(diagnostics.map(formatDiagnostic)).toEqual([]);
    expect(tests.flatMap(test => runPolicyTest(test).failures)).toEqual([]);
    expect(tests).toHaveLength(1);
  });
});
