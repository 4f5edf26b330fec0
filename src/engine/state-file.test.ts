import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Anchor } from '../model/anchor.ts';
import { MiB } from '../model/units.ts';
import { initialState, newGuestMemory } from '../policy/state.ts';
import { type Kept, packState, unpackState } from './state-file.ts';

const THEN: Anchor = { bootId: 'boot-a', monotonic: 1000, wall: 50_000 };
const REPORT = {
  lastUpdate: 49_999,
  total: 900 * MiB,
  available: 500 * MiB,
  free: undefined,
  cache: Number.NaN,
  swapIn: 0,
  swapOut: 0,
  majorFaults: 7,
  minorFaults: 900,
  oomKills: undefined,
  allocStalls: undefined,
};
const KEPT: Kept = {
  state: {
    ...initialState(900),
    guests: new Map([
      [
        'guest-ä',
        { ...newGuestMemory(3), target: 512 * MiB, shrunkAt: 990, resting: { size: 512 * MiB, since: 995 } },
      ],
    ]),
  },
  epochs: new Map([['guest-ä', { id: 7, epoch: 3, epochBegan: 400, reports: 12, latest: REPORT }]]),
};
const FILE = Buffer.from(packState(KEPT, THEN));

describe('a state file', () => {
  it('gives back what was kept, on the same clock within one boot', () => {
    expect(unpackState(FILE, { ...THEN, monotonic: 1040, wall: 1 })).toEqual(KEPT);
  });

  it('of another boot ages by the wall clock, and no process of it is there any more', () => {
    const read = unpackState(FILE, { bootId: 'boot-b', monotonic: 20, wall: 50_060 });
    if ('problem' in read) throw new Error(read.problem);
    // 10 s old when it was written, 60 s passed since.
    expect(read.state.guests.get('guest-ä')?.shrunkAt).toBe(20 - 70);
    expect(read.epochs.get('guest-ä')).toMatchObject({ id: -1, epochBegan: 20 - 660 });
  });

  it('that is cut off at any byte says that it cannot be used', () => {
    for (let length = 0; length < FILE.length; length++)
      expect(unpackState(FILE.subarray(0, length), THEN)).toHaveProperty('problem');
  });

  it('with any bit flipped says that it cannot be used', () => {
    for (let at = 0; at < FILE.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(FILE);
        damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << bit), at);
        expect(unpackState(damaged, THEN)).toHaveProperty('problem');
      }
    }
  });

  it('that is anything else says that it cannot be used', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(unpackState(bytes, THEN)).toHaveProperty('problem');
      }),
    );
    const other = packState(KEPT, THEN).replace('state 1 ', 'state 2 ');
    expect(unpackState(Buffer.from(other), THEN)).toHaveProperty('problem');
  });
});
