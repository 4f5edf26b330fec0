import { describe, expect, it } from 'vitest';
import { compileExpression } from './cel.ts';
import { NAME_HELP } from './name-help.ts';
import { CONSTANTS, type Fields, guestScope, HOST_SCOPE, MATCH_SCOPE, type Visible } from './names.ts';

const SOURCE = { file: 'p.yaml', line: 1, column: 1 };

function dotted(fields: Fields, root = ''): string[] {
  return Object.entries(fields).flatMap(([name, below]) =>
    typeof below === 'string' ? [`${root}${name}`] : dotted(below, `${root}${name}.`),
  );
}

function compiles(text: string, visible: Visible): boolean {
  return 'expression' in compileExpression(text, 'bool', visible, SOURCE);
}

describe('the names of expressions', () => {
  const names = dotted(guestScope([]));

  it('are each explained in the reference, which explains no others', () => {
    expect(Object.keys(NAME_HELP)).toEqual(names);
  });

  it.each(names)('can be read and asked for by has(): %s', name => {
    expect(compiles(`has(${name})`, guestScope([]))).toBe(true);
    expect(compiles(`has(${name}x)`, guestScope([]))).toBe(false);
  });

  it('are the host’s alone for levels, and what stays the same for a match', () => {
    expect(dotted(HOST_SCOPE)).toEqual(names.filter(name => /^host\.(?!level)/.test(name)));
    expect(dotted(MATCH_SCOPE)).toEqual([
      'guest.name',
      'guest.uuid',
      'guest.title',
      'guest.tags',
      'guest.os',
      'guest.max',
    ]);
  });

  it('have constants for sizes', () => {
    expect(CONSTANTS).toEqual({ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 });
  });
});
