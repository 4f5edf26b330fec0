/** Calls that a hung guest does not answer. They end when the guest answers again, at their deadline, or with their connection. */
import { BallonetError } from '../../model/errors.ts';
import type { Seconds } from '../../model/units.ts';
import type { SimulatedGuest } from './guest.ts';

interface Wait {
  readonly guest: SimulatedGuest;
  /** On the monotonic clock. */
  readonly due: Seconds;
  readonly seconds: Seconds;
  readonly owner: object;
  readonly resolve: () => void;
  readonly reject: (error: BallonetError) => void;
}

export class Waits {
  readonly #waits = new Set<Wait>();

  /**
   * Resolves when `guest` answers again.
   *
   * @param owner whose call it is, for `drop`
   * @throws BallonetError HYPERVISOR_TIMEOUT after `seconds`, HYPERVISOR_CLOSED when the owner is dropped
   */
  add(guest: SimulatedGuest, now: Seconds, seconds: Seconds, owner: object): Promise<void> {
    guest.jobHeld = true;
    return new Promise((resolve, reject) => {
      this.#waits.add({ guest, due: now + seconds, seconds, owner, resolve, reject });
    });
  }

  get size(): number {
    return this.#waits.size;
  }

  /** Ends the waits whose guest answers, and those whose time is over. */
  settle(now: Seconds): void {
    for (const wait of this.#waits) {
      if (!wait.guest.hung) {
        this.#waits.delete(wait);
        wait.resolve();
      } else if (now >= wait.due) {
        this.#waits.delete(wait);
        wait.reject(
          new BallonetError(
            'HYPERVISOR_TIMEOUT',
            `${wait.guest.name} did not answer within ${wait.seconds} s`,
          ),
        );
      }
    }
  }

  /** Ends all waits of a connection that is closed. */
  drop(owner: object, error: BallonetError): void {
    for (const wait of this.#waits) {
      if (wait.owner !== owner) continue;
      this.#waits.delete(wait);
      wait.reject(error);
    }
  }
}
