import { guard } from '../actuators/guard.ts';
import type { Hypervisor } from '../hypervisor/driver.ts';
import type { Decision } from '../model/decision.ts';
import type { GuestSample } from '../model/snapshot.ts';
import { bytesToKib } from '../model/units.ts';

export interface Released {
  readonly released: number;
  readonly failed: number;
}

/**
 * Gives every managed guest its guaranteed maximum back, all at once: what `onExit: release` leaves behind. A guest that cannot
 * be asked is counted, and does not keep the others waiting.
 */
export async function releaseBalloons(
  hypervisor: Hypervisor,
  decisions: readonly Decision[],
  samples: readonly GuestSample[],
): Promise<Released> {
  const byUuid = new Map(samples.map(sample => [sample.uuid, sample]));
  const calls = decisions.flatMap(decision => {
    const sample = byUuid.get(decision.uuid);
    if (sample === undefined || decision.guarantees === undefined) return [];
    const verdict = guard({ ...decision, action: 'grow', targetBytes: decision.guarantees.maxBytes }, sample);
    if (verdict.kind === 'refused') return [];
    return [hypervisor.domain(sample).setMemory(bytesToKib(verdict.targetBytes), { live: true })];
  });
  const results = await Promise.allSettled(calls);
  const failed = results.filter(result => result.status === 'rejected').length;
  return { released: results.length - failed, failed };
}
