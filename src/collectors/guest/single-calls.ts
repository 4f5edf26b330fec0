import type { DomainStats, Hypervisor } from '../../hypervisor/driver.ts';
import { type BallonetError, isBallonetError, isConnectionLost } from '../../model/errors.ts';
import type { Seconds } from '../../model/units.ts';
import type { ProblemReporter } from '../problems.ts';
import { fromBulk, fromSingleCalls, type GuestRecord, hasBalloonGroup, isFailed } from './record.ts';
import { mapInSlices } from './slices.ts';

/** How long a domain that had nothing to tell is left alone. */
const PROBE_INTERVAL: Seconds = 30;

/**
 * Stands in where a driver's bulk records have no balloon group (libvirt's test driver) or where it has no bulk call: one
 * `info()` and one `memoryStats()` a domain. As soon as one record of the connection has the group, nothing is asked here: a
 * record without figures then is a guest without a driver, or one that a job holds, and asking it would wait for the job.
 */
export interface SingleCalls {
  /**
   * The records of one tick, completed.
   *
   * @throws BallonetError HYPERVISOR_CLOSED, HYPERVISOR_UNREACHABLE, PROTOCOL
   */
  complete(stats: readonly DomainStats[], at: Seconds): Promise<GuestRecord[]>;
  /** After a reconnection: there may be another hypervisor at the other end. */
  reset(): void;
  forget(uuid: string, name: string): void;
}

export function createSingleCalls(hypervisor: Hypervisor, problems: ProblemReporter): SingleCalls {
  let bulkHasBalloon = false;
  /** By uuid: monotonic instant before which memoryStats is not asked again. */
  const nextProbe = new Map<string, Seconds>();

  async function ask(stats: DomainStats, at: Seconds): Promise<GuestRecord> {
    const { uuid, name } = stats.domain;
    const domain = hypervisor.domain(stats.domain);
    try {
      const probe = at >= (nextProbe.get(uuid) ?? at);
      const [info, figures] = await Promise.all([domain.info(), probe ? domain.memoryStats() : []]);
      problems.report(problemSource(name), undefined);
      const record = fromSingleCalls(stats.domain, info, figures);
      if (typeof record.report !== 'string') nextProbe.delete(uuid);
      else if (probe) nextProbe.set(uuid, at + PROBE_INTERVAL);
      return record;
    } catch (error) {
      if (!isBallonetError(error) || isConnectionLost(error)) throw error;
      if (!isGone(error)) {
        nextProbe.set(uuid, at + PROBE_INTERVAL);
        problems.report(problemSource(name), error);
      }
      return fromBulk(stats);
    }
  }

  return {
    async complete(stats, at) {
      bulkHasBalloon ||= stats.some(hasBalloonGroup);
      if (bulkHasBalloon) return mapInSlices(stats, fromBulk);
      return Promise.all(stats.map(async record => (isFailed(record) ? fromBulk(record) : ask(record, at))));
    },
    reset() {
      bulkHasBalloon = false;
      nextProbe.clear();
    },
    forget(uuid, name) {
      nextProbe.delete(uuid);
      problems.report(problemSource(name), undefined);
    },
  };
}

function problemSource(name: string): string {
  return `guest:${name}:memory-stats`;
}

/** The domain ended between two calls of a tick. */
function isGone(error: BallonetError): boolean {
  return error.code === 'DOMAIN_NOT_FOUND' || error.code === 'OPERATION_REFUSED';
}
