import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Memories } from './memories.ts';
import { newGuestMemory } from './state.ts';

const UUIDS: readonly string[] = ['a', 'b', 'c', 'd', 'e'];
const entries = fc.array(fc.tuple(fc.constantFrom(...UUIDS), fc.nat(9).map(newGuestMemory)));

describe('the memories of guests', () => {
  it('are what a map of them would be', () => {
    fc.assert(
      fc.property(entries, list => {
        const memories = Memories.of(list);
        const map = new Map(list);
        expect([...memories]).toEqual([...map]);
        expect([...memories.keys()]).toEqual([...map.keys()]);
        expect([...memories.values()]).toEqual([...map.values()]);
        expect(memories.size).toBe(map.size);
        for (const uuid of [...UUIDS, 'none']) {
          expect(memories.get(uuid)).toBe(map.get(uuid));
          expect(memories.has(uuid)).toBe(map.has(uuid));
        }
        const told: unknown[] = [];
        memories.forEach((memory, uuid) => {
          told.push([uuid, memory]);
        });
        expect(told).toEqual([...map]);
      }),
    );
  });

  it('are found by their places only where the guest that is asked for stands there', () => {
    const [one, two] = [newGuestMemory(1), newGuestMemory(2)];
    const memories = Memories.of([
      ['a', one],
      ['b', two],
    ]);
    expect(memories.at(1, 'b')).toBe(two);
    expect(memories.at(0, 'b')).toBeUndefined();
    expect(memories.at(2, 'c')).toBeUndefined();
  });

  it('leave those of the tick before as they were', () => {
    const before = Memories.of([['a', newGuestMemory(1)]]);
    const after = before.with([newGuestMemory(2)]);
    expect(before.get('a')?.epoch).toBe(1);
    expect(after.get('a')?.epoch).toBe(2);
  });
});
