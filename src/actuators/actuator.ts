import type { Decision } from '../model/decision.ts';
import type { GuestSample } from '../model/snapshot.ts';
import type { Bytes } from '../model/units.ts';

/** What became of one decision. */
export type Application =
  /** The hypervisor took the request; whether the guest follows is seen in later samples. */
  | {
      readonly status: 'applied';
      readonly targetBytes: Bytes;
      readonly clamped?: 'GUARD_FLOOR' | 'GUARD_CEILING';
    }
  /** Nothing was asked of the hypervisor on purpose. */
  | { readonly status: 'dry-run'; readonly targetBytes: Bytes }
  | {
      readonly status: 'refused';
      /** Default: the guard's refusal. */
      readonly code?: 'CIRCUIT_OPEN' | 'JOB_RUNNING' | 'OWNED_BY_ANOTHER';
      readonly problem: string;
    }
  | { readonly status: 'failed'; readonly error: Error };

/** The port through which a decision reaches a guest. Never rejects: a failure is an outcome. */
export interface Actuator {
  apply(decision: Decision, sample: GuestSample | undefined): Promise<Application>;
}
