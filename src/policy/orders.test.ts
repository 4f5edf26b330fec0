import { describe, expect, it } from 'vitest';
import { POLICIES } from '../../test/fakes/policies.ts';
import { sampleOf, snapshotOf } from '../../test/fakes/samples.ts';
import { ABSENT, known } from '../model/snapshot.ts';
import { GiB } from '../model/units.ts';
import { decide } from './decide.ts';
import { obey } from './orders.ts';
import type { Pause } from './pauses.ts';
import { initialState, type PolicyState } from './state.ts';

const PAUSE: Pause = { since: 1000, until: 1060, reason: 'backup', by: 'alice' };
const SHRUNK = sampleOf({ readings: { current: known(GiB) } });
const { uuid } = SHRUNK;

function at(wall: number) {
  return { monotonic: wall - 900, wall };
}

function tick(state: PolicyState, wall: number, sample = SHRUNK) {
  return decide(state, snapshotOf([sample]), POLICIES, at(wall));
}

describe('orders', () => {
  it('hold a paused guest until the pause ends by itself, and forget it then', () => {
    const { state } = obey(initialState(0), { type: 'pause', uuid, pause: PAUSE }, undefined, at(1000));
    const during = tick(state, 1059);
    expect(during.decisions[0]).toMatchObject({ action: 'hold', reason: 'PAUSED' });
    expect(during.decisions[0]?.stages.at(-1)).toMatchObject({
      code: 'PAUSED',
      inputs: { reason: 'backup', by: 'alice', seconds: 1 },
    });
    const after = tick(during.state, 1060);
    expect(after.decisions[0]?.reason).not.toBe('PAUSED');
    expect(after.state.pauses).toBeUndefined();
  });

  it('keep a pause over ticks without the guest and over its reboot', () => {
    const paused = obey(initialState(0), { type: 'pause', uuid, pause: PAUSE }, undefined, at(1000)).state;
    const absent = decide(paused, snapshotOf([]), POLICIES, at(1001)).state;
    const rebooted = tick(absent, 1002, sampleOf({ epoch: 2 }));
    expect(rebooted.decisions[0]?.reason).toBe('PAUSED');
  });

  it('resume a guest that is paused without end', () => {
    const { until: _, ...endless } = PAUSE;
    const paused = obey(initialState(0), { type: 'pause', uuid, pause: endless }, undefined, at(1000)).state;
    expect(tick(paused, 10_000_000).decisions[0]?.reason).toBe('PAUSED');
    const resumed = obey(paused, { type: 'resume', uuid, by: 'alice' }, undefined, at(1001)).state;
    expect(tick(resumed, 1002).decisions[0]?.reason).not.toBe('PAUSED');
  });

  it('release a guest to its maximum as a move of our own, which nobody takes for a foreign one', () => {
    const seen = tick(initialState(0), 1000).state;
    const { state, decision } = obey(seen, { type: 'release', uuid, pause: PAUSE }, SHRUNK, at(1001));
    expect(decision).toMatchObject({ action: 'grow', reason: 'RELEASED', targetBytes: 2 * GiB });
    expect(state.guests.get(uuid)?.move).toEqual({ from: GiB, to: 2 * GiB, at: 101 });
    expect(state.guests.get(uuid)?.granted).toBeGreaterThanOrEqual(GiB);
    const followed = tick(state, 1010, sampleOf()).state;
    expect(followed.guests.get(uuid)).toMatchObject({ move: undefined, yieldUntil: undefined });
  });

  it.each([
    ['stands at its maximum', sampleOf()],
    ['has a size that is not known', sampleOf({ readings: { current: ABSENT } })],
    ['is not there', undefined],
  ])('release nothing of a guest that %s, and pause it', (_, sample) => {
    const seen = tick(initialState(0), 1000).state;
    const { state, decision } = obey(seen, { type: 'release', uuid, pause: PAUSE }, sample, at(1001));
    expect(decision).toBeUndefined();
    expect(state.pauses?.get(uuid)).toEqual(PAUSE);
  });
});
