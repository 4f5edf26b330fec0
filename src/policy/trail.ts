import type { ReasonCode, SourceRef, Stage, StageName } from '../model/decision.ts';
import type { Bytes } from '../model/units.ts';

export type StageInputs = NonNullable<Stage['inputs']>;

/** Collects the stages of one decision; each stage starts from what the one before left. */
export interface Trail {
  readonly stages: Stage[];
  value: Bytes | undefined;
}

export function newTrail(value: Bytes | undefined): Trail {
  return { stages: [], value };
}

export function record(
  trail: Trail,
  stage: StageName,
  code: ReasonCode,
  out: Bytes | undefined,
  inputs?: StageInputs,
  source?: SourceRef,
): void {
  trail.stages.push({
    stage,
    in: trail.value,
    out,
    code,
    ...(inputs === undefined ? {} : { inputs }),
    ...(source === undefined ? {} : { source }),
  });
  trail.value = out;
}
