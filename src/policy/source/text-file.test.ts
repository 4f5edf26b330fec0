import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeAt, textFile } from './text-file.ts';

describe('placeAt', () => {
  it('counts lines and columns from 1', () => {
    const source = textFile('f.yaml', 'a: 1\nbb: 22\n');

    expect(placeAt(source, 0)).toMatchObject({ line: 1, column: 1, sourceLine: 'a: 1' });
    expect(placeAt(source, 9, 11)).toMatchObject({ line: 2, column: 5, span: 2, sourceLine: 'bb: 22' });
    expect(placeAt(source, 12)).toMatchObject({ line: 3, column: 1, sourceLine: '' });
  });

  it('ends a span with its line, and leaves a carriage return out of it', () => {
    const source = textFile('f.yaml', 'abc\r\ndef');

    expect(placeAt(source, 1, 7)).toMatchObject({ line: 1, column: 2, span: 2, sourceLine: 'abc' });
  });

  it('finds for every offset the line that holds it', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '\n', ' ') }), fc.nat(60), (text, offset) => {
        const at = Math.min(offset, text.length);
        const before = text.slice(0, at).split('\n');

        const place = placeAt(textFile('f', text), offset);

        expect(place.line).toBe(before.length);
        expect(place.column).toBe((before.at(-1) ?? '').length + 1);
        expect(place.sourceLine).toBe(text.split('\n')[before.length - 1]);
      }),
    );
  });
});
