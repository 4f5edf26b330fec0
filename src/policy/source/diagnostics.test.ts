import { describe, expect, it } from 'vitest';
import { errorAt, formatDiagnostic, sortDiagnostics } from './diagnostics.ts';

const place = { file: 'p.yaml', line: 3, column: 5, span: 4, sourceLine: 'a:  oops' };

describe('formatDiagnostic', () => {
  it('prints place, severity, code and message, the line with a caret, and the hint', () => {
    const text = formatDiagnostic(errorAt(place, 'POLICY_RANGE', 'too much', { hint: 'less' }));

    expect(text).toBe('p.yaml:3:5: error POLICY_RANGE: too much\n  a:  oops\n      ^~~~\n  hint: less');
  });

  it('prints one line when there is no source line', () => {
    expect(formatDiagnostic(errorAt({ file: 'x', line: 1, column: 1 }, 'POLICY_UNREADABLE', 'gone'))).toBe(
      'x:1:1: error POLICY_UNREADABLE: gone',
    );
  });

  it('keeps escape sequences of the file from the terminal', () => {
    const hostile = { ...place, sourceLine: 'a:  \u001b[2Jx\u202e' };

    const text = formatDiagnostic(
      errorAt(hostile, 'POLICY_RANGE', 'bad \u001b]0;title\u0007', { hint: '\u009b' }),
    );

    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('shows the part of a long line that the caret points at', () => {
    const sourceLine = `${'x'.repeat(5000)}HERE${'y'.repeat(5000)}`;

    const [, excerpt = '', caret = ''] = formatDiagnostic(
      errorAt({ ...place, column: 5001, sourceLine }, 'POLICY_RANGE', 'm'),
    ).split('\n');

    expect(excerpt.length).toBeLessThan(130);
    expect(excerpt.slice(caret.indexOf('^'), caret.length)).toBe('HERE');
  });
});

describe('sortDiagnostics', () => {
  it('orders by file, line and column', () => {
    const at = (file: string, line: number, column: number) =>
      errorAt({ file, line, column }, 'POLICY_YAML', '');

    const sorted = sortDiagnostics([at('b', 1, 1), at('a', 2, 1), at('a', 1, 9), at('a', 1, 2)]);

    expect(sorted.map(({ file, line, column }) => `${file}${line}${column}`)).toEqual([
      'a12',
      'a19',
      'a21',
      'b11',
    ]);
  });
});
