import { describe, expect, it } from 'vitest';
import { mismatchOf, type Selection, type Selector, selectionsOverlap } from './match.ts';
import { parseGlob } from './match-glob.ts';

type Globs = Readonly<Record<string, readonly string[]>>;

function selector(fields: Globs): Selector {
  return Object.fromEntries(
    Object.entries(fields).map(([field, globs]) => [
      field,
      globs.map(text => {
        const parsed = parseGlob(text);
        if ('problem' in parsed) throw new Error(parsed.problem);
        return parsed.glob;
      }),
    ]),
  );
}

function selection(match: Globs, exclude?: Globs): Selection {
  return { match: selector(match), exclude: exclude === undefined ? undefined : selector(exclude) };
}

const guest = { name: 'web-1', uuid: '6fa2b6c0-0000-4000-8000-00000000000a', title: 'nightly shop' };

describe('mismatchOf', () => {
  it('selects every guest with an empty match', () => {
    expect(mismatchOf(selection({}), guest)).toBeUndefined();
    expect(mismatchOf(selection({}), {})).toBeUndefined();
  });

  it('wants every field, and one glob of each', () => {
    expect(mismatchOf(selection({ name: ['db-*', 'web-*'], title: ['*shop*'] }), guest)).toBeUndefined();
    expect(mismatchOf(selection({ name: ['web-*'], title: ['*test*'] }), guest)).toBe('match.title');
    expect(mismatchOf(selection({ name: ['db-*'], title: ['*shop*'] }), guest)).toBe('match.name');
  });

  it('takes UUIDs in any case', () => {
    expect(
      mismatchOf(selection({ uuid: ['6fa2*'] }), { ...guest, uuid: guest.uuid.toUpperCase() }),
    ).toBeUndefined();
  });

  it('does not select by a title that the guest does not have', () => {
    expect(mismatchOf(selection({ title: ['*'] }), { name: 'web-1' })).toBe('match.title');
  });

  it('leaves out what exclude selects, which takes all of its fields', () => {
    const policy = selection({ name: ['web-*'] }, { name: ['*-1'], title: ['nightly*'] });

    expect(mismatchOf(policy, guest)).toBe('exclude.name+title');
    expect(mismatchOf(policy, { ...guest, title: 'daily' })).toBeUndefined();
  });
});

describe('selectionsOverlap', () => {
  const overlap = (a: Selection, b: Selection) => selectionsOverlap(a, b, { left: 1e6 });

  it('keeps apart what a common field keeps apart', () => {
    expect(overlap(selection({ name: ['a*'] }), selection({ name: ['b*'] }))).toBe(false);
    expect(overlap(selection({ name: ['a*', 'c'] }), selection({ name: ['b*', '?'] }))).toBe(true);
    expect(
      overlap(selection({ name: ['x'], title: ['a*'] }), selection({ name: ['x'], title: ['b*'] })),
    ).toBe(false);
  });

  it('does not take a field that only one of them has for a difference', () => {
    expect(overlap(selection({ name: ['a'] }), selection({ title: ['b'] }))).toBe(true);
    expect(overlap(selection({}), selection({ uuid: ['0*'] }))).toBe(true);
  });

  it('keeps apart what one of them excludes altogether', () => {
    const all = selection({}, { name: ['db-*'] });

    expect(overlap(all, selection({ name: ['db-*'] }))).toBe(false);
    expect(overlap(selection({ name: ['db-1', 'db-2'] }), all)).toBe(false);
    expect(overlap(all, selection({ name: ['db-*', 'web'] }))).toBe(true);
    expect(overlap(all, selection({ title: ['x'] }))).toBe(true);
  });

  it('takes an exclusion by two fields only for guests that both exclude', () => {
    const all = selection({}, { name: ['db-*'], title: ['old*'] });

    expect(overlap(all, selection({ name: ['db-*'] }))).toBe(true);
    expect(overlap(all, selection({ name: ['db-*'], title: ['old*'] }))).toBe(false);
  });

  it('says that they overlap when it may not look any further', () => {
    const work = { left: 3 };

    expect(selectionsOverlap(selection({ name: ['aaaa'] }), selection({ name: ['bbbb'] }), work)).toBe(true);
    expect(work.left).toBeLessThan(0);
  });
});
