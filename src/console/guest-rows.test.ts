import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowsOf, type View } from './guest-rows.ts';
import type { GuestRow } from './store.ts';

const START: View = { search: '', filter: 'all', sort: 'name', descending: false };

function guest(name: string, parts: Partial<GuestRow> = {}): GuestRow {
  return { name, uuid: name, id: 1, state: 'running', action: 'hold', reason: 'COOLDOWN', ...parts };
}

const names = (guests: readonly GuestRow[], view: Partial<View>) =>
  rowsOf(guests, { ...START, ...view }).map(({ name }) => name);

describe('rows of the table of guests', () => {
  it('are in the order of people, not of computers', () => {
    expect(names([guest('web-10'), guest('web-9'), guest('db-1')], {})).toEqual(['db-1', 'web-9', 'web-10']);
  });

  it('have what is not known last, in either order', () => {
    const guests = [guest('a'), guest('b', { usedBytes: 1 }), guest('c', { usedBytes: 2 })];
    expect(names(guests, { sort: 'used' })).toEqual(['b', 'c', 'a']);
    expect(names(guests, { sort: 'used', descending: true })).toEqual(['c', 'b', 'a']);
  });

  it('are those that have every word that is searched for', () => {
    const guests = [guest('web-1', { policy: 'gold' }), guest('web-2'), guest('db-1', { policy: 'gold' })];
    expect(names(guests, { search: 'GOLD web' })).toEqual(['web-1']);
    expect(names(guests, { search: 'cooldown' })).toHaveLength(3);
  });

  it('can be those that move, are small, cannot be moved, or are nobody’s', () => {
    const guests = [
      guest('moves', { action: 'grow', policy: 'p', targetBytes: 2 }),
      guest('small', { currentBytes: 1, maxBytes: 2, policy: 'p', targetBytes: 1 }),
      guest('stale', { reason: 'STATS_STALE', policy: 'p', targetBytes: 1 }),
      guest('free', { reason: 'UNMANAGED', targetBytes: 1 }),
    ];
    expect(names(guests, { filter: 'moving' })).toEqual(['moves']);
    expect(names(guests, { filter: 'small' })).toEqual(['small']);
    expect(names(guests, { filter: 'held' })).toEqual(['stale']);
    expect(names(guests, { filter: 'unmanaged' })).toEqual(['free']);
  });

  it('are all there once, whatever they are sorted by', () => {
    const sizes = fc.array(fc.option(fc.nat(5), { nil: undefined }), { maxLength: 20 });
    const sort = fc.constantFrom('name', 'state', 'current', 'target', 'used', 'taken', 'policy' as const);
    fc.assert(
      fc.property(sizes, sort, fc.boolean(), (sizes, sort, descending) => {
        const guests = sizes.map((size, i) =>
          guest(`g${i}`, size === undefined ? {} : { currentBytes: size, usedBytes: size, maxBytes: 6 }),
        );
        expect(names(guests, { sort, descending }).toSorted()).toEqual(
          guests.map(({ name }) => name).toSorted(),
        );
      }),
    );
  });
});
