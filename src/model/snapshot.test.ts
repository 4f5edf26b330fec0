import { describe, expect, it } from 'vitest';
import { ABSENT, known, ratioOf, trusted } from './snapshot.ts';

const stale = { value: 5, ageSeconds: 60, quality: 'stale' } as const;

describe('readings', () => {
  it('are trusted only when their quality is ok; 0 is a value', () => {
    expect(trusted(known(0))).toBe(0);
    expect(trusted(stale)).toBeUndefined();
    expect(trusted(ABSENT)).toBeUndefined();
    expect(trusted({ ageSeconds: 0, quality: 'implausible' })).toBeUndefined();
  });

  it('have a ratio only where both are trusted and the whole is something', () => {
    expect(ratioOf(known(1), known(4))).toBe(0.25);
    expect(ratioOf(known(0), known(4))).toBe(0);
    expect(ratioOf(known(1), known(0))).toBeUndefined();
    expect(ratioOf(known(1), stale)).toBeUndefined();
    expect(ratioOf(stale, known(4))).toBeUndefined();
  });
});
