/**
 * An evolution strategy in which every round's candidates stand trial on some scenarios before the best of them stand it on all:
 * the idea of successive halving (Jamieson, Talwalkar: Non-stochastic Best Arm Identification and Hyperparameter Optimization,
 * AISTATS 2016). The step follows Rechenberg's rule of success. Seeded, and the same whatever runs at the same time.
 */
import { deriveSeed, randomAt } from '../../hypervisor/simulated/random.ts';
import type { Ratio } from '../../model/units.ts';

/** A point of the search: for each range a place between its bounds. */
export type Point = readonly Ratio[];

export interface Search<R> {
  /** Where it begins. */
  readonly start: Point;
  readonly seed: number;
  /** Candidates that stand trial, the start among them. */
  readonly budget: number;
  /** How many trials there are. */
  readonly trials: number;
  /** Results of each point on each of the trials asked for, in their order. */
  readonly evaluate: (
    points: readonly Point[],
    trials: readonly number[],
  ) => Promise<readonly (readonly R[])[]>;
  /** Higher is better; of results of the same trials. */
  readonly score: (results: readonly R[]) => number;
}

export interface Candidate<R> {
  readonly point: Point;
  /** One for each trial. */
  readonly results: readonly R[];
  readonly score: number;
}

/** Candidates of a round, and how many of them stand all trials. */
const ROUND = 8;
const FINALISTS = 2;
/** Share of the trials that a round's candidates stand first. */
const FIRST_TRIALS: Ratio = 0.4;
const FIRST_STEP: Ratio = 0.3;
const LEAST_STEP: Ratio = 0.03;

/** @returns the candidates that stood all trials, the best first */
export async function search<R>(
  { start, seed, budget, trials, evaluate, score }: Search<R>,
  told: (share: Ratio) => void = () => {},
): Promise<Candidate<R>[]> {
  const all = Array.from({ length: trials }, (_, i) => i);
  const [first = []] = await evaluate([start], all);
  const finished: Candidate<R>[] = [{ point: start, results: first, score: score(first) }];
  let best: Candidate<R> = { point: start, results: first, score: score(first) };
  let step = FIRST_STEP;
  for (let done = 1, round = 0; done < budget; round++) {
    told(done / budget);
    const count = Math.min(ROUND, budget - done);
    done += count;
    const points = Array.from({ length: count }, (_, i) =>
      neighbour(best.point, step, deriveSeed(seed, `${round} ${i}`)),
    );
    // Each round begins with other trials, so that none decides alone who is looked at.
    const heats = Math.max(1, Math.round(FIRST_TRIALS * trials));
    const turned = all.map(i => (i + round * heats) % trials);
    const [early, late] = [turned.slice(0, heats), turned.slice(heats)];
    const heat = (await evaluate(points, early)).map((results, i) => ({ i, results, score: score(results) }));
    const finalists = heat.toSorted((a, b) => b.score - a.score || a.i - b.i).slice(0, FINALISTS);
    const rest = await evaluate(
      finalists.map(({ i }) => points[i] ?? start),
      late,
    );
    const before = best.score;
    for (const [rank, { i, results }] of finalists.entries()) {
      const whole = new Map([
        ...early.map((trial, at) => [trial, results[at]] as const),
        ...late.map((trial, at) => [trial, rest[rank]?.[at]] as const),
      ]);
      const ordered = all.flatMap(trial => whole.get(trial) ?? []);
      const candidate = { point: points[i] ?? start, results: ordered, score: score(ordered) };
      finished.push(candidate);
      if (candidate.score > best.score) best = candidate;
    }
    step = best.score > before ? Math.min(FIRST_STEP, step * 1.3) : Math.max(LEAST_STEP, step * 0.75);
  }
  return finished.toSorted((a, b) => b.score - a.score);
}

/** Normally distributed about the centre, reflected at the bounds. About half of the places stay as they are. */
function neighbour(centre: Point, step: Ratio, seed: number): Point {
  return centre.map((place, i) => {
    const [keep, u, v] = [0, 1, 2].map(draw => randomAt(seed, 3 * i + draw));
    if ((keep ?? 0) < 0.5) return place;
    // Box and Muller (1958).
    const normal = Math.sqrt(-2 * Math.log(1 - (u ?? 0))) * Math.cos(2 * Math.PI * (v ?? 0));
    const moved = place + step * normal;
    return Math.abs(moved) > 1 ? Math.max(0, 2 - Math.abs(moved)) : Math.abs(moved);
  });
}
