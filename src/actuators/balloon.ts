import type { Hypervisor } from '../hypervisor/driver.ts';
import type { Decision } from '../model/decision.ts';
import { BallonetError } from '../model/errors.ts';
import type { GuestSample } from '../model/snapshot.ts';
import { bytesToKib, type Seconds } from '../model/units.ts';
import type { Actuator, Application } from './actuator.ts';
import { guard, type Verdict } from './guard.ts';

export interface BalloonOptions {
  /**
   * Longest wait for one call. The call itself may still take effect later. Default 5 s; `none` where the hypervisor's own deadline
   * is enough, such as a simulated one's, whose clock is not this machine's.
   */
  readonly callTimeout?: Seconds | 'none';
}

/**
 * Moves balloons with setMemory, live only: the persistent size stays the operator's (H36, R27).
 *
 * A guest whose call has not come back, though its deadline is over, gets no second one: a hung QEMU holds the job lock, and
 * every further call would take a worker of libvirtd with it.
 */
export function createBalloonActuator(hypervisor: Hypervisor, options: BalloonOptions = {}): Actuator {
  const { callTimeout = 5 } = options;
  const pending = new Set<string>();

  async function move(
    sample: GuestSample,
    verdict: Exclude<Verdict, { kind: 'refused' }>,
  ): Promise<Application> {
    if (pending.has(sample.uuid))
      return { status: 'refused', problem: 'the last call for this guest has not come back' };
    pending.add(sample.uuid);
    const call = hypervisor
      .domain({ name: sample.name, uuid: sample.uuid, id: sample.id })
      .setMemory(bytesToKib(verdict.targetBytes), { live: true })
      .finally(() => pending.delete(sample.uuid));
    try {
      await (callTimeout === 'none' ? call : within(call, callTimeout * 1000, sample.name));
      const { targetBytes } = verdict;
      return verdict.kind === 'clamped'
        ? { status: 'applied', targetBytes, clamped: verdict.code }
        : { status: 'applied', targetBytes };
    } catch (error) {
      return { status: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  return {
    async apply(decision: Decision, sample: GuestSample | undefined): Promise<Application> {
      const verdict = guard(decision, sample);
      if (verdict.kind === 'refused') return { status: 'refused', problem: verdict.problem };
      return sample === undefined
        ? { status: 'refused', problem: 'there is no sample' }
        : move(sample, verdict);
    },
  };
}

/** The guard's answer without the move: what dry run and observe mode do. */
export const dryRunActuator: Actuator = {
  apply(decision, sample): Promise<Application> {
    const verdict = guard(decision, sample);
    return Promise.resolve(
      verdict.kind === 'refused'
        ? { status: 'refused', problem: verdict.problem }
        : { status: 'dry-run', targetBytes: verdict.targetBytes },
    );
  },
};

async function within<T>(call: Promise<T>, milliseconds: number, name: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new BallonetError(
          'HYPERVISOR_TIMEOUT',
          `setMemory of '${name}' had no answer in ${milliseconds / 1000} s`,
        ),
      );
    }, milliseconds);
  });
  try {
    return await Promise.race([call, expired]);
  } finally {
    clearTimeout(timer);
  }
}
