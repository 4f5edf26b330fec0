/** Four days in the life of six small guests, as what each of them holds from when on. */
import { type Bytes, MiB, type Seconds } from '../../src/model/units.ts';

export const GUESTS = 6;

/** From `at` on these guests hold so much anonymous memory. */
interface Step {
  readonly at: Seconds;
  readonly guests: readonly number[];
  readonly held: Bytes;
  /** Bytes a second at which they take it; at once unless told. */
  readonly rate?: Bytes;
}

export interface Script {
  readonly name: string;
  readonly seconds: Seconds;
  readonly steps: readonly Step[];
  /** All guests have a file of this size in their page cache and read it again every so often. */
  readonly cache?: { readonly bytes: Bytes; readonly every: Seconds };
  /** When demand is more than the host can give. */
  readonly overloaded?: { readonly from: Seconds; readonly to: Seconds };
}

const ALL = [0, 1, 2, 3, 4, 5];
const PAIRS = [
  [0, 1],
  [2, 3],
  [4, 5],
] as const;
/** What a lab guest uses before it holds anything. */
const BASE = 30 * MiB;
export const IDLE = 40 * MiB - BASE;
const BUSY = 300 * MiB - BASE;
/** A program that fills its memory with something worth keeping. */
const RAMP = 40 * MiB;

function staggered(rounds: number, every: Seconds): Script {
  const steps: Step[] = [{ at: 0, guests: ALL, held: IDLE }];
  for (let i = 0; i < rounds; i += 1) {
    const at = every * (i + 1);
    const [before, pair] = [PAIRS[(i + 2) % 3] ?? [], PAIRS[i % 3] ?? []];
    if (i > 0) steps.push({ at, guests: before, held: IDLE });
    steps.push({ at, guests: pair, held: BUSY, rate: RAMP });
  }
  return { name: 'staggered', seconds: every * (rounds + 1), steps };
}

/** Idle times and repetitions are shorter unless `long`: what must hold shows in either. */
export function scripts(long: boolean): readonly Script[] {
  const quiet = long ? 60 : 8;
  const between = long ? 15 : 12;
  const reread = long ? 20 : 8;
  const onset = long ? 20 : 8;
  const busy = long ? 50 : 22;
  const after = long ? 20 : 15;
  return [
    long ? staggered(5, 20) : staggered(2, 15),
    {
      name: 'surge',
      seconds: quiet + 2 * between + (long ? 20 : 12),
      steps: [
        { at: 0, guests: ALL, held: IDLE },
        { at: quiet, guests: [0], held: IDLE + 360 * MiB },
        { at: quiet + between, guests: [0], held: IDLE },
        { at: quiet + 2 * between, guests: [3], held: IDLE + 360 * MiB },
      ],
    },
    {
      name: 'cache',
      seconds: long ? 90 : 4 * reread,
      steps: [{ at: 0, guests: ALL, held: IDLE }],
      cache: { bytes: 200 * MiB, every: reread },
    },
    {
      name: 'overload',
      seconds: onset + busy + after,
      steps: [
        { at: 0, guests: ALL, held: IDLE },
        { at: onset, guests: ALL, held: 330 * MiB - BASE },
        { at: onset + busy, guests: ALL, held: IDLE },
      ],
      overloaded: { from: onset, to: onset + busy },
    },
  ];
}
