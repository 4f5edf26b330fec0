/** Holds what a test wants against what was decided, and says what differs. */
import type { Decision, SourceRef, Stage } from '../../model/decision.ts';
import type { Seconds } from '../../model/units.ts';
import type { SizeRange, Wanted } from './policy-test.ts';

/** Something that is not as the test wants it. */
export interface Failure {
  readonly kind: 'expect' | 'always' | 'never';
  /** Where the test says what it wants. */
  readonly source: SourceRef;
  /** Time of the tick since the start of the test. */
  readonly at: Seconds;
  /** Further ticks in which it was not so; only for always and never. */
  readonly more: number;
  readonly guest: string | undefined;
  /** Field by field, what was wanted. */
  readonly expected: Facts;
  /** The same fields as they were; undefined for what was not there. */
  readonly got: Facts;
  /** For a condition that could not be evaluated. */
  readonly problem?: string;
  /** How the decision about the guest came to be. */
  readonly stages: readonly Stage[];
  readonly policy: string | undefined;
  readonly level: string;
}

export type Facts = ReadonlyMap<string, Fact>;

export type Fact = number | string | boolean | SizeRange | undefined;

/** One tick as far as a test looks at it. */
export interface Outcome {
  readonly level: string;
  readonly decision: Decision | undefined;
}

/** The fields of `wanted` and what they are in this tick. */
export function factsOf(wanted: Wanted, { level, decision }: Outcome): Map<string, Fact> {
  const facts = new Map<string, Fact>();
  if (wanted.level !== undefined) facts.set('level', level);
  if (wanted.policy !== undefined) facts.set('policy', decision?.policy?.name);
  if (wanted.action !== undefined) facts.set('action', decision?.action);
  if (wanted.target !== undefined) facts.set('target', decision?.targetBytes);
  if (wanted.reason !== undefined) facts.set('reason', decision?.reason);
  return facts;
}

/** True when every field that is wanted is as wanted. */
export function meets(wanted: Wanted, { level, decision }: Outcome): boolean {
  return (
    (wanted.level === undefined || wanted.level === level) &&
    (wanted.policy === undefined || wanted.policy === decision?.policy?.name) &&
    (wanted.action === undefined || wanted.action === decision?.action) &&
    (wanted.reason === undefined || wanted.reason === decision?.reason) &&
    (wanted.target === undefined || isWithin(wanted.target, decision?.targetBytes))
  );
}

function isWithin({ atLeast, atMost }: SizeRange, size: number | undefined): boolean {
  return size !== undefined && size >= (atLeast ?? 0) && size <= (atMost ?? Number.POSITIVE_INFINITY);
}

/** What is wanted, in the order of `factsOf`. */
export function wantedFacts(wanted: Wanted): Map<string, Fact> {
  const { level, policy, action, target, reason } = wanted;
  const facts = Object.entries({ level, policy, action, target, reason });
  return new Map<string, Fact>(facts.filter(([, fact]) => fact !== undefined));
}
