import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Document, isScalar } from 'yaml';
import { readDocuments, type SourceDocument } from './documents.ts';
import { keyPlace, scalarText, valuePlace } from './locate.ts';

function documentOf(text: string): SourceDocument {
  const [document] = readDocuments({ file: 'f', content: text }).documents;
  if (document === undefined) throw new Error('the text has no document');
  return document;
}

describe('valuePlace and keyPlace', () => {
  const document = documentOf('spec:\n  pressure:\n    - {name: soft, when: true}\n  empty:\n');

  it('find values and keys through mappings and lists', () => {
    expect(valuePlace(document, ['spec', 'pressure', 0, 'when'])).toMatchObject({ line: 3, column: 26 });
    expect(keyPlace(document, ['spec', 'pressure', 0, 'when'])).toMatchObject({ line: 3, column: 20 });
  });

  it('point at the key of an empty value', () => {
    expect(valuePlace(document, ['spec', 'empty'])).toMatchObject({ line: 4, column: 3 });
  });

  it('point at the nearest thing above what is missing', () => {
    expect(valuePlace(document, ['spec', 'nothing', 'here'])).toMatchObject({ line: 2, column: 3 });
  });
});

describe('scalarText', () => {
  it.each([
    ['plain', 'e: aaa + bbb', 1, 10],
    ['single quotes', "e: 'aaa + bbb'", 1, 11],
    ['double quotes', 'e: "aaa + bbb"', 1, 11],
    ['escapes before it', 'e: "\\"x\\" + bbb"', 1, 13],
    ['doubled quotes before it', "e: '''x'' + bbb'", 1, 13],
    ['a literal block', 'e: | # note\n  aaa\n    + bbb\n', 3, 7],
    ['a folded block', 'e: >-\n  aaa +\n\n  bbb\n', 4, 3],
    ['a plain scalar over lines', 'e: aaa\n  +\n   bbb', 3, 4],
    ['an alias', 'd: &x aaa + bbb\ne: *x', 1, 13],
  ])('finds the way back into %s', (_, text, line, column) => {
    const scalar = scalarText(documentOf(text), ['e']);
    const at = scalar?.text.indexOf('bbb') ?? -1;

    expect(at).toBeGreaterThan(0);
    expect(scalar?.place(at, at + 3)).toMatchObject({ line, column, span: 3 });
  });

  it('points at the scalar when an escape cannot be followed', () => {
    const scalar = scalarText(documentOf('e: "\\x61 + bbb"'), ['e']);

    expect(scalar?.text).toBe('a + bbb');
    expect(scalar?.place(4, 7)).toMatchObject({ line: 1, column: 4 });
  });

  it('gives numbers and truth values as they are written', () => {
    expect(scalarText(documentOf('e: 1e3'), ['e'])?.text).toBe('1e3');
    expect(scalarText(documentOf('e: true'), ['e'])?.text).toBe('true');
    expect(scalarText(documentOf('e: [1]'), ['e'])).toBeUndefined();
  });

  it('finds every visible character of every scalar at itself, whatever style it is written in', () => {
    const words = fc.array(
      fc.string({ unit: fc.constantFrom('a', 'B', '(', '+', '*', '9', '.'), minLength: 1 }),
      { minLength: 1 },
    );
    const style = fc.constantFrom('PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE', 'BLOCK_LITERAL', 'BLOCK_FOLDED');
    fc.assert(
      fc.property(words, style, fc.integer({ min: 20, max: 80 }), (parts, type, lineWidth) => {
        const yaml = new Document({ e: parts.join(' ') });
        const node = yaml.get('e', true);
        if (isScalar(node)) node.type = type;
        const text = yaml.toString({ lineWidth });
        const scalar = scalarText(documentOf(text), ['e']);
        const lines = text.split('\n');

        expect(scalar?.text.trim()).toBe(parts.join(' '));
        for (const [i, character] of Array.from(scalar?.text ?? '').entries()) {
          if (/\s/.test(character)) continue;
          const place = scalar?.place(i, i + 1);
          expect(lines[(place?.line ?? 0) - 1]?.[(place?.column ?? 0) - 1]).toBe(character);
        }
      }),
      { numRuns: 200 },
    );
  });
});
