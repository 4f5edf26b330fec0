/** The bad conditions that a simulated guest is in. The usual one is in none, and the model takes millions of steps: that is asked first. */
import type { Distortion } from './balloon-device.ts';
import type { Fault, FaultKind } from './faults.ts';
import { distorted } from './report.ts';

/** Those in which no report comes. */
const MUTE: readonly FaultKind[] = ['no-driver', 'no-stats', 'stats-stop'];

export class Conditions {
  readonly #faults = new Map<FaultKind, Fault>();

  get any(): boolean {
    return this.#faults.size > 0;
  }

  has(kind: FaultKind): boolean {
    return this.#faults.size > 0 && this.#faults.has(kind);
  }

  get<K extends FaultKind>(kind: K): Extract<Fault, { kind: K }> | undefined {
    if (this.#faults.size === 0) return undefined;
    const fault = this.#faults.get(kind);
    return fault !== undefined && hasKind(fault, kind) ? fault : undefined;
  }

  /** One of the same kind gives way. */
  set(fault: Fault): void {
    this.#faults.set(fault.kind, fault);
  }

  end(kind: FaultKind): void {
    this.#faults.delete(kind);
  }

  /** No report comes. */
  get mute(): boolean {
    return this.#faults.size > 0 && MUTE.some(kind => this.#faults.has(kind));
  }

  /** What becomes of a report on its way. */
  get distortion(): Distortion | undefined {
    if (this.#faults.size === 0) return undefined;
    const says = this.get('lies')?.says;
    const zswap = this.#faults.has('zswap');
    return (report, before) => distorted(report, before, { zswap, says });
  }
}

function hasKind<K extends FaultKind>(fault: Fault, kind: K): fault is Extract<Fault, { kind: K }> {
  return fault.kind === kind;
}
