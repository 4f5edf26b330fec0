/** What decisions name of the policies: where each field is written, and which reason code says that it bit. */
import type { Decision, ReasonCode, StageName } from '../model/decision.ts';
import type { Amount, Direction, DirectionPatch, GuestPolicy, PolicyPatch } from './policy-set.ts';

/** A limit, which stands in `spec` of a policy or in `set` of one of its layers. */
export interface Limit {
  /** Its keys from there. */
  readonly path: readonly string[];
  readonly stage: StageName;
  readonly code: ReasonCode;
  /** Of the limits of a move, the way of the move. */
  readonly side?: Side;
  /** False when it can never limit anything: a step of the whole guest, a cooldown of nothing. */
  readonly canBite: (policy: GuestPolicy, levels: readonly string[]) => boolean;
  /** What a layer sets it to. */
  readonly setBy: (patch: PolicyPatch) => unknown;
}

type Side = 'shrink' | 'grow';

function wholeGuest(amount: Amount): boolean {
  return 'ratio' in amount && amount.ratio >= 1;
}

interface StepLimit {
  readonly path: readonly string[];
  readonly code: ReasonCode;
  readonly canBite: (direction: Direction, levels: readonly string[]) => boolean;
  readonly setBy: (patch: DirectionPatch) => unknown;
}

const STEP_LIMITS: readonly StepLimit[] = [
  {
    path: ['at'],
    code: 'LEVEL_FORBIDS',
    canBite: ({ at }, levels) => !levels.every(level => at.has(level)),
    setBy: ({ at }) => at,
  },
  {
    path: ['step', 'max'],
    code: 'STEP_LIMITED',
    canBite: ({ stepMax }) => !wholeGuest(stepMax),
    setBy: ({ stepMax }) => stepMax,
  },
  {
    path: ['step', 'min'],
    code: 'STEP_TOO_SMALL',
    canBite: ({ stepMin }) => stepMin > 0,
    setBy: ({ stepMin }) => stepMin,
  },
  {
    path: ['rate'],
    code: 'RATE_LIMITED',
    canBite: ({ rate }) => rate !== undefined,
    setBy: ({ rate }) => rate,
  },
  {
    path: ['cooldown'],
    code: 'COOLDOWN',
    canBite: ({ cooldownSeconds }) => cooldownSeconds > 0,
    setBy: ({ cooldownSeconds }) => cooldownSeconds,
  },
];

function limitsOf(side: Side): Limit[] {
  return STEP_LIMITS.map(({ path, code, canBite, setBy }) => ({
    path: ['behavior', side, ...path],
    stage: 'restraint',
    code,
    side,
    canBite: (policy, levels) => canBite(policy[side], levels),
    setBy: patch => setBy(patch[side] ?? {}),
  }));
}

/** Fields of the host policy, by their keys from `spec`, that the reason code of a guest's stage is about. */
export const HOST_FIELDS: ReadonlyMap<ReasonCode, readonly string[]> = new Map<ReasonCode, readonly string[]>(
  [
    ['RECLAIM_LIMITED', ['limits', 'reclaimRate']],
    ['MOVES_LIMITED', ['limits', 'concurrentMoves']],
    ['TICK_LIMITED', ['limits', 'guestsPerTick']],
    ['SURPLUS_RETURNED', ['surplus']],
    ['SHORTAGE_SHARED', ['shortage']],
    ['FOREIGN_CHANGE', ['foreignChange']],
  ],
);

/** Of a guest policy, in the order in which policies are written. */
export const LIMITS: readonly Limit[] = [
  {
    path: ['guarantees', 'min'],
    stage: 'guarantees',
    code: 'GUARANTEE_MIN',
    canBite: () => true,
    setBy: ({ guarantees }) => guarantees?.min,
  },
  {
    path: ['guarantees', 'max'],
    stage: 'guarantees',
    code: 'GUARANTEE_MAX',
    canBite: ({ guarantees }) => !wholeGuest(guarantees.max),
    setBy: ({ guarantees }) => guarantees?.max,
  },
  {
    path: ['behavior', 'tolerance'],
    stage: 'restraint',
    code: 'WITHIN_TOLERANCE',
    canBite: ({ tolerance }) => tolerance.ratio > 0 || tolerance.bytes > 0,
    setBy: ({ tolerance }) => tolerance,
  },
  ...limitsOf('shrink'),
  {
    path: ['behavior', 'shrink', 'stabilization'],
    stage: 'restraint',
    code: 'STABILIZING',
    canBite: ({ stabilizationSeconds }) => stabilizationSeconds > 0,
    setBy: ({ stabilizationSeconds }) => stabilizationSeconds,
  },
  ...limitsOf('grow'),
];

/** The limits that bit in a decision. */
export function limitsBitten({ action, currentBytes = 0, stages }: Decision): Limit[] {
  return LIMITS.filter(({ stage, code, side }) =>
    stages.some(
      done =>
        done.stage === stage &&
        done.code === code &&
        // Which way a guest was going when restraint looked at it, also where it then stays.
        (side === undefined ||
          side === (action === 'hold' ? ((done.in ?? 0) < currentBytes ? 'shrink' : 'grow') : action)),
    ),
  );
}
