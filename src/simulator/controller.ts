import type { Decision } from '../model/decision.ts';
import type { Seconds } from '../model/units.ts';
import type { Bench } from './bench.ts';

/** Something that moves balloons: a policy, a peer's algorithm, or nothing at all. */
export interface Controller {
  /** `policy:NAME`, or the name of a baseline. */
  readonly name: string;
  /** Time from one tick to the next. */
  readonly intervalSeconds: Seconds;
  /** Looks and acts once. A guest that hangs may make it take time. */
  tick(): Promise<void>;
  /** Sizes that it has asked guests to take so far. */
  moves(): number;
  close(): void;
}

/** Told of the decisions of each tick, by controllers that explain themselves. */
export type DecisionListener = (decisions: readonly Decision[]) => void;

/** Makes a controller for one run. */
export type ControllerFactory = (bench: Bench, listen?: DecisionListener) => Controller;

/** Leaves every balloon as it is. */
export function staticController({ simulation }: Bench): Controller {
  return {
    name: 'static',
    intervalSeconds: Math.max(60, simulation.intervalSeconds),
    tick: async () => {},
    moves: () => 0,
    close: () => {},
  };
}
