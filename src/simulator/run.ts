/** One controller on one scenario, from the first tick to the last. */
import { createBench } from './bench.ts';
import type { ControllerFactory } from './controller.ts';
import { createRecorder, type Recording } from './recorder.ts';
import type { Simulation } from './scenario/generate.ts';
import { since, type Tally, tallyOf } from './tally.ts';

export interface Run {
  readonly controller: string;
  /** What happened in the time that is scored. */
  readonly tally: Tally;
  /** Where it was asked for. */
  readonly recording?: Recording;
}

export interface RunOptions {
  /** Told how far the run is. */
  readonly progress?: Progress;
  /** Keep what a report needs. */
  readonly record?: boolean;
  /** Ends the run when what has been scored so far says so: the tally is then that of the time until then. */
  readonly abandon?: (sofar: Tally) => boolean;
}

/** Told how far a run is, 0 to 1, about a hundred times. */
export type Progress = (share: number) => void;

/** @throws BallonetError SIMULATION_BROKEN */
export async function runSimulation(
  simulation: Simulation,
  create: ControllerFactory,
  { progress, record = false, abandon }: RunOptions = {},
): Promise<Run> {
  const { seconds, settleSeconds } = simulation;
  const bench = createBench(simulation);
  const recorder = record ? createRecorder(bench.guests.length, seconds) : undefined;
  const controller = create(bench, recorder && (decisions => recorder.decided(decisions)));
  const moves = () => controller.moves();
  let start: Tally | undefined;
  let told = 0;
  try {
    for (let tick = 0; ; tick++) {
      const due = tick * controller.intervalSeconds;
      if (due >= seconds) break;
      // A tick that took longer than the interval makes the next one wait; ticks are never doubled up.
      if (due < bench.now()) continue;
      if (start === undefined && due >= settleSeconds) {
        bench.advanceTo(settleSeconds);
        start = tallyOf(bench, moves());
      }
      bench.advanceTo(due);
      await controller.tick();
      recorder?.look(bench);
      if (due - told <= seconds / 100) continue;
      told = due;
      progress?.(due / seconds);
      if (start === undefined || abandon === undefined) continue;
      const sofar = since(start, tallyOf(bench, moves()));
      if (abandon(sofar)) return { controller: controller.name, tally: sofar };
    }
    if (start === undefined) {
      bench.advanceTo(Math.max(bench.now(), settleSeconds));
      start = tallyOf(bench, moves());
    }
    bench.advanceTo(Math.max(bench.now(), seconds));
    const tally = since(start, tallyOf(bench, moves()));
    return { controller: controller.name, tally, ...(recorder && { recording: recorder.recording }) };
  } finally {
    controller.close();
  }
}
