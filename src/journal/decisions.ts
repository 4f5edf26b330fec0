/**
 * Decisions as they stand in a tick's line. A decision is an array:
 * `[place of the guest, action, reason, policy, current, target, wanted, min, max, stages]`, a stage one too:
 * `[stage, code, out, inputs, source, in]`. Sources are indexes into `refs`; null is what is not there. A stage begins where the
 * one before it ended, or at the guest's size, unless a sixth element says otherwise.
 */
import { z } from 'zod';
import {
  type Action,
  type Decision,
  REASONS,
  type ReasonCode,
  type SourceRef,
  type Stage,
  type StageName,
} from '../model/decision.ts';
import { dictionaryOf, isScalar } from './dictionary.ts';

const ACTIONS = ['shrink', 'grow', 'hold'] as const satisfies readonly Action[];

const STAGES: Readonly<Record<StageName, true>> = {
  policy: true,
  quality: true,
  eligibility: true,
  demand: true,
  target: true,
  guarantees: true,
  feedback: true,
  vetoes: true,
  relief: true,
  budget: true,
  restraint: true,
  guard: true,
};

const reason = z.custom<ReasonCode>(code => typeof code === 'string' && Object.hasOwn(REASONS, code));
const stageName = z.custom<StageName>(name => typeof name === 'string' && Object.hasOwn(STAGES, name));
const amount = z.number().nullable();
const index = z.number().int().min(0);

const stageSchema = z.tuple([
  stageName,
  reason,
  amount,
  dictionaryOf(isScalar).nullable(),
  index.nullable(),
  amount.optional(),
]);

const decisionSchema = z.tuple([
  index,
  z.enum(ACTIONS),
  reason,
  z.tuple([z.string(), index]).nullable(),
  amount,
  amount,
  amount,
  amount,
  amount,
  z.array(stageSchema),
]);

export const decisionsSchema = z.object({
  /** Of all of them. */
  level: z.string(),
  refs: z.array(z.tuple([z.string(), z.number(), z.number()])),
  of: z.array(decisionSchema),
});

export type EncodedDecisions = z.infer<typeof decisionsSchema>;
type EncodedDecision = z.infer<typeof decisionSchema>;
type EncodedStage = z.infer<typeof stageSchema>;

/** @param decisions of one tick; those of guests without a place are left out */
export function encodeDecisions(
  decisions: readonly Decision[],
  placeOf: (uuid: string) => number | undefined,
): EncodedDecisions {
  const refs = new Map<string, [string, number, number]>();
  const indexes = new Map<string, number>();
  const refOf = ({ file, line, column }: SourceRef): number => {
    const key = `${file}:${line}:${column}`;
    const known = indexes.get(key);
    if (known !== undefined) return known;
    indexes.set(key, refs.size);
    refs.set(key, [file, line, column]);
    return refs.size - 1;
  };
  const of = decisions.flatMap((decision): EncodedDecision[] => {
    const place = placeOf(decision.uuid);
    return place === undefined ? [] : [encodeDecision(decision, place, refOf)];
  });
  return { level: decisions[0]?.level ?? '', refs: [...refs.values()], of };
}

function encodeDecision(
  decision: Decision,
  place: number,
  refOf: (ref: SourceRef) => number,
): EncodedDecision {
  const { action, reason, policy, currentBytes, targetBytes, wantedBytes, guarantees, stages } = decision;
  let at = currentBytes;
  return [
    place,
    action,
    reason,
    policy === undefined ? null : [policy.name, refOf(policy.source)],
    currentBytes ?? null,
    targetBytes ?? null,
    wantedBytes ?? null,
    guarantees?.minBytes ?? null,
    guarantees?.maxBytes ?? null,
    stages.map((stage): EncodedStage => {
      const { stage: name, code, out, inputs, source } = stage;
      const ref = source === undefined ? null : refOf(source);
      const follows = stage.in === at;
      at = out;
      const common = [name, code, out ?? null, inputs === undefined ? null : { ...inputs }, ref] as const;
      return follows ? [...common] : [...common, stage.in ?? null];
    }),
  ];
}

/** The decisions again, in their order; those of a place without a guest, or with a source that is not there, are left out. */
export function decodeDecisions(
  { level, refs, of }: EncodedDecisions,
  guestAt: (place: number) => { readonly uuid: string; readonly name: string } | undefined,
): Decision[] {
  const refAt = (at: number): SourceRef => {
    const [file, line, column] = refs[at] ?? ['', 0, 0];
    return { file, line, column };
  };
  return of.flatMap((encoded): Decision[] => {
    const [place, action, reason, policy, current, target, wanted, min, max, stages] = encoded;
    const guest = guestAt(place);
    if (guest === undefined) return [];
    return [
      {
        uuid: guest.uuid,
        name: guest.name,
        ...(policy !== null && { policy: { name: policy[0], source: refAt(policy[1]) } }),
        level,
        action,
        reason,
        currentBytes: current ?? undefined,
        targetBytes: target ?? undefined,
        wantedBytes: wanted ?? undefined,
        ...(min !== null && max !== null && { guarantees: { minBytes: min, maxBytes: max } }),
        stages: decodeStages(stages, current ?? undefined, refAt),
      },
    ];
  });
}

function decodeStages(
  stages: readonly EncodedStage[],
  current: number | undefined,
  refAt: (at: number) => SourceRef,
): Stage[] {
  let at = current;
  return stages.map(([stage, code, out, inputs, ref, from]) => {
    const start = from === undefined ? at : (from ?? undefined);
    at = out ?? undefined;
    return {
      stage,
      in: start,
      out: at,
      code,
      ...(inputs !== null && { inputs }),
      ...(ref !== null && { source: refAt(ref) }),
    };
  });
}
