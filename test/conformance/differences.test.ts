import { describe, expect, it } from 'vitest';
import { CHECKS } from './checks.ts';
import { DIFFERENCES } from './differences.ts';
import { DRIVERS } from './subject.ts';

describe('the table of differences', () => {
  it('has no row that says what all drivers say', () => {
    const idle = CHECKS.flatMap(([id, { answer }]) =>
      Object.entries(DIFFERENCES[id] ?? {})
        .filter(([, difference]) => JSON.stringify(difference.answer) === JSON.stringify(answer))
        .map(([driver]) => `${id} of ${driver}`),
    );
    expect(idle).toEqual([]);
  });

  it('has no check in which every driver is an exception', () => {
    const drivers = Object.keys(DRIVERS).length;
    const rows = Object.values(DIFFERENCES);
    expect(rows.filter(row => Object.keys(row).length === drivers)).toEqual([]);
  });
});
