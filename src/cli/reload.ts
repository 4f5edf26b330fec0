import type { BehaviorSubject } from 'rxjs';
import type { Collector, CollectorSettings } from '../collectors/snapshot.ts';
import { BallonetError, isBallonetError } from '../model/errors.ts';
import type { Notice } from '../model/notice.ts';
import type { Seconds } from '../model/units.ts';
import {
  compileReading,
  type PolicyFiles,
  type PolicyReading,
  readPolicyFiles,
  requirePolicySet,
} from '../policy/load.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import type { Diagnostic } from '../policy/source/diagnostics.ts';

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
  readonly files: PolicyFiles;
  readonly dryRun: boolean;
  /** The daemon was opened to look only: it has no right to move anything. */
  readonly observing: boolean;
  readonly running: BehaviorSubject<PolicySet>;
  readonly collector: Pick<Collector, 'configure'>;
  readonly tell: (notice: Notice) => void;
  /** Unix time, which tells what has expired. */
  readonly wall: () => Seconds;
}

/** Reads the policies of a running daemon anew and puts them in force between two ticks. */
export interface Reloader {
  /**
   * Because somebody asks for it.
   *
   * @throws BallonetError when the set cannot be taken up; it has been told of by then, and nothing has changed
   */
  readonly reload: () => void;
  /**
   * Because files may have changed. Does and says nothing where they stand as they were last read, sound or not.
   *
   * @throws BallonetError as `reload`
   */
  readonly reloadIfChanged: () => void;
}

/** @param read - What the running set was made from */
export function createReloader(reloading: Reloading, read: PolicyReading): Reloader {
  const { paths, files, dryRun, observing, running, collector, tell, wall } = reloading;
  let last = read;
  const takeUp = (reading: PolicyReading): void => {
    last = reading;
    const compilation = compileReading(reading);
    try {
      const next = inForce(requirePolicySet(compilation), dryRun);
      refuseToEnforce(observing, next);
      collector.configure(collectorSettings(next));
      running.next(next);
      const guestPolicies = next.guests.map(({ name }) => name).join(', ');
      tell({
        type: 'POLICIES_RELOADED',
        fields: { policy: next.host.name, guestPolicies, mode: next.host.mode },
      });
      tellWarnings(compilation.lint(wall()), tell);
    } catch (error) {
      if (isBallonetError(error))
        tell({ type: 'RELOAD_REFUSED', fields: { code: error.code, problem: error.message } });
      throw error;
    }
  };
  return {
    reload: () => takeUp(readPolicyFiles(paths, files)),
    reloadIfChanged() {
      const reading = readPolicyFiles(paths, files);
      if (!isSameReading(reading, last)) takeUp(reading);
    },
  };
}

/** Tells of what is allowed in the policies and probably not meant. */
export function tellWarnings(warnings: readonly Diagnostic[], tell: (notice: Notice) => void): void {
  for (const { file, line, column, code, message, hint } of warnings)
    tell({
      type: 'POLICY_WARNING',
      fields: { place: `${file}:${line}:${column}`, code, problem: message, hint },
    });
}

/** A daemon that was opened to look only has not asked for the rights, the state folder and the statistics that moving takes. */
function refuseToEnforce(observing: boolean, { host }: PolicySet): void {
  if (!observing || host.mode === 'observe') return;
  throw new BallonetError(
    'CONFIG_INVALID',
    'the mode changes from observe to enforce, for which the daemon has no right: restart it',
  );
}

/** Whether two readings have the same files with the same content, and the same troubles. */
export function isSameReading(a: PolicyReading, b: PolicyReading): boolean {
  return (
    a.files.join('\0') === b.files.join('\0') &&
    a.unreadable.map(({ file, message }) => `${file} ${message}`).join('\0') ===
      b.unreadable.map(({ file, message }) => `${file} ${message}`).join('\0') &&
    a.sources.length === b.sources.length &&
    a.sources.every(({ content }, index) => isEqual(content, b.sources[index]?.content))
  );
}

function isEqual(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}
