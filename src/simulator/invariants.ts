/** What must be true at every moment of every run, whatever happens in it. */
import type { SimulatedGuest } from '../hypervisor/simulated/guest.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Bytes } from '../model/units.ts';
import { WITHDRAWAL_MARGIN } from '../policy/convergence.ts';
import type { Tick } from '../policy/decide.ts';
import { hostReserve, type PolicySet } from '../policy/policy-set.ts';
import type { PolicyState } from '../policy/state.ts';

/** What is wrong with the guests' memory: pages lost or invented, amounts below zero. Nothing, one hopes. */
export function bookErrors(guests: readonly SimulatedGuest[]): string[] {
  const found: string[] = [];
  for (const { name, memory, parameters } of guests) {
    if (memory === undefined) continue;
    const { size, kernel, anonymous, cache, free, freeResident, freed, returned, listed } = memory;
    const { swapped, swapCached, huge, written } = memory;
    if (kernel + anonymous + cache + free !== size) found.push(`${name}: pages lost or invented`);
    // One comparison each, and false for NaN too.
    if (!(anonymous >= 0 && cache >= 0 && free >= 0 && freeResident >= 0 && swapped >= 0)) {
      found.push(`${name}: an amount below zero`);
    }
    if (!(freed >= 0 && returned >= 0 && listed >= 0 && swapCached >= 0 && huge >= 0 && written >= 0))
      found.push(`${name}: a part below zero`);
    if (
      !(freed <= freeResident && returned <= free - freeResident && huge + written + swapCached <= anonymous)
    ) {
      found.push(`${name}: a part larger than the whole`);
    }
    if (!(freeResident <= free && listed <= free)) found.push(`${name}: more free memory than free`);
    if (!(size <= parameters.maximum)) found.push(`${name}: larger than its maximum`);
    if (!(swapped <= parameters.swap)) found.push(`${name}: more swapped than its device holds`);
  }
  return found;
}

/**
 * What a tick promised beyond what there is: growth is paid out of memory that is free by then, and together promises stay within
 * the pool, unless the host was overcommitted before anybody moved. A guest that kept what its balloon took is given back no more than
 * what its process holds, which costs the host nothing.
 */
export function promiseErrors(
  before: PolicyState,
  snapshot: Snapshot,
  tick: Tick,
  policies: PolicySet,
): string[] {
  const { budget } = tick;
  const { available, total } = snapshot.host.readings;
  if (budget === undefined || available.value === undefined || total.value === undefined) return [];
  let given = 0;
  let withdrawn = 0;
  for (const { uuid, action, reason, targetBytes, currentBytes } of tick.decisions) {
    if (action !== 'grow' || targetBytes === undefined || currentBytes === undefined) continue;
    const promised = Math.max(currentBytes, before.guests.get(uuid)?.move?.to ?? 0);
    const had = reason === 'INEFFECTIVE' ? Math.max(promised, residentOf(snapshot, uuid)) : promised;
    given += Math.max(0, targetBytes - had);
    if (reason === 'WITHDRAWN') withdrawn += WITHDRAWAL_MARGIN;
  }
  const found: string[] = [];
  const room = Math.max(0, available.value - hostReserve(policies.host, total.value));
  if (given > room + withdrawn + 1) found.push(`gives ${given} of ${room} bytes that are free`);
  const { committed } = budget;
  if (committed <= budget.total && committed + given - withdrawn > budget.total + 1)
    found.push(`promises ${committed + given} of ${budget.total} bytes`);
  return found;
}

function residentOf({ guests }: Snapshot, uuid: string): Bytes {
  return guests.find(guest => guest.uuid === uuid)?.readings.rss.value ?? 0;
}
