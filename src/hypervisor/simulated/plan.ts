/** What is to befall a guest or the host, and when. */
import type { Seconds } from '../../model/units.ts';
import type { Mishap, Planned } from './faults.ts';

/** Tolerance for sums of time steps. */
export const EPSILON: Seconds = 1e-6;

/** One moment of a plan. */
export interface PlanStep<M = Mishap> {
  readonly at: Seconds;
  readonly begins: boolean;
  readonly mishap: M;
}

/** A plan's moments in order. */
function planSteps<M>(planned: readonly Planned<M>[]): PlanStep<M>[] {
  return planned
    .flatMap(({ at, for: duration, mishap }): PlanStep<M>[] => [
      { at, begins: true, mishap },
      ...(duration === undefined ? [] : [{ at: at + duration, begins: false, mishap }]),
    ])
    .toSorted((a, b) => a.at - b.at);
}

/** The moments that are still to come. */
export class Plan<M = Mishap> {
  readonly #steps: PlanStep<M>[];
  readonly #none: readonly PlanStep<M>[] = [];

  constructor(planned: readonly Planned<M>[]) {
    this.#steps = planSteps(planned);
  }

  /** Those that have come by `time`, each once. */
  due(time: Seconds): readonly PlanStep<M>[] {
    const next = this.#steps[0];
    if (next === undefined || next.at > time + EPSILON) return this.#none;
    const count = this.#steps.findIndex(({ at }) => at > time + EPSILON);
    return this.#steps.splice(0, count < 0 ? this.#steps.length : count);
  }
}
