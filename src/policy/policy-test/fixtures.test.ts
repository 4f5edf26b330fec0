import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
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

describe('a text that was once a policy test', () => {
  const texts = [...bad.map(name => `bad/${name}`), ...good.map(name => `good/${name}`)].map(path =>
    readFileSync(ROOT + path, 'utf8'),
  );

  it('is refused with a place in it, or runs', () => {
    const policy = readFileSync(`${ROOT}policy.yaml`, 'utf8');
    const wound = fc.tuple(
      fc.constantFrom(...texts),
      fc.nat(),
      fc.nat(20),
      fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 6 }),
        fc.constantFrom('null', '7', '[]', '{}', '~', '&a *a', '_', 'x9', '9999999999'),
      ),
    );
    let ran = 0;
    fc.assert(
      fc.property(wound, ([text, at, cut, patch]) => {
        const start = at % (text.length + 1);
        const content = text.slice(0, start) + patch + text.slice(start + cut);
        const wounded: PolicyFiles = {
          ...files,
          read: path => new TextEncoder().encode(path === 'good/a.test.yaml' ? content : policy),
        };
        const { tests, diagnostics } = loadPolicyTests(['good/a.test.yaml'], wounded);
        for (const { line, column } of diagnostics) expect(Math.min(line, column)).toBeGreaterThanOrEqual(1);
        expect(tests.length > 0 || diagnostics.length > 0).toBe(true);
        for (const test of tests.filter(({ ticks }) => ticks < 500)) {
          runPolicyTest(test);
          ran += 1;
        }
      }),
      { numRuns: 500 },
    );
    expect(ran).toBeGreaterThan(10);
  }, 60_000);
});

describe('a faultless policy test', () => {
  it.each(good)('is taken without a word, and passes: %s', name => {
    const { tests, diagnostics } = loadPolicyTests([`good/${name}`], files);

    expect(diagnostics.map(formatDiagnostic)).toEqual([]);
    expect(tests.flatMap(test => runPolicyTest(test).failures)).toEqual([]);
    expect(tests).toHaveLength(1);
  });
});
