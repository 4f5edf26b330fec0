import type { Observable } from 'rxjs';
import type { Hypervisor } from '../hypervisor/driver.ts';
import { type Clock, systemTimer, type Timer } from '../model/clock.ts';
import { BallonetError, errorMessage } from '../model/errors.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Seconds } from '../model/units.ts';
import { createGuestCollector } from './guest/guest-collector.ts';
import type { KeptEpoch } from './guest/tracker.ts';
import { createHostCollector } from './host/host-collector.ts';
import type { Pool } from './host/pool.ts';
import { createProblemReporter, type Problem } from './problems.ts';
import { createStatsPeriods, periodFor } from './stats-period.ts';

/** What a policy says about collecting; may change while the daemon runs. */
export interface CollectorSettings {
  readonly pool: Pool;
  /** Age above which a guest's report is stale; never taken below 2 × period + 2 s, the age that a healthy guest reaches. */
  readonly staleAfterSeconds: Seconds;
  /** Length of a tick. Guests are asked to report as often, in whole seconds. */
  readonly intervalSeconds: Seconds;
}

export interface CollectorOptions extends CollectorSettings {
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  /** What waits for guests' answers; one that runs with `clock` where that is not the machine's. Default: the machine's. */
  readonly timer?: Timer;
  /** Folder that stands for `/`: /proc and the cgroup tree are read below it. Default `/`. */
  readonly procRoot?: string;
  /** Whether to set stats periods. A read-only hypervisor never gets them set, whatever this says. */
  readonly arm: boolean;
  /** Epochs that an earlier daemon left, by uuid: the guests it knew go on with theirs. */
  readonly epochs?: ReadonlyMap<string, KeptEpoch> | undefined;
}

/** One snapshot a tick, and what went wrong on the way. */
export interface Collector {
  /**
   * Collects host and guests once. One call at a time.
   *
   * A source that fails by itself (a file, one guest) costs its own readings. A hypervisor that fails costs the tick.
   *
   * @throws BallonetError of the hypervisor: HYPERVISOR_*, PROTOCOL, OPERATION_*
   */
  collect(): Promise<Snapshot>;
  /** Hot: sources that begin to fail or work again, each change once. */
  readonly problems: Observable<Problem>;
  /** Other settings from the next tick on; epochs and histories go on. */
  configure(settings: CollectorSettings): void;
  /** The epochs of the guests known, by uuid, for a daemon that comes after this one. */
  epochs(): ReadonlyMap<string, KeptEpoch>;
  close(): void;
}

export function createCollector(options: CollectorOptions): Collector {
  const { hypervisor, clock, timer = systemTimer, procRoot = '/' } = options;
  const problems = createProblemReporter();
  let settings: CollectorSettings = options;
  const staleAfter = () => Math.max(settings.staleAfterSeconds, 2 * periodFor(settings.intervalSeconds) + 2);
  const periods = createStatsPeriods({
    hypervisor,
    problems,
    arm: options.arm && !hypervisor.readOnly,
    staleAfter,
  });
  periods.setPeriod(periodFor(settings.intervalSeconds));
  const host = createHostCollector({ hypervisor, clock, procRoot, problems });
  const guests = createGuestCollector({
    hypervisor,
    clock,
    timer,
    problems,
    periods,
    epochs: options.epochs,
    procRoot,
  });
  let sequence = 0;

  // What the events would have told, collecting finds a tick later: losing them is worth a line, not a stop.
  const lost = (source: string) => (error: unknown) =>
    problems.report(source, new BallonetError('HYPERVISOR_CLOSED', errorMessage(error), { cause: error }));
  const subscriptions = [
    hypervisor.events.subscribe({ next: event => guests.note(event), error: lost('events') }),
    hypervisor.link.subscribe({ next: state => state.up && guests.resync(), error: lost('link') }),
  ];

  return {
    async collect() {
      // Settled, not all: a failed half must not leave the other one running into the next tick.
      const [readout, collected] = await Promise.allSettled([
        host.read(settings.pool),
        guests.collect(staleAfter()),
      ]);
      if (collected.status === 'rejected') throw collected.reason;
      if (readout.status === 'rejected') throw readout.reason;
      sequence += 1;
      return {
        sequence,
        host: readout.value.sample(collected.value.heldBytes),
        guests: collected.value.guests,
      };
    },
    problems: problems.stream,
    configure(next) {
      settings = next;
      periods.setPeriod(periodFor(next.intervalSeconds));
    },
    epochs: () => guests.epochs(),

    close() {
      for (const subscription of subscriptions) subscription.unsubscribe();
      periods.close();
      problems.close();
    },
  };
}
