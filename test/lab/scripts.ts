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
const IDLE = 40 * MiB;
/** A program that fills its memory with something worth keeping. */
const RAMP = 40 * MiB;

function staggered(rounds: number): Script {
  const steps: Step[] = [{ at: 0, guests: ALL, held: IDLE }];
  for (let i = 0; i < rounds; i += 1) {
    const at = 20 * (i + 1);
    const [before, pair] = [PAIRS[(i + 2) % 3] ?? [], PAIRS[i % 3] ?? []];
    if (i > 0) steps.push({ at, guests: before, held: IDLE });
    steps.push({ at, guests: pair, held: 300 * MiB, rate: RAMP });
  }
  return { name: 'staggered', seconds: 20 * (rounds + 1), steps };
}

export const SCRIPTS: readonly Script[] = [
  staggered(5),
  {
    name: 'surge',
    seconds: 110,
    steps: [
      { at: 0, guests: ALL, held: IDLE },
      { at: 60, guests: [0], held: 360 * MiB },
      { at: 75, guests: [0], held: IDLE },
      { at: 90, guests: [3], held: 360 * MiB },
    ],
  },
  {
    name: 'cache',
    seconds: 90,
    steps: [{ at: 0, guests: ALL, held: IDLE }],
    cache: { bytes: 200 * MiB, every: 20 },
  },
  {
    name: 'overload',
    seconds: 90,
    steps: [
      { at: 0, guests: ALL, held: IDLE },
      { at: 20, guests: ALL, held: 330 * MiB },
      { at: 70, guests: ALL, held: IDLE },
    ],
    overloaded: { from: 20, to: 70 },
  },
];
