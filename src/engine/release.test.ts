import { describe, expect, it, vi } from 'vitest';
import { bench } from '../../test/fakes/simulated-bench.ts';
import { GiB, MiB } from '../model/units.ts';
import { afterRelease } from '../policy/orders.ts';
import { initialState, newGuestMemory } from '../policy/state.ts';
import { releaseDomains } from './release.ts';

describe('release', () => {
  it('gives a guest all that it was made with, and nothing to one that has it', async () => {
    const { hypervisor, domain, pass } = await bench();
    await domain.setMemory(1024 * 1024, { live: true });
    pass(20);
    const first = await releaseDomains(hypervisor, [domain]);
    expect(first.failed.size).toBe(0);
    expect(first.given.get(domain.uuid)?.to).toBe(2 * GiB);
    pass(20);
    expect((await domain.info()).memoryKib).toBe(2 * 1024 * 1024);
    expect((await releaseDomains(hypervisor, [domain])).given.size).toBe(0);
  });

  it('H30: waits two seconds for a guest that hangs, and names it', async () => {
    const { hypervisor, domain, pass } = await bench();
    await domain.setMemory(1024 * 1024, { live: true });
    pass(20);
    const hung = {
      ...hypervisor,
      domain: () => ({ ...domain, setMemory: () => new Promise<void>(() => {}) }),
    };
    vi.useFakeTimers();
    try {
      const releasing = releaseDomains(hung, [domain]);
      await vi.advanceTimersByTimeAsync(2000);
      expect([...(await releasing).failed.keys()]).toEqual([domain.uuid]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('leaves a state in which the growth is our own', () => {
    const state = {
      ...initialState(0),
      guests: new Map([['a', { ...newGuestMemory(1), target: 512 * MiB, yieldUntil: 99 }]]),
    };
    const after = afterRelease(state, new Map([['a', { from: 512 * MiB, to: GiB }]]), 7);
    expect(after.guests.get('a')).toMatchObject({
      move: { from: 512 * MiB, to: GiB, at: 7 },
      target: GiB,
      yieldUntil: undefined,
    });
    expect(afterRelease(state, new Map([['gone', { from: 1, to: 2 }]]), 7).guests).toEqual(state.guests);
  });
});
