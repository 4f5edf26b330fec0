/** Turns readings into the names that expressions see. What is not trusted has no name, so an expression that needs it fails. */
import { type GuestSample, type HostSample, type Reading, ratioOf, trusted } from '../model/snapshot.ts';
import type { GuestNames, HostNames, PsiNames } from './policy-set.ts';
import type { Condition } from './protect.ts';

const HOST_FROM_READINGS = [
  ['total', 'total'],
  ['available', 'available'],
  ['free', 'free'],
  ['swap_used', 'swapUsed'],
  ['swap_in_rate', 'swapInRate'],
  ['swap_out_rate', 'swapOutRate'],
  ['committed', 'committed'],
] as const;

export function hostNames({ readings }: HostSample, guests: number): HostNames {
  const names: HostNames = {
    guests,
    psi: {
      some: psiNames(readings.psiSomeAvg10, readings.psiSomeAvg60, readings.psiSomeAvg300),
      full: psiNames(readings.psiFullAvg10, readings.psiFullAvg60, readings.psiFullAvg300),
    },
  };
  for (const [name, figure] of HOST_FROM_READINGS) {
    const value = trusted(readings[figure]);
    if (value !== undefined) names[name] = value;
  }
  const ratio = ratioOf(readings.available, readings.total);
  if (ratio !== undefined) names.available_ratio = ratio;
  return names;
}

function psiNames(...averages: readonly [avg10: Reading, avg60: Reading, avg300: Reading]): PsiNames {
  const [avg10, avg60, avg300] = averages.map(trusted);
  const names: PsiNames = {};
  if (avg10 !== undefined) names.avg10 = avg10;
  if (avg60 !== undefined) names.avg60 = avg60;
  if (avg300 !== undefined) names.avg300 = avg300;
  return names;
}

const GUEST_FROM_READINGS = [
  ['max', 'max'],
  ['current', 'current'],
  ['total', 'total'],
  ['used', 'used'],
  ['available', 'available'],
  ['free', 'free'],
  ['cache', 'cache'],
  ['rss', 'rss'],
  ['swap_in_rate', 'swapInRate'],
  ['swap_out_rate', 'swapOutRate'],
  ['major_fault_rate', 'majorFaultRate'],
] as const;

export interface Estimates {
  readonly demand: number;
  readonly usedRate: number;
  readonly target: number | undefined;
  readonly condition: Condition;
}

export function guestNames(guest: GuestSample, estimates: Estimates): GuestNames {
  const names: GuestNames = {
    name: guest.name,
    uuid: guest.uuid,
    demand: estimates.demand,
    used_rate: estimates.usedRate,
    uptime: guest.uptimeSeconds,
    boots: guest.epoch,
    distress: estimates.condition.distress,
  };
  if (estimates.condition.level !== undefined) names.level = estimates.condition.level;
  if (guest.title !== undefined) names.title = guest.title;
  if (guest.tags !== undefined) names.tags = guest.tags;
  if (guest.os !== undefined) names.os = guest.os;
  if (guest.statsAgeSeconds !== undefined) names.stats_age = guest.statsAgeSeconds;
  if (estimates.target !== undefined) names.target = estimates.target;
  for (const [name, figure] of GUEST_FROM_READINGS) {
    const value = trusted(guest.readings[figure]);
    if (value !== undefined) names[name] = value;
  }
  return names;
}
