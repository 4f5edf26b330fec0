import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../model/units.ts';
import { decide } from './decide.ts';
import type { HostPolicy } from './policy-set.ts';
import type { GuestMemory } from './state.ts';
import {
  type GuestParts,
  guestPolicy,
  guestSample,
  hostPolicy,
  instant,
  policySet,
  snapshot,
  stateOf,
} from './testing.ts';

const KEPT = guestPolicy({ shrink: { at: new Set() } });

/** Reasons of one guest that is seen with one size after another, a tick every ten seconds. */
function reasons(
  sizes: readonly number[],
  {
    host = {},
    sample = {},
    memory = {},
  }: { host?: Partial<HostPolicy>; sample?: GuestParts; memory?: Partial<GuestMemory> } = {},
): string[] {
  const set = policySet([KEPT], hostPolicy({ yieldForSeconds: 600, ...host }));
  const seen = (current: number, index: number) =>
    snapshot({ guests: [guestSample({ reportsInEpoch: 10 + index, current, ...sample })] });
  let state = stateOf(seen(sizes[0] ?? 0, 0), { 'guest-a': memory });
  return sizes.map((size, index) => {
    const tick = decide(state, seen(size, index), set, instant(index * 10));
    state = tick.state;
    return tick.decisions[0]?.reason ?? '';
  });
}

describe('a balloon that somebody else moves', () => {
  it('is left alone, and says so, until the time is over', () => {
    const sizes = [4 * GiB, 4 * GiB, ...new Array<number>(62).fill(3 * GiB)];
    const found = reasons(sizes);

    expect(found[1]).toBe('LEVEL_FORBIDS');
    expect(found.slice(2, 62)).toEqual(new Array(60).fill('FOREIGN_CHANGE'));
    expect(found[62]).toBe('LEVEL_FORBIDS');
  });

  it('is left alone for longer when it is moved again', () => {
    const sizes = [4 * GiB, ...new Array<number>(30).fill(3 * GiB), ...new Array<number>(59).fill(2 * GiB)];

    expect(new Set(reasons(sizes).slice(1))).toEqual(new Set(['FOREIGN_CHANGE']));
  });

  it('is not looked at unless the host policy says so', () => {
    expect(reasons([4 * GiB, 3 * GiB], { host: { yieldForSeconds: undefined } })).not.toContain(
      'FOREIGN_CHANGE',
    );
  });

  it('is not what we have asked for ourselves', () => {
    const move = { from: 4 * GiB, to: 3 * GiB, at: 0 };
    expect(reasons([4 * GiB, 3 * GiB, 3 * GiB], { memory: { move } })).not.toContain('FOREIGN_CHANGE');
    // The last pages of a move come after it has been counted as arrived.
    expect(reasons([3 * GiB + 2 * MiB, 3 * GiB], { memory: { move } })).not.toContain('FOREIGN_CHANGE');
  });

  it('is not a size that had not stood still before', () => {
    expect(reasons([4 * GiB, 3 * GiB], { memory: { resting: { size: 4 * GiB, since: 7 } } })).not.toContain(
      'FOREIGN_CHANGE',
    );
  });

  it('is not a guest that takes its memory back by itself', () => {
    const balloon = { device: 'virtio', autodeflate: true } as const;
    expect(reasons([3 * GiB, 4 * GiB], { sample: { balloon } })).not.toContain('FOREIGN_CHANGE');
  });

  it('is not a guest that has begun anew', () => {
    const set = policySet([KEPT], hostPolicy({ yieldForSeconds: 600 }));
    const before = snapshot({ guests: [guestSample()] });
    const after = snapshot({ guests: [guestSample({ epoch: 2, current: 2 * GiB, reportsInEpoch: 1 })] });
    const first = decide(stateOf(before), before, set, instant(0));

    expect(decide(first.state, after, set, instant(10)).decisions[0]?.reason).toBe('BOOT_RESTORED');
  });
});
