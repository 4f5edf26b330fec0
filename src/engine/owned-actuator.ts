import type { Actuator } from '../actuators/actuator.ts';
import type { Leases } from './lease.ts';

/** H26: moves no guest that another daemon has, and lets the lease of the others say what was asked. */
export function ownedActuator(actuator: Actuator, leases: Pick<Leases, 'ownerOf' | 'asked'>): Actuator {
  return {
    async apply(decision, sample) {
      const other = leases.ownerOf(decision.uuid);
      if (other !== undefined)
        return {
          status: 'refused',
          code: 'OWNED_BY_ANOTHER',
          problem: `another Ballonet, on ${other.host}, moves its balloon`,
        };
      const application = await actuator.apply(decision, sample);
      if (application.status === 'applied') leases.asked(decision.uuid, application.targetBytes);
      return application;
    },
  };
}
