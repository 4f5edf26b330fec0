import type { Seconds } from '../model/units.ts';

/** A guest that is left alone because an operator said so. It outlives reboots of the guest, and reloads. */
export interface Pause {
  /** Unix time. */
  readonly since: Seconds;
  /** Unix time at which it ends by itself; missing: it lasts until the guest is resumed. */
  readonly until?: Seconds | undefined;
  readonly reason: string;
  /** Who asked for it, as far as that is known. */
  readonly by: string;
}

/** By uuid. */
export type Pauses = ReadonlyMap<string, Pause>;

/** The pause of a guest that is in force now. */
export function pauseOf(pauses: Pauses | undefined, uuid: string, wall: Seconds): Pause | undefined {
  const pause = pauses?.get(uuid);
  return pause === undefined || isOver(pause, wall) ? undefined : pause;
}

/** What is left of the pauses at this time. */
export function lasting(pauses: Pauses | undefined, wall: Seconds): Pauses | undefined {
  if (pauses === undefined) return undefined;
  const left = [...pauses].filter(([, pause]) => !isOver(pause, wall));
  if (left.length === pauses.size && left.length > 0) return pauses;
  return left.length === 0 ? undefined : new Map(left);
}

function isOver({ until }: Pause, wall: Seconds): boolean {
  return until !== undefined && wall >= until;
}
