import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type GuestMemory, initialState, newGuestMemory, type PolicyState } from '../policy/state.ts';
import { createStateKeeper } from './state-keeper.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function stateWith(parts: Partial<GuestMemory> = {}): PolicyState {
  return { ...initialState(0), guests: new Map([['a', { ...newGuestMemory(1), ...parts }]]) };
}

function bench(outcome: () => Promise<void> = async () => {}) {
  const clock = { now: () => ({ monotonic: Date.now() / 1000, wall: Date.now() / 1000 }) };
  const written: PolicyState[] = [];
  const problems: (string | undefined)[] = [];
  const keeper = createStateKeeper({
    clock,
    write: state => {
      written.push(state);
      return outcome();
    },
    onProblem: problem => problems.push(problem),
  });
  return { written, problems, keeper };
}

describe('the keeper of the state', () => {
  it('writes what matters with the tick where the disk is quick', async () => {
    const { written, keeper } = bench();
    for (let tick = 0; tick < 40; tick++) {
      void keeper.keep(stateWith({ target: tick }));
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(written.length).toBe(40);
  });

  it('writes for a quarter of the time where it is slow, and about once a second where it is very slow', async () => {
    for (const [milliseconds, least, most] of [
      [50, 18, 21],
      [800, 4, 5],
    ] as const) {
      const { written, keeper } = bench(() => new Promise(resolve => setTimeout(resolve, milliseconds)));
      for (let tick = 0; tick < 40; tick++) {
        void keeper.keep(stateWith({ target: tick }));
        await vi.advanceTimersByTimeAsync(100);
      }
      expect(written.length).toBeGreaterThanOrEqual(least);
      expect(written.length).toBeLessThanOrEqual(most);
    }
  });

  it('writes a change that came too early as soon as it may, and in its newest form', async () => {
    const { written, keeper } = bench(() => new Promise(resolve => setTimeout(resolve, 100)));
    void keeper.keep(stateWith({ target: 1 }));
    await vi.advanceTimersByTimeAsync(200);
    const [second, third] = [keeper.keep(stateWith({ target: 2 })), keeper.keep(stateWith({ target: 3 }))];
    await vi.advanceTimersByTimeAsync(190);
    expect(written.length).toBe(1);
    await vi.advanceTimersByTimeAsync(110);
    await Promise.all([second, third]);
    expect(written.map(({ guests }) => guests.get('a')?.target)).toEqual([1, 3]);
  });

  it('writes windows and the like now and then only', async () => {
    const { written, keeper } = bench();
    for (let tick = 0; tick < 61; tick++) {
      await keeper.keep(stateWith({ decidedOnReport: tick, kernelBytes: tick }));
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(written.length).toBe(3);
  });

  it('writes pauses and guests that come and go', async () => {
    const { written, keeper } = bench();
    await keeper.keep(stateWith());
    await vi.advanceTimersByTimeAsync(1000);
    const paused = {
      ...stateWith(),
      pauses: new Map([['a', { since: 0, until: undefined, reason: 'backup', by: 'root' }]]),
    };
    await keeper.keep(paused);
    await vi.advanceTimersByTimeAsync(1000);
    await keeper.keep({ ...paused, guests: new Map() });
    expect(written.length).toBe(3);
  });

  it('starts no second write while one hangs', async () => {
    const { written, keeper } = bench(() => new Promise(() => {}));
    void keeper.keep(stateWith({ target: 1 }));
    await vi.advanceTimersByTimeAsync(0);
    await vi.advanceTimersByTimeAsync(60000);
    void keeper.keep(stateWith({ target: 2 }));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(written.length).toBe(1);
  });

  it('says once that it cannot write, tries again, and says when it can', async () => {
    let full = true;
    const { written, problems, keeper } = bench(async () => {
      if (full) throw new Error('ENOSPC');
    });
    for (let tick = 0; tick < 30; tick++) {
      await keeper.keep(stateWith({ target: tick }));
      await vi.advanceTimersByTimeAsync(0);
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(problems).toEqual(['ENOSPC']);
    expect(written.length).toBe(3);
    full = false;
    await keeper.keep(stateWith({ target: 99 }));
    await vi.advanceTimersByTimeAsync(0);
    expect(problems).toEqual(['ENOSPC', undefined]);
  });

  it('writes the last word at the end, whatever was written before', async () => {
    const { written, keeper } = bench();
    await keeper.keep(stateWith({ target: 1 }));
    await keeper.close(stateWith({ target: 1, kernelBytes: 5 }));
    expect(written.length).toBe(2);
  });
});
