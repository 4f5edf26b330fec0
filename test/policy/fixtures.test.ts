import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compilePolicies } from '../../src/policy/compile.ts';
import { DIAGNOSTICS, formatDiagnostic } from '../../src/policy/source/diagnostics.ts';

/**
 * Policies with one fault each, and policies without one. The first line of a faulty file says what is to be found in it, and
 * where: `# expect: CODE line:column`, several with commas between them.
 */

const ROOT = new URL('../fixtures/policies/', import.meta.url);

function filesIn(folder: string): { readonly name: string; readonly content: string }[] {
  const url = new URL(`${folder}/`, ROOT);
  return readdirSync(url).map(name => ({ name, content: readFileSync(new URL(name, url), 'utf8') }));
}

const bad = filesIn('bad');
const good = filesIn('good');

describe('a faulty policy', () => {
  it.each(bad)('is refused at the fault: $name', ({ name, content }) => {
    const expected = /^# expect: (.+)$/m.exec(content)?.[1];

    const { set, diagnostics } = compilePolicies([{ file: name, content }]);

    expect(diagnostics.map(({ code, line, column }) => `${code} ${line}:${column}`).join(', ')).toBe(
      expected,
    );
    expect(set).toBeUndefined();
  });

  it('has at least one example for every code that a text can cause', () => {
    const expected = new Set(
      bad.flatMap(({ content }) => [...content.matchAll(/POLICY_\w+(?= \d+:\d+)/g)].map(String)),
    );
    // The first two cannot be put into a text file; series stand in tests and not in policies.
    const elsewhere = ['POLICY_UNREADABLE', 'POLICY_ENCODING', 'POLICY_SERIES'];

    expect(Object.keys(DIAGNOSTICS).filter(code => !expected.has(code))).toEqual(elsewhere);
  });
});

describe('a faultless policy', () => {
  it.each(good)('is accepted without a word: $name', ({ name, content }) => {
    const { set, diagnostics } = compilePolicies([{ file: name, content }]);

    expect(diagnostics.map(formatDiagnostic)).toEqual([]);
    expect(set?.host.source.file).toBe(name);
  });
});
