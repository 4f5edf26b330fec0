/** All checks in their order. */
import type { Check } from './check.ts';
import { CHANGE_CHECKS } from './checks-changes.ts';
import { NAME_CHECKS } from './checks-names.ts';
import { STATS_CHECKS } from './checks-stats.ts';

const ALL = { ...NAME_CHECKS, ...STATS_CHECKS, ...CHANGE_CHECKS };

export type CheckId = keyof typeof ALL;

function isCheckId(id: string): id is CheckId {
  return Object.hasOwn(ALL, id);
}

export const CHECKS: readonly (readonly [CheckId, Check])[] = Object.keys(ALL)
  .filter(isCheckId)
  .map(id => [id, ALL[id]]);
