/** Guests that are short of memory and live well with it, because what they have swapped out is not missed. */
import { type Bar, RISING } from './protect.ts';
import type { Movable } from './sheet.ts';
import { isSqueezed, refaults } from './squeeze.ts';
import type { GuestMemory } from './state.ts';
import { SWAP_NOISE } from './swapping.ts';

type Situation = Pick<Movable, 'policy' | 'memory' | 'sample' | 'soon' | 'need' | 'bar' | 'at'>;

/**
 * True for a guest that has little available and lives well: it has shown that it swaps, takes no more, and reads nothing back. What it
 * has swapped out it does not miss, and what else it seldom touches can go to one in need (H5, R5: that one is in distress, this one is not).
 */
export function isContent({ policy, memory, sample, soon, need, bar, at }: Situation): boolean {
  if (policy.cold === undefined || memory.cold?.swaps !== true) return false;
  if (hasFailed(memory) || soon - need > RISING || forbids(bar)) return false;
  if (!isSqueezed(memory.cold, at) && sample.readings.trusted.swapOutRate > SWAP_NOISE) return false;
  return refaults(sample) <= policy.cold.refault;
}

/** In distress, and not content with what it has. */
export function isInNeed(guest: Movable): boolean {
  return guest.distressed && !isContent(guest);
}

/** Its programs have got no memory, or been killed for want of it; less available and more swapped is what a squeeze makes. */
function hasFailed({ probation }: GuestMemory): boolean {
  return probation?.harm === 'oom-kill' || probation?.harm === 'alloc-stall';
}

/** True for bars that stand against a squeeze; those that come of swapping are what a squeeze makes. */
export function forbids(bar: Bar | undefined): boolean {
  return bar !== undefined && bar.code !== 'SWAPPING' && bar.code !== 'ROLLED_BACK';
}
