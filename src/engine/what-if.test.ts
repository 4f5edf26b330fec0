import { describe, expect, it } from 'vitest';
import { sampleOf, snapshotOf } from '../../test/fakes/samples.ts';
import { hostPolicyFiles } from '../cli/policy-files.ts';
import { type GuestSample, known, type Snapshot } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { decide } from '../policy/decide.ts';
import { loadPolicySet, requirePolicySet } from '../policy/load.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { initialState } from '../policy/state.ts';
import type { PastTick } from './replay.ts';
import { whatIf } from './what-if.ts';

const COLD = requirePolicySet(loadPolicySet(['policies/dense.yaml'], hostPolicyFiles));
/** Takes nothing that is in use, as what guests would swap out is not played. */
const DENSE: PolicySet = { ...COLD, guests: COLD.guests.map(policy => ({ ...policy, cold: undefined })) };
const IDLE: PolicySet = { ...DENSE, host: { ...DENSE.host, mode: 'observe' } };

/** A guest of 4 GiB that uses so much and stands still. */
function guestAt(i: number, used: number): GuestSample {
  const total = 4 * GiB - 100 * MiB;
  return sampleOf({
    reportsInEpoch: 10 + i,
    uptimeSeconds: 3600 + i,
    readings: {
      max: known(4 * GiB),
      current: known(4 * GiB),
      rss: known(4 * GiB),
      total: known(total),
      available: known(total - used),
      free: known(total - used),
      used: known(used),
      cache: known(0),
    },
  });
}

/** Ticks a second apart under a policy that moves nothing, on a host that is short of memory. */
function* recorded(ticks: number, usedAt: (i: number) => number): Generator<PastTick> {
  let state = initialState(0);
  for (let i = 0; i < ticks; i++) {
    const bare = snapshotOf([guestAt(i, usedAt(i))], i);
    const readings = {
      ...bare.host.readings,
      total: known(8 * GiB),
      available: known(GiB / 4),
      free: known(GiB / 4),
    };
    const snapshot: Snapshot = { ...bare, host: { ...bare.host, readings } };
    const now = { monotonic: i, wall: 1_700_000_000 + i };
    const moment = { policies: IDLE, snapshot, state, now };
    const tick = decide(state, snapshot, IDLE, now);
    state = tick.state;
    const record = {
      ...({ type: 'tick', at: now, snapshot, whole: true, withheld: false } as const),
      decisions: tick.decisions,
    };
    yield { type: 'tick', record, moment, tick };
  }
}

function play(policies: PolicySet, ticks: number, usedAt: (i: number) => number) {
  const game = whatIf(policies);
  const played = [...recorded(ticks, usedAt)].map(past => game.tick(past));
  const [guest] = game.guests();
  return { played, guest };
}

describe('a policy played over what was recorded', () => {
  it('takes what the recorded one left, and says when and for how much', () => {
    const { played, guest } = play(DENSE, 600, () => 500 * MiB);
    expect(guest?.recorded.meanTakenBytes).toBe(0);
    expect(guest?.played.shrinks).toBeGreaterThan(0);
    expect(played.at(-1)?.playedTakenBytes).toBeGreaterThan(GiB / 2);
    expect(played.at(-1)?.recordedTakenBytes).toBe(0);
    expect(guest?.worstShortBytes).toBe(0);
    expect(guest?.different).toBeGreaterThan(0);
  });

  it('never takes what the guest used, and tells of the shortage when the guest needs it back at once', () => {
    const { played, guest } = play(DENSE, 600, i => (i < 500 ? 500 * MiB : 3.5 * GiB));
    const before = played.slice(0, 500);
    expect(Math.max(...before.map(({ shortBytes }) => shortBytes))).toBe(0);
    expect(Math.max(...before.map(({ playedTakenBytes }) => playedTakenBytes))).toBeLessThan(3.5 * GiB);
    expect(guest?.worstShortBytes).toBeGreaterThan(0);
    expect(guest?.played.grows).toBeGreaterThan(0);
    expect(played.at(-1)?.shortBytes).toBeLessThan((guest?.worstShortBytes ?? 0) / 2);
  });

  it('counts a squeeze as a shortage, of a step at most, for a recorded guest cannot show that it swaps', () => {
    const { guest } = play(COLD, 600, () => 500 * MiB);
    expect(guest?.worstShortBytes).toBeGreaterThan(0);
    expect(guest?.worstShortBytes).toBeLessThanOrEqual(32 * MiB);
  });

  it('differs in nothing from itself', () => {
    const { played, guest } = play(IDLE, 200, () => 500 * MiB);
    expect(played.flatMap(({ differences }) => differences)).toEqual([]);
    expect(guest).toMatchObject({ different: 0, worstShortBytes: 0, played: { meanTakenBytes: 0 } });
  });
});
