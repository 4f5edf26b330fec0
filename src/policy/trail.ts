import type { ReasonCode, SourceRef, Stage, StageName } from '../model/decision.ts';
import type { Bytes } from '../model/units.ts';

export type StageInputs = NonNullable<Stage['inputs']>;

/** Collects the stages of one decision; each stage starts from what the one before left. */
export interface Trail {
  stages: Stage[];
  value: Bytes | undefined;
}

export function newTrail(value: Bytes | undefined): Trail {
  return { stages: [], value };
}

/** Begins the stages of another decision. */
export function restart(trail: Trail, value: Bytes | undefined): void {
  trail.stages = [];
  trail.value = value;
}

export function record(
  trail: Trail,
  stage: StageName,
  code: ReasonCode,
  out: Bytes | undefined,
  inputs?: StageInputs,
  source?: SourceRef,
): void {
  // Five stages a guest and tick: a plain literal costs a fraction of one made of spread parts.
  const from = trail.value;
  if (source !== undefined && inputs !== undefined)
    trail.stages.push({ stage, in: from, out, code, inputs, source });
  else if (inputs !== undefined) trail.stages.push({ stage, in: from, out, code, inputs });
  else if (source !== undefined) trail.stages.push({ stage, in: from, out, code, source });
  else trail.stages.push({ stage, in: from, out, code });
  trail.value = out;
}
