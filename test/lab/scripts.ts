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
const IDLE = 40 * MiB - BASE;
const BUSY = 300 * MiB - BASE;
/** A program that fills its memory with something worth keeping. */
const RAMP = 40 * MiB;

function staggered(rounds: number): Script {
  const steps: Step[] = [{ at: 0, guests: ALL, held: IDLE }];
  for (let i = 0; i < rounds; i += 1) {
    const at = 20 * (i + 1);
    const [before, pair] = [PAIRS[(i + 2) % 3] ?? [], PAIRS[i % 3] ?? []];
    if (i > 0) steps.push({ at, guests: before, held: IDLE });
    steps.push({ at, guests: pair, held: BUSY, rate: RAMP });
  }
  return { name: 'staggered', seconds: 20 * (rounds + 1), steps };
}

/** Idle times and repetitions are shorter unless `long`: what must hold shows in either. */
export function scripts(long: boolean): readonly Script[] {
  const quiet = long ? 60 : 20;
  const busy = long ? 50 : 25;
  return [
    staggered(long ? 5 : 3),
    {
      name: 'surge',
      seconds: quiet + 50,
      steps: [
        { at: 0, guests: ALL, held: IDLE },
        { at: quiet, guests: [0], held: IDLE + 360 * MiB },
        { at: quiet + 15, guests: [0], held: IDLE },
        { at: quiet + 30, guests: [3], held: IDLE + 360 * MiB },
      ],
    },
    {
      name: 'cache',
      seconds: long ? 90 : 50,
      steps: [{ at: 0, guests: ALL, held: IDLE }],
      cache: { bytes: 200 * MiB, every: 20 },
    },
    {
      name: 'overload',
      seconds: busy + 40,
      steps: [
        { at: 0, guests: ALL, held: IDLE },
        { at: 20, guests: ALL, held: 330 * MiB - BASE },
        { at: 20 + busy, guests: ALL, held: IDLE },
      ],
      overloaded: { from: 20, to: 20 + busy },
    },
  ];
}
