/**
 * The simulated host's own memory when its guests do not fit: what is too much goes to the host's swap, comes back when guests touch
 * it, and makes them wait meanwhile. What does not fit there either is counted, and done nothing about.
 */
import type { Bytes, Ratio, Seconds } from '../../model/units.ts';

/** A guest touches a page that the host has swapped about this often: the host knows less of use than the guest's own kernel. */
const TOUCH: Seconds = 120;

/** Windows of PSI, seconds (kernel/sched/psi.c). */
const WINDOWS = [10, 60, 300] as const;

export interface HostSwap {
  readonly used: Bytes;
  /** Since the scenario began. */
  readonly in: Bytes;
  readonly out: Bytes;
}

/** Averages over 10, 60 and 300 seconds, percent. */
export interface HostPressure {
  readonly some: readonly [number, number, number];
  readonly full: readonly [number, number, number];
}

export class HostMemory {
  readonly #size: Bytes;
  readonly #rate: number;
  #used: Bytes = 0;
  #in: Bytes = 0;
  #out: Bytes = 0;
  readonly #some: [number, number, number] = [0, 0, 0];
  readonly #full: [number, number, number] = [0, 0, 0];
  #calm = true;

  /** @param rate bytes per second of the swap device, both ways together */
  constructor(size: Bytes, rate: number) {
    this.#size = size;
    this.#rate = rate;
  }

  get swap(): HostSwap {
    return { used: this.#used, in: this.#in, out: this.#out };
  }

  get pressure(): HostPressure {
    return { some: this.#some, full: this.#full };
  }

  /**
   * Lets `dt` seconds pass.
   *
   * @param resident what the guests' processes hold, in memory or on swap
   * @param guests how many share the waiting
   * @returns the share of their time that all guests together lose to it, 0 to 1: to be shared out among them
   */
  step(resident: Bytes, capacity: Bytes, guests: number, dt: Seconds): Ratio {
    const excess = Math.max(0, resident - capacity);
    // The usual case, and the model takes millions of such steps.
    if (excess === 0 && this.#used === 0 && this.#calm) return 0;
    const able = this.#rate * dt;
    const out = Math.min(able, Math.max(0, Math.min(excess, this.#size) - this.#used));
    const touched = Math.min((able - out) / 2, (this.#used * dt) / TOUCH);
    // While there is too much, each page that comes in drives another one out.
    const back = excess >= this.#used ? 0 : Math.min(touched, this.#used - excess);
    this.#used = Math.min(resident, this.#used + out - back);
    this.#out += out + (touched - back);
    this.#in += touched;
    const busy = this.#size === 0 ? 0 : Math.min(1, (out + 2 * touched - back) / able);
    const uncovered = excess > this.#used;
    this.#press(uncovered ? 1 : busy, guests, dt);
    return busy;
  }

  /** Waits of guests are taken to be independent: some wait unless none does, all wait when each does. */
  #press(busy: Ratio, guests: number, dt: Seconds): void {
    const own = guests === 0 ? 0 : busy === 1 ? 1 : busy / guests;
    const some = 1 - (1 - own) ** guests;
    const full = guests === 0 ? 0 : own ** guests;
    for (const [i, window] of WINDOWS.entries()) {
      const keep = Math.exp(-dt / window);
      this.#some[i] = (this.#some[i] ?? 0) * keep + 100 * some * (1 - keep);
      this.#full[i] = (this.#full[i] ?? 0) * keep + 100 * full * (1 - keep);
    }
    this.#calm = this.#some[2] < 0.001;
  }
}
