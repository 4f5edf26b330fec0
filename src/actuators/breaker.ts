import type { Clock } from '../model/clock.ts';
import type { Decision } from '../model/decision.ts';
import { isConnectionLost } from '../model/errors.ts';
import type { Seconds } from '../model/units.ts';
import type { Actuator, Application } from './actuator.ts';

/** Failures in a row after which a guest is left alone. */
const LIMIT = 3;
const FIRST_WAIT: Seconds = 30;
const LONGEST_WAIT: Seconds = 600;

interface Circuit {
  failures: number;
  /** Monotonic. */
  openUntil: Seconds;
}

/**
 * H30 (R23): leaves a guest alone whose calls keep failing, for 30 s, then one attempt, doubling to 10 minutes: each such call
 * costs a worker of libvirtd until its deadline. One call that succeeds closes the circuit. A lost connection is no guest's
 * fault, and relief of a guest in distress is always tried.
 */
export function withBreaker(actuator: Actuator, clock: Clock): Actuator {
  const circuits = new Map<string, Circuit>();

  function note({ uuid }: Decision, application: Application): void {
    if (application.status === 'applied') circuits.delete(uuid);
    if (application.status !== 'failed' || isConnectionLost(application.error)) return;
    const failures = (circuits.get(uuid)?.failures ?? 0) + 1;
    const wait = failures < LIMIT ? 0 : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - LIMIT));
    circuits.set(uuid, { failures, openUntil: clock.now().monotonic + wait });
  }

  return {
    async apply(decision, sample) {
      const left = (circuits.get(decision.uuid)?.openUntil ?? 0) - clock.now().monotonic;
      if (left > 0 && decision.reason !== 'RELIEF') {
        return {
          status: 'refused',
          code: 'CIRCUIT_OPEN',
          problem: `its last calls failed; the next attempt is in ${Math.ceil(left)} s`,
        };
      }
      const application = await actuator.apply(decision, sample);
      note(decision, application);
      return application;
    },
  };
}
