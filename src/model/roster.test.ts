import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Roster } from './roster.ts';

const uuid = fc.constantFrom('a', 'b', 'c');

const step = fc.oneof(
  fc.record({ does: fc.constant('set' as const), uuid, entry: fc.integer() }),
  fc.record({ does: fc.constant('delete' as const), uuid }),
  fc.record({ does: fc.constant('clear' as const) }),
  fc.record({ does: fc.constant('look' as const), uuid, place: fc.nat({ max: 3 }) }),
);

describe('a roster', () => {
  it('has at any place what a map has, whatever was there before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const roster = new Roster<number>();
        const map = new Map<string, number>();
        for (const each of steps) {
          if (each.does === 'look') expect(roster.at(each.uuid, each.place)).toBe(map.get(each.uuid));
          for (const one of [roster, map]) {
            if (each.does === 'set') one.set(each.uuid, each.entry);
            else if (each.does === 'delete') one.delete(each.uuid);
            else if (each.does === 'clear') one.clear();
          }
        }
      }),
    );
  });
});
