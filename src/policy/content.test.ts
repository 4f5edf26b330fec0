import { describe, expect, it } from 'vitest';
import { ABSENT, known, type Reading } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { isContent } from './content.ts';
import type { Cold, Probation } from './lessons.ts';
import type { Bar } from './protect.ts';
import { guestPolicy, guestSample, memoryOf } from './testing.ts';

const COLD = {
  swap: { ratio: 0.25 },
  at: new Set<string>(),
  step: { ratio: 0.03 },
  refault: 4 * MiB,
  restSeconds: 60,
};
const SOURCE = { file: 'p.yaml', line: 1, column: 1 };
const bar = (code: Bar['code']): Bar => ({ code, inputs: {}, source: SOURCE });
const harmed = (harm: Probation['harm']): Probation => ({ from: GiB, begun: 0, since: 0, report: 1, harm });

interface Parts {
  readonly cold?: typeof COLD | undefined;
  readonly swaps?: boolean;
  readonly squeezing?: boolean;
  readonly growth?: number;
  readonly bar?: Bar;
  readonly probation?: Probation;
  readonly readings?: Readonly<Record<string, Reading>>;
}

function content({
  growth = 0,
  swaps = true,
  squeezing = false,
  bar: barred,
  probation,
  readings,
  ...parts
}: Parts = {}): boolean {
  const rates = { swapInRate: known(MiB), majorFaultRate: known(10) };
  const sample = guestSample({ used: 900 * MiB, current: 910 * MiB, readings: { ...rates, ...readings } });
  const cold = { swaps, squeezing } as Cold;
  const policy = guestPolicy({ cold: 'cold' in parts ? parts.cold : COLD });
  return isContent({
    policy,
    memory: memoryOf(sample, { cold, probation }),
    sample,
    soon: 900 * MiB + growth,
    need: 900 * MiB,
    bar: barred,
    at: 100,
  });
}

describe('a guest that is short of memory', () => {
  it.each<[string, Parts, boolean]>([
    ['misses nothing of what it has swapped out', {}, true],
    ['is kept from giving for swapping, which is what it lives with', { bar: bar('SWAPPING') }, true],
    ['has lost what it had available to an earlier shrink', { probation: harmed('exhausted') }, true],
    ['has a policy that does not vouch for swap', { cold: undefined }, false],
    ['has not shown that it swaps', { swaps: false }, false],
    ['takes more', { growth: 64 * MiB }, false],
    ['swaps out because it takes more', { readings: { swapOutRate: known(16 * MiB) } }, false],
    [
      'swaps out because it is squeezed',
      { squeezing: true, readings: { swapOutRate: known(16 * MiB) } },
      true,
    ],
    ['reads back what it has swapped out', { readings: { swapInRate: known(16 * MiB) } }, false],
    ['does not tell what it reads back', { readings: { swapInRate: ABSENT } }, false],
    ['is under a veto of its policy', { bar: bar('VETOED') }, false],
    ['had a program killed by a shrink', { probation: harmed('oom-kill') }, false],
    ['had a program wait for memory after a shrink', { probation: harmed('alloc-stall') }, false],
  ])('H5: and %s', (_, parts, expected) => {
    expect(content(parts)).toBe(expected);
  });
});
