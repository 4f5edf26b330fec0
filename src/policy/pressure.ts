import type { Seconds } from '../model/units.ts';
import type { HostNames } from './expression/expression.ts';
import { LEVEL_NONE, type PressureLevel } from './policy-set.ts';

/** What is remembered of one level's condition. Instants are monotonic seconds. */
export interface Held {
  readonly entered: boolean;
  readonly trueSince: Seconds | undefined;
  readonly falseSince: Seconds | undefined;
  /** Why the condition could not be evaluated this time. */
  readonly problem?: string;
}

export interface PressureState {
  readonly level: string;
  readonly since: Seconds;
  /** By name of the level. */
  readonly held: ReadonlyMap<string, Held>;
}

const UNSEEN: Held = { entered: false, trueSince: undefined, falseSince: undefined };

export function initialPressure(now: Seconds): PressureState {
  return { level: LEVEL_NONE, since: now, held: new Map() };
}

/**
 * The host's pressure level: the first from the top whose `when` has held for `for`, or that was entered and whose `when` has
 * not yet been false for `keepFor`. A condition that cannot be evaluated (a figure is missing) leaves its level as it was, and
 * both times start again: unknown is neither pressure nor relief.
 */
export function assessPressure(
  state: PressureState,
  levels: readonly PressureLevel[],
  host: HostNames,
  now: Seconds,
): PressureState {
  const held = new Map<string, Held>();
  let level = LEVEL_NONE;
  for (const candidate of levels) {
    const next = advance(state.held.get(candidate.name) ?? UNSEEN, candidate, host, now);
    held.set(candidate.name, next);
    if (level === LEVEL_NONE && next.entered) level = candidate.name;
  }
  return { level, since: level === state.level ? state.since : now, held };
}

function advance(before: Held, level: PressureLevel, host: HostNames, now: Seconds): Held {
  const holds = level.when.evaluate({ host });
  if (typeof holds !== 'boolean') return { ...UNSEEN, entered: before.entered, problem: holds.problem };
  if (holds) {
    const trueSince = before.trueSince ?? now;
    return {
      entered: before.entered || now - trueSince >= level.forSeconds,
      trueSince,
      falseSince: undefined,
    };
  }
  const falseSince = before.falseSince ?? now;
  return {
    entered: before.entered && now - falseSince < level.keepForSeconds,
    trueSince: undefined,
    falseSince,
  };
}
