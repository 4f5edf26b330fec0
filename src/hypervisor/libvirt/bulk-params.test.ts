import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BulkParams, Layout, Layouts } from './bulk-params.ts';

function layoutOf(names: readonly string[]): Layout {
  return new Layout(names.map(text => ({ text, words: new Uint32Array() })));
}

describe('the parameters of a bulk record', () => {
  it('are read like a map of the same pairs, the last of equal names included', () => {
    const pair = fc.tuple(
      fc.constantFrom('a', 'b', 'c', '__proto__', ''),
      fc.oneof(fc.integer(), fc.string()),
    );
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 7 }), pairs => {
        const params = new BulkParams(
          layoutOf(pairs.map(([name]) => name)),
          pairs.map(([, value]) => value),
        );
        const map = new Map<string, number | string>(pairs);

        expect([...params]).toEqual([...map]);
        expect([...params.entries()]).toEqual([...map.entries()]);
        expect([...params.keys()]).toEqual([...map.keys()]);
        expect([...params.values()]).toEqual([...map.values()]);
        expect(params.size).toBe(map.size);
        for (const name of ['a', 'b', '__proto__', '', 'toString']) {
          expect([params.has(name), params.get(name)]).toEqual([map.has(name), map.get(name)]);
        }
        const seen: unknown[] = [];
        params.forEach((value, name, of) => {
          seen.push([name, value, of === params]);
        });
        expect(seen).toEqual([...map].map(([name, value]) => [name, value, true]));
      }),
    );
  });
});

describe('layouts', () => {
  it('are kept by the number of their names, and only a few of them', () => {
    const layouts = new Layouts();
    const made = Array.from({ length: 100 }, (_, count) =>
      layouts.keep(layoutOf(Array.from({ length: count }, (__, i) => `n${i}`))),
    );

    expect(layouts.get(99)).toBe(made[99]);
    expect(made.filter((layout, count) => layouts.get(count) === layout).length).toBeLessThanOrEqual(8);
  });
});
