import type { Action, ReasonCode, SourceRef } from '../model/decision.ts';
import type { Bytes } from '../model/units.ts';
import type { StageInputs } from './trail.ts';

/** What becomes of one guest this tick. */
export interface Outcome {
  action: Action;
  reason: ReasonCode;
  target: Bytes | undefined;
}

/** How far a guest may go. */
export interface Restrained {
  /** Undefined: the guest stays as it is. */
  target: Bytes | undefined;
  /** `OK` when nothing limited the move, or when there was none to make. */
  code: ReasonCode;
  inputs: StageInputs;
  /** The line of the policy that the code is about, when it is not the policy as a whole. */
  source: SourceRef | undefined;
  /** What a growth would have taken had there been room. */
  short: Bytes;
}
