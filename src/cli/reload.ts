import type { BehaviorSubject } from 'rxjs';
import type { Collector, CollectorSettings } from '../collectors/snapshot.ts';
import { BallonetError, isBallonetError } from '../model/errors.ts';
import { loadPolicySet, requirePolicySet } from '../policy/load.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import type { Logger } from '../telemetry/log.ts';
import { hostPolicyFiles } from './policy-files.ts';

/** A dry run observes, whatever the policy says. */
export function inForce(policies: PolicySet, dryRun: boolean): PolicySet {
  return dryRun ? { ...policies, host: { ...policies.host, mode: 'observe' } } : policies;
}

export function collectorSettings({ host }: PolicySet): CollectorSettings {
  const { memory, staleAfterSeconds, intervalSeconds } = host;
  return { pool: memory, staleAfterSeconds, intervalSeconds };
}

export interface Reloading {
  readonly paths: readonly string[];
  readonly dryRun: boolean;
  readonly running: BehaviorSubject<PolicySet>;
  readonly collector: Collector;
  readonly log: Logger;
}

/** Reads the policies anew and puts them in force between two ticks. A set that cannot be taken up changes nothing. */
export function reloadPolicies({ paths, dryRun, running, collector, log }: Reloading): void {
  try {
    const next = inForce(requirePolicySet(loadPolicySet(paths, hostPolicyFiles)), dryRun);
    refuseOtherMode(running.value, next);
    collector.configure(collectorSettings(next));
    running.next(next);
    log.info(
      { policy: next.host.name, guestPolicies: next.guests.map(({ name }) => name).join(', ') },
      'policies reloaded',
    );
  } catch (error) {
    if (!isBallonetError(error)) throw error;
    log.error(
      { code: error.code, problem: error.message },
      'reload refused: the running policies stay in force',
    );
  }
}

/** The mode decides which rights were asked for when the hypervisor was connected. */
function refuseOtherMode(running: PolicySet, next: PolicySet): void {
  const [before, after] = [running.host.mode, next.host.mode];
  if (before === after) return;
  throw new BallonetError(
    'CONFIG_INVALID',
    `the mode changes from ${before} to ${after}: restart the daemon for that`,
  );
}
