import { describe, expect, it } from 'vitest';
import { ABSENT, known, type Reading } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import type { Cold, ColdEnd } from './lessons.ts';
import type { ColdPolicy } from './policy-set.ts';
import { isSqueezed, judgeCold, letGo, stepped } from './squeeze.ts';
import { guestSample, memoryOf } from './testing.ts';

const POLICY: ColdPolicy = {
  swap: { bytes: 512 * MiB },
  at: new Set(['none']),
  step: { ratio: 1 / 32 },
  refault: 4 * MiB,
  restSeconds: 60,
};

/** A guest that was squeezed to its use a second ago, and swaps. */
const SQUEEZED: Cold = {
  swaps: true,
  squeezing: true,
  from: GiB,
  steppedAt: 99,
  swapped: 32 * MiB,
  size: 900 * MiB,
  use: 900 * MiB,
  isFilled: true,
  stood: true,
  given: 32 * MiB,
  ended: undefined,
  restUntil: 0,
};

interface Said {
  readonly out?: number;
  readonly back?: number;
  readonly used?: number;
  readonly at?: number;
  readonly moving?: boolean;
  readonly os?: string;
  readonly autodeflate?: boolean;
  readonly readings?: Readonly<Record<string, Reading>>;
}

/** What is made of a report a second after one of 900 MiB used. */
function judged(
  cold: Cold | undefined,
  { out = 0, back = 0, used = 900, at = 100, moving, os, autodeflate = false, readings }: Said = {},
) {
  const rates = { swapOutRate: known(out * MiB), swapInRate: known(back * MiB), majorFaultRate: known(0) };
  const sample = guestSample({
    used: used * MiB,
    current: 900 * MiB,
    balloon: { device: 'virtio', autodeflate },
    ...(os !== undefined && { os }),
    readings: { ...rates, ...readings },
  });
  const move = moving ? { from: GiB, to: 800 * MiB, at: 99 } : undefined;
  const report = {
    sample,
    memory: memoryOf(sample, { cold, move }),
    used: used * MiB,
    current: 900 * MiB,
    kernelBytes: 0,
    max: 4 * GiB,
    at,
  };
  return judgeCold(POLICY, report, 900 * MiB, 1);
}

