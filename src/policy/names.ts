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

/**
 * The names of a guest. Each is worked out when an expression reads it: policies read some four of thirty, and a thousand guests
 * are asked about a second, so this is the one place where getters pay.
 */
export function guestNames(guest: GuestSample, estimates: Estimates): GuestNames {
  return new NamesOfGuest(guest, estimates);
}

class NamesOfGuest implements GuestNames {
  readonly #guest: GuestSample;
  readonly #estimates: Estimates;

  constructor(guest: GuestSample, estimates: Estimates) {
    this.#guest = guest;
    this.#estimates = estimates;
  }

  get name() {
    return this.#guest.name;
  }
  get uuid() {
    return this.#guest.uuid;
  }
  get title() {
    return this.#guest.title;
  }
  get tags() {
    return this.#guest.tags;
  }
  get os() {
    return this.#guest.os;
  }
  get max() {
    return trusted(this.#guest.readings.max);
  }
  get current() {
    return trusted(this.#guest.readings.current);
  }
  get target() {
    return this.#estimates.target;
  }
  get total() {
    return trusted(this.#guest.readings.total);
  }
  get used() {
    return trusted(this.#guest.readings.used);
  }
  get available() {
    return trusted(this.#guest.readings.available);
  }
  get free() {
    return trusted(this.#guest.readings.free);
  }
  get cache() {
    return trusted(this.#guest.readings.cache);
  }
  get need() {
    return this.#estimates.need;
  }
  get demand() {
    return this.#estimates.demand;
  }
  get used_rate() {
    return this.#estimates.usedRate;
  }
  get rss() {
    return trusted(this.#guest.readings.rss);
  }
  get swap_in_rate() {
    return trusted(this.#guest.readings.swapInRate);
  }
  get swap_out_rate() {
    return trusted(this.#guest.readings.swapOutRate);
  }
  get major_fault_rate() {
    return trusted(this.#guest.readings.majorFaultRate);
  }
  get oom_kills() {
    return trusted(this.#guest.readings.oomKills);
  }
  get alloc_stalls() {
    return trusted(this.#guest.readings.allocStalls);
  }
  get psi_some() {
    return trusted(this.#guest.readings.psiSome);
  }
  get psi_full() {
    return trusted(this.#guest.readings.psiFull);
  }
  get uptime() {
    return this.#guest.uptimeSeconds;
  }
  get stats_age() {
    return this.#guest.statsAgeSeconds;
  }
  get boots() {
    return this.#guest.epoch;
  }
  get distress() {
    return this.#estimates.condition?.distress;
  }
  get level() {
    return this.#estimates.condition?.level;
  }
}
