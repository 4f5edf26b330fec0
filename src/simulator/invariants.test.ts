import { beforeEach, describe, expect, it } from 'vitest';
import type { SimulatedGuest } from '../hypervisor/simulated/guest.ts';
import { PAGE } from '../hypervisor/simulated/pages.ts';
import type { GuestMemory } from '../hypervisor/simulated/reclaim.ts';
import type { Decision } from '../model/decision.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { type Bytes, GiB, MiB } from '../model/units.ts';
import { WITHDRAWAL_MARGIN } from '../policy/convergence.ts';
import { decide, type Tick } from '../policy/decide.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { initialState, type PolicyState } from '../policy/state.ts';
import { guestPolicy, guestSample, hostPolicy, policySet, snapshot } from '../policy/testing.ts';
import { createBench } from './bench.ts';
import { bookErrors, promiseErrors } from './invariants.ts';
import { guestSpec, simulationWith } from './testing.ts';

type Mutable = { -readonly [K in keyof GuestMemory]: GuestMemory[K] };

describe('bookErrors', () => {
  let guest: SimulatedGuest;
  let memory: Mutable;
  beforeEach(() => {
    const bench = createBench(simulationWith([guestSpec({ touched: 0.5 })]));
    const [first] = bench.guests;
    if (first?.memory === undefined) throw new Error('no guest');
    guest = first;
    memory = first.memory;
  });

  it('finds nothing wrong with a guest that is well', () => {
    expect(bookErrors([guest])).toEqual([]);
  });

  /** Each of these alone, all else being right. */
  it.each<[string, Exclude<keyof Mutable, 'turns'>, (it: GuestMemory) => Bytes]>([
    ['a page of free memory lost', 'free', it => it.free - PAGE],
    ['a page of programs invented', 'anonymous', it => it.anonymous + PAGE],
    ['a page of cache invented', 'cache', it => it.cache + PAGE],
    ['a size of its own', 'size', it => it.size - PAGE],
    ['an amount that is no number', 'free', () => Number.NaN],
    ['less resident than none', 'freeResident', () => -PAGE],
    ['more resident than free', 'freeResident', it => it.free + PAGE],
    ['less swapped than none', 'swapped', () => -PAGE],
    ['more swapped than the device holds', 'swapped', () => 2 * GiB],
    ['more freed than resident', 'freed', it => it.freeResident + PAGE],
    ['less freed than none', 'freed', () => -PAGE],
    ['more returned than not resident', 'returned', it => it.free - it.freeResident + PAGE],
    ['less returned than none', 'returned', () => -PAGE],
    ['more listed than free', 'listed', it => it.free + PAGE],
    ['less listed than none', 'listed', () => -PAGE],
    ['more in the swap cache than there is', 'swapCached', it => it.anonymous + PAGE],
    ['less in the swap cache than none', 'swapCached', () => -PAGE],
    ['more in huge pages than there is', 'huge', it => it.anonymous + PAGE],
    ['less in huge pages than none', 'huge', () => -PAGE],
    ['more written than there is', 'written', it => it.anonymous + PAGE],
    ['less written than none', 'written', () => -PAGE],
  ])('finds %s', (_, field, spoilt) => {
    memory[field] = spoilt(memory);
    expect(bookErrors([guest]).length).toBeGreaterThan(0);
  });

  it.each(['cache', 'anonymous', 'free'] as const)(
    'finds less %s than none, where the pages add up',
    field => {
      shift(memory, field, -memory[field] - PAGE);
      expect(bookErrors([guest]).length).toBeGreaterThan(0);
    },
  );

  it('finds a guest larger than its maximum, whose pages add up', () => {
    const { maximum } = guest.parameters;
    shift(memory, 'free', -(maximum - memory.size));
    memory.size = maximum + PAGE;
    memory.free += maximum + PAGE - memory.kernel - memory.anonymous - memory.cache - memory.free;
    expect(bookErrors([guest])).toEqual([expect.stringContaining('maximum')]);
  });
});

/** Changes an amount, and what the balloon leaves with it, so that the pages still add up. */
function shift(memory: Mutable, key: 'anonymous' | 'cache' | 'free', bytes: Bytes): void {
  memory[key] += bytes;
  memory.size += bytes;
}

describe('promiseErrors', () => {
  const policies: PolicySet = policySet(
    [guestPolicy({ name: 'all' })],
    hostPolicy({ reserve: { bytes: 512 * MiB, ratio: 0, select: 'max' } }),
  );
  const seen: Snapshot = snapshot({
    guests: [guestSample({ uuid: 'a', max: 4 * GiB, current: 2 * GiB, used: GiB, rss: 3 * GiB })],
    total: 8 * GiB,
    available: 2 * GiB,
  });
  const state: PolicyState = initialState(0);
  const tick: Tick = decide(state, seen, policies, { monotonic: 10, wall: 1e9 });
  const [decision] = tick.decisions;
  const room = 1.5 * GiB;

  function errorsOf(
    grown: Bytes,
    {
      reason,
      committed = 0,
      total = 8 * GiB,
    }: { reason?: Decision['reason']; committed?: Bytes; total?: Bytes } = {},
  ): string[] {
    if (decision === undefined || tick.budget === undefined) throw new Error('nothing decided');
    const grow: Decision = {
      ...decision,
      action: 'grow',
      reason: reason ?? decision.reason,
      currentBytes: 2 * GiB,
      targetBytes: 2 * GiB + grown,
    };
    const budget = { ...tick.budget, committed, total };
    return promiseErrors(state, seen, { ...tick, budget, decisions: [grow] }, policies);
  }

  it('lets a tick give what is free beyond the reserve, and not a page more', () => {
    expect(errorsOf(room)).toEqual([]);
    expect(errorsOf(room + PAGE)).toEqual([expect.stringContaining('free')]);
  });

  it('lets a tick promise the pool, and not a page more', () => {
    const total = 6 * GiB;
    expect(errorsOf(GiB, { committed: total - GiB, total })).toEqual([]);
    expect(errorsOf(GiB + PAGE, { committed: total - GiB, total })).toEqual([
      expect.stringContaining('promises'),
    ]);
  });

  it('blames nobody for a pool that was promised too often before', () => {
    expect(errorsOf(GiB, { committed: 7 * GiB, total: 6 * GiB })).toEqual([]);
  });

  it('lets a guest that never gave what was taken have it back, up to what its process holds', () => {
    const full = { reason: 'INEFFECTIVE', committed: 6 * GiB, total: 6 * GiB } as const;
    expect(errorsOf(GiB, full)).toEqual([]);
    expect(errorsOf(GiB + PAGE, full)).toHaveLength(1);
    expect(errorsOf(GiB + room + PAGE, { reason: 'INEFFECTIVE' })).toHaveLength(1);
  });

  it('lets a shrink be taken back beyond it, by what one may have taken', () => {
    expect(errorsOf(room + WITHDRAWAL_MARGIN, { reason: 'WITHDRAWN' })).toEqual([]);
    expect(errorsOf(room + WITHDRAWAL_MARGIN + PAGE, { reason: 'WITHDRAWN' })).toHaveLength(1);
  });
});
