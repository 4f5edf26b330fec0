import type { ReasonCode, SourceRef, Stage, StageName } from '../model/decision.ts';
import type { Bytes } from '../model/units.ts';

export type StageInputs = NonNullable<Stage['inputs']>;

/** Collects the stages of one decision; each stage starts from what the one before left. */
export interface Trail {
  stages: Stage[];
  /** What the last stage left. */
  value: Bytes | undefined;
  /** Whether anybody will read the stages; where nobody does, none are made. */
  told: boolean;
}

export function newTrail(value: Bytes | undefined): Trail {
  return { stages: [], value, told: true };
}

/** Begins the stages of another decision. */
export function restart(trail: Trail, value: Bytes | undefined, told: boolean): void {
  trail.stages = told ? [] : NO_STAGES;
  trail.value = told ? value : undefined;
  trail.told = told;
}

const NO_STAGES: Stage[] = [];

export function record(
  trail: Trail,
  stage: StageName,
  code: ReasonCode,
  out: Bytes | undefined,
  inputs?: StageInputs,
  source?: SourceRef,
): void {
  // Nobody asks what the stage before left.
  if (!trail.told) return;
  // Five stages a guest and tick: a plain literal costs a fraction of one made of spread parts.
  const from = trail.value;
  if (source !== undefined && inputs !== undefined)
    trail.stages.push({ stage, in: from, out, code, inputs, source });
  else if (inputs !== undefined) trail.stages.push({ stage, in: from, out, code, inputs });
  else if (source !== undefined) trail.stages.push({ stage, in: from, out, code, source });
  else trail.stages.push({ stage, in: from, out, code });
  trail.value = out;
}
