import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFakeClock } from '../../test/fakes/fake-clock.ts';
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
  const clock = createFakeClock();
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
  return { clock, written, problems, keeper };
}

describe('the keeper of the state', () => {
  it('writes what matters with the tick, and at most once a second', async () => {
    const { clock, written, keeper } = bench();
    for (let tick = 0; tick < 40; tick++) {
      await keeper.keep(stateWith({ target: tick }));
      clock.advance(0.25);
    }
    expect(written.length).toBe(10);
  });

  it('writes a change that came too early with the next tick that is late enough', async () => {
    const { clock, written, keeper } = bench();
    await keeper.keep(stateWith({ target: 1 }));
    clock.advance(0.5);
    await keeper.keep(stateWith({ target: 2 }));
    clock.advance(0.5);
    await keeper.keep(stateWith({ target: 2 }));
    expect(written.map(({ guests }) => guests.get('a')?.target)).toEqual([1, 2]);
  });

  it('writes windows and the like now and then only', async () => {
    const { clock, written, keeper } = bench();
    for (let tick = 0; tick < 61; tick++) {
      await keeper.keep(stateWith({ decidedOnReport: tick, kernelBytes: tick }));
      clock.advance(1);
    }
    expect(written.length).toBe(3);
  });

  it('writes pauses and guests that come and go', async () => {
    const { clock, written, keeper } = bench();
    await keeper.keep(stateWith());
    clock.advance(1);
    const paused = {
      ...stateWith(),
      pauses: new Map([['a', { since: 0, until: undefined, reason: 'backup', by: 'root' }]]),
    };
    await keeper.keep(paused);
    clock.advance(1);
    await keeper.keep({ ...paused, guests: new Map() });
    expect(written.length).toBe(3);
  });

  it('does not keep a tick waiting for a slow disk, nor starts a second write meanwhile', async () => {
    const { clock, written, keeper } = bench(() => new Promise(() => {}));
    let waited = true;
    void keeper.keep(stateWith({ target: 1 })).then(() => {
      waited = false;
    });
    await vi.advanceTimersByTimeAsync(99);
    expect(waited).toBe(true);
    await vi.advanceTimersByTimeAsync(1);
    expect(waited).toBe(false);
    clock.advance(60);
    await keeper.keep(stateWith({ target: 2 }));
    expect(written.length).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('says once that it cannot write, tries again, and says when it can', async () => {
    let full = true;
    const { clock, written, problems, keeper } = bench(async () => {
      if (full) throw new Error('ENOSPC');
    });
    for (let tick = 0; tick < 30; tick++) {
      await keeper.keep(stateWith({ target: tick }));
      clock.advance(1);
    }
    expect(problems).toEqual(['ENOSPC']);
    expect(written.length).toBe(3);
    full = false;
    await keeper.keep(stateWith({ target: 99 }));
    expect(problems).toEqual(['ENOSPC', undefined]);
  });

  it('writes the last word at the end, whatever was written before', async () => {
    const { written, keeper } = bench();
    await keeper.keep(stateWith({ target: 1 }));
    await keeper.close(stateWith({ target: 1, kernelBytes: 5 }));
    expect(written.length).toBe(2);
  });
});
