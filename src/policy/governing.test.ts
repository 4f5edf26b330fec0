import { describe, expect, it } from 'vitest';
import { known } from '../model/snapshot.ts';
import { GiB } from '../model/units.ts';
import { governingPolicy } from './governing.ts';
import type { GuestMatch } from './policy-set.ts';
import { type GuestParts, guestPolicy, guestSample, policySet } from './testing.ts';

describe('the governing policy', () => {
  const taking = (name: string, takes: (guest: GuestMatch) => boolean | undefined) =>
    guestPolicy({ name, mismatch: guest => (takes(guest) ? undefined : 'match') });

  it.each([
    ['name', { name: 'b' }, ({ name }: GuestMatch) => name === 'b'],
    ['title', { title: 'b' }, ({ title }: GuestMatch) => title === 'b'],
    ['tags', { tags: { tier: 'b' } }, ({ tags }: GuestMatch) => tags?.tier === 'b'],
    ['operating system', { os: 'b' }, ({ os }: GuestMatch) => os === 'b'],
    ['maximum', { readings: { max: known(GiB) } }, ({ readings }: GuestMatch) => readings?.max.value === GiB],
  ])('follows a change of the %s, there and back', (_, changed: GuestParts, takes) => {
    const policies = policySet([taking('special', takes), taking('rest', () => true)]);
    const names = [{}, {}, changed, changed, {}].map(
      parts => governingPolicy(policies, guestSample(parts))?.name,
    );
    expect(names).toEqual(['rest', 'rest', 'special', 'special', 'rest']);
  });

  it('asks no policy again about a guest that is as it was, and each set for itself', () => {
    let asked = 0;
    const counted = () => {
      const policies = policySet([taking('all', () => ++asked > 0)]);
      return () => governingPolicy(policies, guestSample());
    };
    const [one, other] = [counted(), counted()];
    for (let i = 0; i < 3; i++) one();
    expect(asked).toBe(1);
    other();
    expect(asked).toBe(2);
  });
});
