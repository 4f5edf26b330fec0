/** Turns readings into the names that expressions see. What is not trusted has no name, so an expression that needs it fails. */
import { type GuestSample, type HostSample, type Reading, ratioOf, trusted } from '../model/snapshot.ts';
import type { GuestNames, HostNames, PsiNames } from './policy-set.ts';

export function hostNames(host: HostSample, guests: number): HostNames {
  const r = host.readings;
  return {
    ...defined('total', r.total),
    ...defined('available', r.available),
    ...number('available_ratio', ratioOf(r.available, r.total)),
    ...defined('free', r.free),
    ...defined('swap_used', r.swapUsed),
    ...defined('swap_in_rate', r.swapInRate),
    ...defined('swap_out_rate', r.swapOutRate),
    ...defined('committed', r.committed),
    psi: {
      some: psiNames(r.psiSomeAvg10, r.psiSomeAvg60, r.psiSomeAvg300),
      full: psiNames(r.psiFullAvg10, r.psiFullAvg60, r.psiFullAvg300),
    },
    guests,
  };
}

function psiNames(avg10: Reading, avg60: Reading, avg300: Reading): PsiNames {
  return { ...defined('avg10', avg10), ...defined('avg60', avg60), ...defined('avg300', avg300) };
}

function defined<K extends string>(name: K, reading: Reading): { [P in K]?: number } {
  return number(name, trusted(reading));
}

function number<K extends string>(name: K, value: number | undefined): { [P in K]?: number } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]: number });
}

/** Names whose values come from readings. */
const FROM_READINGS = [
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
}

export function guestNames(guest: GuestSample, estimates: Estimates): GuestNames {
  const names: GuestNames = {
    name: guest.name,
    uuid: guest.uuid,
    demand: estimates.demand,
    used_rate: estimates.usedRate,
    uptime: guest.uptimeSeconds,
    boots: guest.epoch,
  };
  if (guest.title !== undefined) names.title = guest.title;
  if (guest.statsAgeSeconds !== undefined) names.stats_age = guest.statsAgeSeconds;
  if (estimates.target !== undefined) names.target = estimates.target;
  for (const [name, figure] of FROM_READINGS) {
    const value = trusted(guest.readings[figure]);
    if (value !== undefined) names[name] = value;
  }
  return names;
}
