import type { DomainRef, Hypervisor } from '../hypervisor/driver.ts';
import { isBallonetError } from '../model/errors.ts';
import type { Seconds } from '../model/units.ts';
import type { Actuator } from './actuator.ts';

/** An answer takes a millisecond; a question that waits longer waits for the job that holds the domain (measured). */
const PATIENCE: Seconds = 1;

/**
 * H31 (R24): asks right before a move whether a long job (migration, save, snapshot, backup) holds the guest, and then leaves it
 * alone. What the tick knows may be many ticks old, for guests are asked by turns; a call that meets a job waits 30 s in libvirt, keeps
 * one of its workers all the while and fails (src/qemu/qemu_domainjob.c).
 *
 * A guest whose question is still out is asked no second one, and is taken to be held.
 */
export function withJobs(
  actuator: Actuator,
  hypervisor: Pick<Hypervisor, 'domain'>,
  patience: Seconds = PATIENCE,
): Actuator {
  const asking = new Set<string>();

  async function isHeld(ref: DomainRef): Promise<boolean> {
    if (asking.has(ref.uuid)) return true;
    asking.add(ref.uuid);
    const answer = hypervisor
      .domain(ref)
      .job()
      // Whatever else keeps it from answering is the move's own to fail with.
      .catch((error: unknown) => isBallonetError(error, 'OPERATION_BUSY'))
      .finally(() => asking.delete(ref.uuid));
    let late: NodeJS.Timeout | undefined;
    const silence = new Promise<boolean>(resolve => {
      late = setTimeout(() => resolve(true), patience * 1000);
    });
    const held = await Promise.race([answer, silence]);
    clearTimeout(late);
    return held;
  }

  return {
    async apply(decision, sample) {
      if (sample === undefined || decision.action === 'hold') return actuator.apply(decision, sample);
      const { name, uuid, id } = sample;
      if (await isHeld({ name, uuid, id }))
        return {
          status: 'refused',
          code: 'JOB_RUNNING',
          problem: 'a job has begun since the guest was last asked',
        };
      return actuator.apply(decision, sample);
    },
  };
}
