import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../model/units.ts';
import { convergenceSeconds, isBackingOff, isUnderWay, judgeMove, settleMove } from './convergence.ts';
import { newGuestMemory } from './state.ts';

const SHRINK = { from: 4 * GiB, to: 3 * GiB, at: 100 };
const GROWTH = { from: 3 * GiB, to: 4 * GiB, at: 100 };
const DEADLINE = 100 + 5 + 4;

describe('convergence', () => {
  it('gives a move five seconds and four for every GiB', () => {
    expect(convergenceSeconds(SHRINK)).toBe(9);
    expect(convergenceSeconds({ from: GiB, to: GiB, at: 0 })).toBe(5);
    expect(isUnderWay(SHRINK, DEADLINE - 1)).toBe(true);
    expect(isUnderWay(SHRINK, DEADLINE)).toBe(false);
    expect(isUnderWay(undefined, 0)).toBe(false);
  });

  it('takes a move for arrived within a batch of the driver', () => {
    expect(judgeMove(SHRINK, 3 * GiB + 2 * MiB, 101)).toEqual({ kind: 'arrived', shrinking: true });
    expect(judgeMove(SHRINK, 3 * GiB + 3 * MiB, 101)).toEqual({ kind: 'under-way' });
    expect(judgeMove(GROWTH, 4 * GiB - 2 * MiB, 101)).toEqual({ kind: 'arrived', shrinking: false });
  });

  it('gives up on a shrink when its time is over, and on a growth never', () => {
    expect(judgeMove(SHRINK, 3.5 * GiB, DEADLINE - 1)).toEqual({ kind: 'under-way' });
    expect(judgeMove(SHRINK, 3.5 * GiB, DEADLINE)).toEqual({ kind: 'given-up', reached: 3.5 * GiB });
    expect(judgeMove(GROWTH, 3.5 * GiB, DEADLINE + 10_000)).toEqual({ kind: 'under-way' });
    expect(judgeMove(undefined, GiB, 0)).toEqual({ kind: 'none' });
  });

  it('H2: does not give up on a guest that is slow and still on its way, but not for ever', () => {
    expect(judgeMove(SHRINK, 3.5 * GiB, DEADLINE, 0)).toEqual({ kind: 'under-way' });
    expect(judgeMove(SHRINK, 3.5 * GiB, DEADLINE, 5)).toEqual({ kind: 'given-up', reached: 3.5 * GiB });
    expect(judgeMove(SHRINK, 3.5 * GiB, 100 + 6 * 9, 0).kind).toBe('given-up');
  });

  it('backs off for 10 minutes, doubling to an hour', () => {
    let memory = newGuestMemory(1);
    const waits = Array.from({ length: 5 }, () => {
      memory = settleMove({ ...memory, move: SHRINK }, { kind: 'given-up', reached: GiB }, 1000);
      return (memory.backOffUntil ?? 0) - 1000;
    });
    expect(waits).toEqual([600, 1200, 2400, 3600, 3600]);
    expect(memory).toMatchObject({ move: undefined, unfollowed: 5 });
    expect(isBackingOff(memory, 4599)).toBe(true);
    expect(isBackingOff(memory, 4600)).toBe(false);
  });

  it('H33: blames no guest for a shrink that an earlier daemon may never have asked for', () => {
    const move = { ...SHRINK, adopted: true } as const;
    const untouched = settleMove(
      { ...newGuestMemory(1), move },
      { kind: 'given-up', reached: SHRINK.from },
      1000,
    );
    expect(untouched).toMatchObject({ move: undefined, unfollowed: 0, backOffUntil: undefined });
    const begun = { kind: 'given-up', reached: (SHRINK.from + SHRINK.to) / 2 } as const;
    expect(settleMove({ ...newGuestMemory(1), move }, begun, 1000).unfollowed).toBe(1);
  });

  it('begins the back-off anew after a shrink that was followed, not after the growth that withdraws one', () => {
    const memory = { ...newGuestMemory(1), move: SHRINK, unfollowed: 2 };
    expect(settleMove(memory, { kind: 'arrived', shrinking: true }, 0)).toMatchObject({ unfollowed: 0 });
    expect(settleMove(memory, { kind: 'arrived', shrinking: false }, 0)).toMatchObject({
      unfollowed: 2,
      move: undefined,
    });
  });

  it('leaves the memory as it is while the move is under way', () => {
    const memory = { ...newGuestMemory(1), move: SHRINK };
    expect(settleMove(memory, { kind: 'under-way' }, 0)).toBe(memory);
    expect(settleMove(memory, { kind: 'none' }, 0)).toBe(memory);
  });
});