describe('a squeeze', () => {
  it('goes on for as long as the guest swaps out, and counts what it gives', () => {
    const after = judged(SQUEEZED, { out: 16, used: 884 });
    expect(after).toMatchObject({ squeezing: true, swaps: true, swapped: 48 * MiB, given: 48 * MiB });
  });

  const ends = (sign: ColdEnd, at = 100) => ({ squeezing: false, ended: { sign, at }, restUntil: at + 60 });

  it('H5: ends when the use of the guest grows', () => {
    expect(judged(SQUEEZED, { out: 17, used: 900 })).toMatchObject(ends('growth'));
  });

  it('H13: ends when more is read back than is borne', () => {
    expect(judged(SQUEEZED, { out: 16, back: 5, used: 889 })).toMatchObject(ends('refault'));
    expect(judged(SQUEEZED, { out: 16, back: 3, used: 887 }).squeezing).toBe(true);
  });

  it('H14: ends when more faults are told than is borne, though zswap hides what is read back', () => {
    const readings = { majorFaultRate: known(1025) };
    expect(judged(SQUEEZED, { out: 16, used: 884, readings })).toMatchObject(ends('refault'));
  });

  it.each<[ColdEnd, Said]>([
    ['full', { out: 256, used: 644 }],
    ['dry', { at: 100.5 }],
    ['stuck', { out: 16, used: 884, at: 102.5, moving: true }],
    ['stuck', { out: 0, used: 800, at: 106 }],
    ['unknown', { out: 16, used: 884, readings: { swapInRate: ABSENT } }],
    ['oom-kill', { out: 16, used: 884, readings: { oomKills: known(1) } }],
  ])('ends with %s', (sign, said) => {
    expect(judged(SQUEEZED, said)).toMatchObject(ends(sign, said.at));
  });

  it('H1: is never begun again where the guest had nothing left and did not swap, or was killed', () => {
    expect(judged({ ...SQUEEZED, swaps: undefined, swapped: 0, given: 0 }, { at: 101 }).swaps).toBe(false);
    expect(judged(SQUEEZED, { at: 101 }).swaps).toBe(true);
    expect(judged(SQUEEZED, { readings: { oomKills: known(1) } }).swaps).toBe(false);
    // Page cache is left: nothing had to be swapped out yet.
    expect(judged({ ...SQUEEZED, swaps: undefined }, { used: 850, at: 101 }).swaps).toBeUndefined();
  });

  it('H1: is known to be had where the guest swaps out at any time, but not once a program was killed', () => {
    const never = { ...SQUEEZED, swaps: false, squeezing: false };
    const swaps = (sign: ColdEnd) => judged({ ...never, ended: { sign, at: 50 } }, { out: 2 }).swaps;
    expect(swaps('dry')).toBe(true);
    expect(swaps('oom-kill')).toBe(false);
    expect(judged({ ...never, swaps: undefined }, { out: 2 }).swaps).toBe(true);
    expect(judged({ ...never, swaps: undefined }, { out: 0.5 }).swaps).toBeUndefined();
  });

  it('counts as given only what was swapped out for it, and what comes back no more', () => {
    const idle = { ...SQUEEZED, squeezing: false };
    expect(judged(idle, { out: 10, used: 890 })).toMatchObject({ swapped: 42 * MiB, given: 32 * MiB });
    expect(judged(idle, { back: 10, used: 910 })).toMatchObject({ swapped: 22 * MiB, given: 22 * MiB });
    const echo = { ...idle, ended: { sign: 'refault', at: 98 } } as const;
    expect(judged(echo, { out: 10, used: 890 })).toMatchObject({ given: 42 * MiB });
  });

  it('takes as large a part of the swap to be free as the guest has freed of its use', () => {
    const { swapped } = judged({ ...SQUEEZED, squeezing: false, swapped: 100 * MiB }, { used: 400 });
    expect(swapped / MiB).toBeCloseTo(100 * (1 - 500 / 900));
    const idle = { ...SQUEEZED, squeezing: false };
    expect(judged(idle, { used: 888 }).swapped).toBe(32 * MiB);
  });

  it('H13: sees what is freed while the balloon moves, but where cache or balloon are in the figures', () => {
    const moved = { ...SQUEEZED, squeezing: false, size: 1400 * MiB };
    expect(judged(moved, { used: 400 }).swapped / MiB).toBeCloseTo(32 * (1 - 500 / 900));
    const unfilled = { ...moved, isFilled: false };
    expect(judged(unfilled, { used: 400, readings: { cache: ABSENT } }).swapped).toBe(32 * MiB);
    expect(judged(unfilled, { used: 400, os: 'http://microsoft.com/win/11' }).swapped).toBe(32 * MiB);
    expect(judged(unfilled, { used: 400, autodeflate: true }).swapped).toBe(32 * MiB);
  });

  it('H13: takes nothing for freed between two reports that tell use by different figures', () => {
    const idle = { ...SQUEEZED, squeezing: false, swapped: 100 * MiB };
    const without = judged(idle, { used: 400, readings: { cache: ABSENT } });
    expect(without).toMatchObject({ swapped: 100 * MiB, use: 400 * MiB, isFilled: false });
    expect(judged(without, { used: 300 })).toMatchObject({ swapped: 100 * MiB, isFilled: true });
  });

  it('takes nothing for freed of a guest whose MemAvailable is cut off at 0 while its size falls', () => {
    const before = { ...SQUEEZED, squeezing: false, swapped: 100 * MiB, use: 700 * MiB, size: GiB };
    const readings = { total: known(800 * MiB), free: known(90 * MiB), cache: known(10 * MiB) };
    expect(judged(before, { used: 800, readings })).toMatchObject({ swapped: 100 * MiB, use: 700 * MiB });
  });

  it('takes what comes back from swap for no growth, whose end would free as much again', () => {
    const idle = { ...SQUEEZED, squeezing: false, swapped: 100 * MiB };
    const readings = { total: known(GiB), free: known(64 * MiB), cache: known(60 * MiB) };
    const after = judged(idle, { used: 940, back: 40, readings });
    expect(after).toMatchObject({ swapped: 60 * MiB, use: 900 * MiB });
  });

  it('H1: counts no more than the operator vouches for', () => {
    const idle = { ...SQUEEZED, squeezing: false, swapped: 500 * MiB };
    expect(judged(idle, { out: 64, used: 836 }).swapped).toBe(512 * MiB);
  });

  it('adds up what is freed little by little, and takes the coming and going of swapped pages for none of it', () => {
    const idle = { ...SQUEEZED, squeezing: false, swapped: 100 * MiB };
    const first = judged(idle, { used: 888 });
    expect(first).toMatchObject({ swapped: 100 * MiB, use: 900 * MiB });
    expect(judged(first, { used: 876 }).swapped / MiB).toBeCloseTo(100 * (1 - 24 / 900));
    expect(judged(idle, { used: 876, out: 2, back: 2 }).swapped).toBe(100 * MiB);
    // After a move page cache makes as much of it.
    expect(judged({ ...idle, stood: false }, { used: 876 }).swapped).toBe(100 * MiB);
    expect(judged({ ...idle, stood: false }, { used: 800 }).swapped / MiB).toBeCloseTo(100 * (1 - 100 / 900));
  });

  it('is seen in reports for a while after its end', () => {
    const over = letGo(SQUEEZED, 'growth', 60, 100);
    expect([isSqueezed(undefined, 100), isSqueezed(SQUEEZED, 100)]).toEqual([false, true]);
    expect([isSqueezed(over, 103), isSqueezed(over, 104)]).toEqual([true, false]);
  });

  it('remembers the size before its first step', () => {
    const first = stepped({ ...SQUEEZED, squeezing: false }, 2 * GiB, 100);
    expect(first).toMatchObject({ squeezing: true, from: 2 * GiB, steppedAt: 100 });
    expect(stepped(first, GiB, 101)).toMatchObject({ from: 2 * GiB, steppedAt: 101 });
  });

  it('begins no sooner than a rest after the guest was first seen', () => {
    expect(judged(undefined)).toMatchObject({ squeezing: false, swaps: undefined, restUntil: 160 });
  });
});
