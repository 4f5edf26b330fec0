import type { Action, ReasonCode } from '../model/decision.ts';
import type { Bytes } from '../model/units.ts';

/** What becomes of one guest this tick. */
export interface Outcome {
  readonly action: Action;
  readonly reason: ReasonCode;
  readonly target: Bytes | undefined;
}
