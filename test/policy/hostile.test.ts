import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePolicies } from '../../src/policy/compile.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostics.ts';

const FIXTURES = new URL('../fixtures/policies/', import.meta.url);

const policies = ['good', 'bad'].flatMap(folder => {
  const url = new URL(`${folder}/`, FIXTURES);
  return readdirSync(url).map(name => readFileSync(new URL(name, url), 'utf8'));
});

/** Either a set or at least one error, each of which can be printed; and never an exception. */
function expectOutcome(content: string | Uint8Array): void {
  const { set, diagnostics } = compilePolicies([{ file: 'p.yaml', content }]);
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  expect(set === undefined).toBe(errors.length > 0);
  for (const diagnostic of diagnostics) {
    expect(diagnostic.line).toBeGreaterThanOrEqual(1);
    expect(diagnostic.column).toBeGreaterThanOrEqual(1);
    expect(formatDiagnostic(diagnostic)).toContain(diagnostic.code);
  }
}

describe('any input', () => {
  it('of bytes is a set or diagnostics', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), expectOutcome), { numRuns: 500 });
  }, 60_000);

  it('of text is a set or diagnostics', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 100 }), expectOutcome), { numRuns: 500 });
  }, 60_000);

  it('of YAML is a set or diagnostics', () => {
    const pieces = fc.constantFrom(
      ...[
        'a',
        '- ',
        ': ',
        '\n',
        '\n  ',
        '{',
        '}',
        '[',
        ']',
        ', ',
        '"',
        "'",
        '|',
        '>',
        '&x ',
        '*x',
        '!!str ',
        '? ',
        '<<',
        '#',
        '---',
        '...',
        '%YAML 1.1',
      ],
      ...[
        'apiVersion: ballonet/v1\n',
        'kind: HostPolicy\n',
        'kind: GuestPolicy\n',
        'metadata: {name: x}\n',
        'spec: {match: {}}\n',
        'null',
        '~',
        '1e999',
        '.nan',
      ],
    );
    const text = fc.array(pieces, { maxLength: 25 }).map(parts => parts.join(''));
    fc.assert(fc.property(text, expectOutcome), { numRuns: 1000 });
  }, 60_000);

  it('that was once a policy is a set or diagnostics', () => {
    const wound = fc.tuple(
      fc.constantFrom(...policies),
      fc.nat(),
      fc.nat(30),
      fc.string({ unit: 'grapheme', maxLength: 8 }),
    );
    fc.assert(
      fc.property(wound, ([policy, at, cut, text]) => {
        const start = at % (policy.length + 1);
        expectOutcome(policy.slice(0, start) + text + policy.slice(start + cut));
      }),
      { numRuns: 1000 },
    );
  }, 60_000);

  it('with a value of another kind anywhere is a set or diagnostics', () => {
    const value = fc.constantFrom(
      'null',
      '7',
      '-1',
      '1e400',
      'true',
      '[]',
      '{}',
      '[[1]]',
      '{a: 1}',
      '""',
      "'5%'",
      '0B',
      '9007199254740993',
      '.inf',
      '*x',
      '~',
    );
    const lines = policies.flatMap(policy =>
      [...policy.matchAll(/: ([^{}[\],\n]+)/g)].map(match => ({ policy, match })),
    );
    fc.assert(
      fc.property(fc.constantFrom(...lines), value, ({ policy, match }, replacement) => {
        expectOutcome(
          `${policy.slice(0, match.index)}: ${replacement}${policy.slice(match.index + match[0].length)}`,
        );
      }),
      { numRuns: 1000 },
    );
  }, 60_000);
});
