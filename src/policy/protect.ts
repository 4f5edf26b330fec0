/** What protects one guest from giving: its own distress, its policy's vetoes and relief, and what was recommended before. */
import type { ReasonCode, SourceRef } from '../model/decision.ts';
import { type GuestSample, trusted } from '../model/snapshot.ts';
import { type Bytes, MiB, type Seconds } from '../model/units.ts';
import { type GuestPolicy, resolveAmount, type Scope } from './policy-set.ts';
import type { GuestMemory } from './state.ts';
import { record, type StageInputs, type Trail } from './trail.ts';

/**
 * Swapping out faster than this is distress: a guest that evicts pages raises its own MemAvailable by doing so, and looks
 * comfortable. Slower than this is what kswapd does to cold pages at any time.
 */
const DISTRESS_SWAP_OUT = MiB;

/** How a guest is off by itself, for expressions: `guest.distress` and `guest.level`. */
export interface Condition {
  readonly distress: boolean;
  /** Unknown while its available memory is. */
  readonly level: 'ample' | 'low' | 'distress' | undefined;
}

export function conditionOf({ readings }: GuestSample, reserve: Bytes): Condition {
  const available = trusted(readings.available);
  const swapping = (trusted(readings.swapOutRate) ?? 0) > DISTRESS_SWAP_OUT;
  const distress = swapping || (available !== undefined && available < reserve / 2);
  if (distress) return { distress, level: 'distress' };
  return { distress, level: available === undefined ? undefined : available < reserve ? 'low' : 'ample' };
}

/** Why a guest is not shrunk, whoever asks for it. */
export interface Bar {
  readonly code: Extract<ReasonCode, 'VETOED' | 'EXPRESSION_FAILED' | 'RELIEF'>;
  readonly inputs: StageInputs;
  readonly source: SourceRef;
}

export interface Protection {
  readonly bar: Bar | undefined;
  /** Size that the relief gives; undefined when there is none. */
  readonly relief: Bytes | undefined;
  readonly vetoed: GuestMemory['vetoed'];
}

/**
 * Evaluates vetoes and relief. A condition that cannot be evaluated bars shrinks as if it held, and relieves nobody: unknown
 * never shrinks a guest.
 */
export function protect(
  policy: GuestPolicy,
  scope: Scope,
  { vetoed: before }: GuestMemory,
  now: Seconds,
): Protection {
  let bar: Bar | undefined;
  let vetoed: Record<string, Seconds> | undefined;
  for (const { name, when, holdSeconds } of policy.vetoes) {
    const holds = when.evaluate(scope);
    if (typeof holds !== 'boolean') {
      const inputs = { veto: name, problem: holds.problem };
      bar ??= { code: 'EXPRESSION_FAILED', inputs, source: when.source };
    }
    const last = holds === true ? now : before?.[name];
    if (last === undefined) continue;
    const left = holds === true ? holdSeconds : last + holdSeconds - now;
    if (holds !== true && left <= 0) continue;
    vetoed ??= {};
    vetoed[name] = last;
    bar ??= { code: 'VETOED', inputs: { veto: name, seconds: left }, source: when.source };
  }
  const { relief } = policy;
  if (relief === undefined) return { bar, relief: undefined, vetoed };
  const { when, to } = relief;
  const hurts = when.evaluate(scope);
  if (hurts === false) return { bar, relief: undefined, vetoed };
  if (hurts === true) {
    const size = Math.floor(resolveAmount(to, scope.guest?.max ?? 0));
    return { bar: { code: 'RELIEF', inputs: { size }, source: when.source }, relief: size, vetoed };
  }
  const inputs = { relief: true, problem: hurts.problem };
  return {
    bar: bar ?? { code: 'EXPRESSION_FAILED', inputs, source: when.source },
    relief: undefined,
    vetoed,
  };
}

/** Records what protects the guest, where anything does. */
export function recordProtection(trail: Trail, { bar, relief }: Protection, desired: Bytes): void {
  if (bar === undefined) return;
  const stage = relief === undefined ? 'vetoes' : 'relief';
  record(trail, stage, bar.code, desired, bar.inputs, bar.source);
}
