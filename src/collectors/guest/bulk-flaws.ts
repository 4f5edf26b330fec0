import type { DomainStats } from '../../hypervisor/driver.ts';
import type { BallonetError } from '../../model/errors.ts';
import type { ProblemReporter } from '../problems.ts';
import { isFailed } from './record.ts';

const BULK = 'bulk-stats';

/** Tells of bulk records that are not all that was asked for: a part that failed as one source, a bad value by its guest. */
export interface BulkFlaws {
  report(stats: readonly DomainStats[]): void;
}

export function createBulkFlaws(problems: ProblemReporter): BulkFlaws {
  /** Sources of guests whose last record had a value that cannot be. */
  let flawed = new Set<string>();

  return {
    report(stats) {
      let failure: BallonetError | undefined;
      const now = new Set<string>();
      for (const record of stats) {
        if (record.error === undefined) continue;
        if (isFailed(record)) {
          failure ??= record.error;
          continue;
        }
        const source = `guest:${record.domain.name}:bulk-stats`;
        now.add(source);
        problems.report(source, record.error);
      }
      for (const source of flawed) if (!now.has(source)) problems.report(source, undefined);
      flawed = now;
      problems.report(BULK, failure);
    },
  };
}
