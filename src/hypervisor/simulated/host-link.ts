/** Whether the simulated hypervisor's daemon answers. */
import { BehaviorSubject, type Observable } from 'rxjs';
import { BallonetError } from '../../model/errors.ts';
import type { LinkState } from '../driver.ts';

export class HostLink {
  readonly #host: string;
  readonly #state = new BehaviorSubject<LinkState>({ up: true });

  /** @param host its name, for messages */
  constructor(host: string) {
    this.#host = host;
  }

  /** The present state first. */
  get state(): Observable<LinkState> {
    return this.#state;
  }

  get up(): boolean {
    return this.#state.value.up;
  }

  /** @throws BallonetError HYPERVISOR_UNREACHABLE while it answers nobody */
  mustAnswer(): void {
    const { value } = this.#state;
    if (!value.up) throw value.error;
  }

  reach(up: boolean): void {
    const error = new BallonetError('HYPERVISOR_UNREACHABLE', `the daemon of ${this.#host} does not answer`);
    this.#state.next(up ? { up } : { up, error });
  }
}
