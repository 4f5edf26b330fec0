/** Turns readings into the names that expressions see. What is not trusted has no value, so an expression that needs it fails. */
import { type GuestSample, type HostSample, type Reading, ratioOf, trusted } from '../model/snapshot.ts';
import type { GuestNames, HostNames, PsiNames } from './policy-set.ts';
import type { Condition } from './protect.ts';

export function hostNames({ readings }: HostSample, guests: number): HostNames {
  return {
    guests,
    total: trusted(readings.total),
    available: trusted(readings.available),
    available_ratio: ratioOf(readings.available, readings.total),
    free: trusted(readings.free),
    swap_used: trusted(readings.swapUsed),
    swap_in_rate: trusted(readings.swapInRate),
    swap_out_rate: trusted(readings.swapOutRate),
    committed: trusted(readings.committed),
    psi: {
      some: psiNames(readings.psiSomeAvg10, readings.psiSomeAvg60, readings.psiSomeAvg300),
      full: psiNames(readings.psiFullAvg10, readings.psiFullAvg60, readings.psiFullAvg300),
    },
  };
}

function psiNames(avg10: Reading, avg60: Reading, avg300: Reading): PsiNames {
  return { avg10: trusted(avg10), avg60: trusted(avg60), avg300: trusted(avg300) };
}

export interface Estimates {
  readonly need: number;
  readonly demand: number;
  readonly usedRate: number;
  readonly target: number | undefined;
  /** Undefined while the guest's reserve is not known. */
  readonly condition: Condition | undefined;
}

export function guestNames(
  guest: GuestSample,
  { need, demand, usedRate, target, condition }: Estimates,
): GuestNames {
  const { readings } = guest;
  return {
    name: guest.name,
    uuid: guest.uuid,
    title: guest.title,
    tags: guest.tags,
    os: guest.os,
    max: trusted(readings.max),
    current: trusted(readings.current),
    target,
    total: trusted(readings.total),
    used: trusted(readings.used),
    available: trusted(readings.available),
    free: trusted(readings.free),
    cache: trusted(readings.cache),
    need,
    demand,
    used_rate: usedRate,
    rss: trusted(readings.rss),
    swap_in_rate: trusted(readings.swapInRate),
    swap_out_rate: trusted(readings.swapOutRate),
    major_fault_rate: trusted(readings.majorFaultRate),
    oom_kills: trusted(readings.oomKills),
    alloc_stalls: trusted(readings.allocStalls),
    psi_some: trusted(readings.psiSome),
    psi_full: trusted(readings.psiFull),
    uptime: guest.uptimeSeconds,
    stats_age: guest.statsAgeSeconds,
    boots: guest.epoch,
    distress: condition?.distress,
    level: condition?.level,
  };
}
