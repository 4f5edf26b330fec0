/** Turns readings into the names that expressions see. What is not trusted has no value, so an expression that needs it fails. */
import { figureOr } from '../model/guest-readings.ts';
import { type GuestSample, type HostSample, type Reading, ratioOf, trusted } from '../model/snapshot.ts';
import type { GuestNames, HostNames, PsiNames } from './expression/expression.ts';
import type { Condition } from './protect.ts';

export function hostNames({ readings }: HostSample, guests: number): HostNames {
  return {
    guests,
    // Until it is told.
    level: undefined,
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

/** What is known of a guest and worked out about it. */
export interface Described {
  readonly sample: GuestSample;
  /** Use, with the kernel's share. */
  readonly inUse: number;
  readonly demand: number;
  readonly usedRate: number;
  /** Last size we asked for. */
  readonly target: number | undefined;
  /** Undefined while the guest's reserve is not known. */
  readonly condition: Condition | undefined;
}

/**
 * The names of a guest. Each is worked out when an expression reads it: policies read some four of thirty, and a thousand guests
 * are asked about a second, so this is the one place where getters pay.
 */
export class NamesOfGuest implements GuestNames {
  readonly #guest: Described;

  constructor(guest: Described) {
    this.#guest = guest;
  }

  get name() {
    return this.#guest.sample.name;
  }
  get uuid() {
    return this.#guest.sample.uuid;
  }
  get title() {
    return this.#guest.sample.title;
  }
  get tags() {
    return this.#guest.sample.tags;
  }
  get os() {
    return this.#guest.sample.os;
  }
  get max() {
    return trusted(this.#guest.sample.readings.max);
  }
  get current() {
    return trusted(this.#guest.sample.readings.current);
  }
  get target() {
    return this.#guest.target;
  }
  get total() {
    return figureOr(this.#guest.sample.readings.trusted.total, undefined);
  }
  get used() {
    return figureOr(this.#guest.sample.readings.trusted.used, undefined);
  }
  get available() {
    return figureOr(this.#guest.sample.readings.trusted.available, undefined);
  }
  get free() {
    return figureOr(this.#guest.sample.readings.trusted.free, undefined);
  }
  get cache() {
    return figureOr(this.#guest.sample.readings.trusted.cache, undefined);
  }
  get need() {
    return this.#guest.inUse;
  }
  get demand() {
    return this.#guest.demand;
  }
  get used_rate() {
    return this.#guest.usedRate;
  }
  get rss() {
    return trusted(this.#guest.sample.readings.rss);
  }
  get swap_in_rate() {
    return figureOr(this.#guest.sample.readings.trusted.swapInRate, undefined);
  }
  get swap_out_rate() {
    return figureOr(this.#guest.sample.readings.trusted.swapOutRate, undefined);
  }
  get major_fault_rate() {
    return figureOr(this.#guest.sample.readings.trusted.majorFaultRate, undefined);
  }
  get oom_kills() {
    return figureOr(this.#guest.sample.readings.trusted.oomKills, undefined);
  }
  get alloc_stalls() {
    return figureOr(this.#guest.sample.readings.trusted.allocStalls, undefined);
  }
  get psi_some() {
    return trusted(this.#guest.sample.readings.psiSome);
  }
  get psi_full() {
    return trusted(this.#guest.sample.readings.psiFull);
  }
  get uptime() {
    return this.#guest.sample.uptimeSeconds;
  }
  get stats_age() {
    return this.#guest.sample.statsAgeSeconds;
  }
  get boots() {
    return this.#guest.sample.epoch;
  }
  get distress() {
    return this.#guest.condition?.distress;
  }
  get level() {
    return this.#guest.condition?.level;
  }
}
