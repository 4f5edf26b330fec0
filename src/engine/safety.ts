import type { Decision } from '../model/decision.ts';
import type { Tick } from '../policy/decide.ts';
import { correctMove } from '../policy/state.ts';

/** Failed ticks in a row after which nothing is shrunk, and good ones in a row after which shrinks resume. */
const LIMIT = 3;

/** Counts failed ticks. A daemon that cannot see steadily must not take memory away. */
export interface SafetyNet {
  readonly failures: number;
  readonly holding: boolean;
  readonly goodTicks: number;
}

export const CALM: SafetyNet = { failures: 0, holding: false, goodTicks: 0 };
/** As after failed ticks: shrinks wait for good ones. */
export const HOLDING: SafetyNet = { failures: 0, holding: true, goodTicks: 0 };

export function afterFailure(net: SafetyNet): SafetyNet {
  const failures = net.failures + 1;
  return { failures, holding: net.holding || failures >= LIMIT, goodTicks: 0 };
}

export function afterSuccess(net: SafetyNet): SafetyNet {
  if (!net.holding) return CALM;
  const goodTicks = net.goodTicks + 1;
  return goodTicks >= LIMIT ? CALM : { failures: 0, holding: true, goodTicks };
}

/** The tick without its shrinks; growth goes on. */
export function withholdShrinks(tick: Tick): Tick {
  let { state } = tick;
  const decisions = tick.decisions.map((decision): Decision => {
    if (decision.action !== 'shrink' || decision.targetBytes === undefined) return decision;
    state = correctMove(state, decision.uuid, decision.targetBytes, undefined);
    return {
      ...decision,
      action: 'hold',
      reason: 'SAFETY_HOLD',
      targetBytes: decision.currentBytes,
      stages: [
        ...decision.stages,
        { stage: 'guard', in: decision.targetBytes, out: decision.currentBytes, code: 'SAFETY_HOLD' },
      ],
    };
  });
  return { ...tick, state, decisions };
}
