import { describe, expect, it } from 'vitest';
import { FILE_BYTES_MAX, readDocuments } from './documents.ts';

function read(content: string | Uint8Array) {
  const { documents, diagnostics } = readDocuments({ file: 'p.yaml', content });
  return {
    values: documents.map(({ value }) => value),
    codes: diagnostics.map(({ code }) => code),
    diagnostics,
  };
}

describe('readDocuments', () => {
  it('reads several documents and leaves empty ones out', () => {
    expect(read('a: 1\n---\n# nothing\n---\nb: [x, 2, true]\n---\n').values).toEqual([
      { a: 1 },
      { b: ['x', 2, true] },
    ]);
    expect(read('').values).toEqual([]);
    expect(read('# only a comment\n').values).toEqual([]);
  });

  it('reads YAML 1.2, in which yes, no and 0777 mean themselves', () => {
    expect(read('a: yes\nb: no\nc: 0777\n').values).toEqual([{ a: 'yes', b: 'no', c: 777 }]);
  });

  it('passes over a byte order mark', () => {
    expect(read(Uint8Array.of(0xef, 0xbb, 0xbf, ...Buffer.from('a: 1'))).values).toEqual([{ a: 1 }]);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(read(Uint8Array.of(0x61, 0x3a, 0x20, 0xff, 0xfe)).codes).toEqual(['POLICY_ENCODING']);
    expect(read(Buffer.from('a: 1', 'utf16le').subarray(0, 7)).values).not.toEqual([{ a: 1 }]);
  });

  it('refuses a file over the limit without reading it', () => {
    // Were it read, the bytes that are no UTF-8 would be what is wrong with it.
    const { codes } = read(new Uint8Array(10 * FILE_BYTES_MAX).fill(0xff));

    expect(codes).toEqual(['POLICY_LIMIT']);
  });

  it('keeps the documents that are sound when another one is not', () => {
    const { values, codes } = read('a: 1\n---\nb: [\n---\nc: 3\n');

    expect(codes.length).toBeGreaterThan(0);
    expect(values).toContainEqual({ a: 1 });
  });

  it('reads aliases, and stops when they multiply', () => {
    const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      bomb.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );

    expect(read('a: &x {b: 1}\nc: *x\n').values).toEqual([{ a: { b: 1 }, c: { b: 1 } }]);
    expect(read(bomb.join('\n')).codes).toEqual(['POLICY_LIMIT']);
  });

  it('stops at an alias that holds itself', () => {
    expect(read('a: &x [*x]\n').codes).toContain('POLICY_LIMIT');
  });

  it.each([
    ['a list in a list', '['.repeat(400_000)],
    ['a mapping in a mapping', '{a: '.repeat(200_000)],
    ['dashes on one line', '- '.repeat(200_000)],
    ['question marks', '? '.repeat(200_000)],
    ['keys', Array.from({ length: 90_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['documents', '---\n'.repeat(200_000)],
    ['quotes', '"'.repeat(900_000)],
    ['commas', `[${',\n'.repeat(300_000)}]`],
    ['anchors', '&a '.repeat(300_000)],
  ])('refuses a file full of %s within five seconds', (_, text) => {
    const start = performance.now();

    const { codes } = read(text);

    expect(codes.length).toBeGreaterThan(0);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('gives objects without a prototype', () => {
    const [value] = read('__proto__: {polluted: true}\nconstructor: 1\n').values;

    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.keys(Object(value))).toEqual(['__proto__', 'constructor']);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});
