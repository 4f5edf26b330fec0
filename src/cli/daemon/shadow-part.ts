/** Shadows: policies that are tried on models of the guests while the daemon goes about its work. */
import { setImmediate } from 'node:timers';
import type { TickEvent } from '../../engine/engine.ts';
import { isBallonetError } from '../../model/errors.ts';
import type { ShadowReport, ShadowSummary } from '../../model/shadow.ts';
import { GiB, type Seconds } from '../../model/units.ts';
import { compileReading, type PolicyReading, readPolicyFiles, requirePolicySet } from '../../policy/load.ts';
import { createShadow, type Shadow } from '../../simulator/shadow/shadow.ts';
import { hostPolicyFiles } from '../policy-files.ts';
import { isSameReading } from '../reload.ts';
import type { Daemon } from './context.ts';
import { type Part, part } from './parts.ts';
import type { ShadowSet } from './shadow-set.ts';

/** How often each is logged; the end of the daemon always is. */
const LOG_SECONDS: Seconds = 900;

/** A shadow rests after each look so long that it takes at most this share of the processor. */
const LOAD_MAX = 0.1;

interface Running {
  shadow: Shadow;
  restsUntil: Seconds;
  loggedAt: Seconds;
}

/** One of `--shadow`. */
interface Other extends Running {
  readonly path: string;
  readonly name: string;
  reading: PolicyReading;
}

export interface Shadows {
  readonly reports: () => readonly ShadowReport[];
  readonly summaries: () => readonly ShadowSummary[];
  /** Reads the policies of `--shadow` anew. One whose files have changed begins anew with them, or goes on as it is where they are not sound. */
  readonly reload: () => void;
}

/**
 * A daemon that only looks tries its own policies, anew when they change: that is what its dry run is about. Others are those of
 * `--shadow`. They look after the tick, when its moves are on their way.
 */
export function shadowPart(daemon: Daemon): Part & Shadows {
  const { events, policies, options, observing, log } = daemon;
  let own: Running | undefined;
  const others = namedApart(policies.value.host.name, options.shadows, observing);
  const running = (): Running[] => (own === undefined ? others : [own, ...others]);

  function look({ now, snapshot }: TickEvent): void {
    for (const each of running()) {
      if (now.monotonic < each.restsUntil) continue;
      const begin = performance.now();
      each.shadow.look(now, snapshot);
      const took = (performance.now() - begin) / 1000;
      each.restsUntil = now.monotonic + took * (1 / LOAD_MAX - 1);
      if (each.loggedAt === 0) each.loggedAt = now.monotonic;
      if (now.monotonic - each.loggedAt < LOG_SECONDS) continue;
      each.loggedAt = now.monotonic;
      tell(each);
    }
  }

  function tell({ shadow }: Running): void {
    const { policy, looks, ...summary } = shadow.summary();
    if (looks === 0) return;
    const { reclaimedBytes, seconds, modelled, oomKills, stalledGuestSeconds, hostOverrunSeconds } = summary;
    log.info(
      {
        shadow: policy,
        seconds: Math.round(seconds),
        guests: modelled,
        moves: summary.moves,
        reclaimedGiB: rounded(reclaimedBytes / GiB),
        reclaimedGiBHours: rounded(summary.reclaimedGiBHours),
        stalledGuestSeconds: rounded(stalledGuestSeconds),
        oomKills,
        hostOverrunSeconds: rounded(hostOverrunSeconds),
      },
      'what this policy would have come to',
    );
  }

  function reload(): void {
    for (const other of others) {
      const { path, name } = other;
      const reading = readPolicyFiles([path], hostPolicyFiles);
      if (isSameReading(reading, other.reading)) continue;
      other.reading = reading;
      try {
        const set = requirePolicySet(compileReading(reading));
        tell(other);
        Object.assign(other, begun(createShadow(set, name)));
        log.info({ shadow: name }, 'shadow begins anew with other policies');
      } catch (error) {
        if (!isBallonetError(error)) throw error;
        log.error(
          { shadow: name, code: error.code, problem: error.message },
          'shadow goes on with the policies it has',
        );
      }
    }
  }

  const trying = part('shadow', () => {
    const watching = events.subscribe(event => {
      if (event.type === 'tick') setImmediate(look, event);
    });
    if (observing) {
      watching.add(
        policies.subscribe(set => {
          if (own !== undefined) tell(own);
          own = begun(createShadow(set));
        }),
      );
    }
    return () => {
      watching.unsubscribe();
      for (const each of running()) tell(each);
    };
  });
  return {
    ...trying,
    reports: () => running().map(({ shadow }) => shadow.report()),
    summaries: () => running().map(({ shadow }) => shadow.summary()),
    reload,
  };
}

function begun(shadow: Shadow): Running {
  return { shadow, restsUntil: 0, loggedAt: 0 };
}

/** Those that are called as one before them are called by their path too. */
function namedApart(own: string, shadows: readonly ShadowSet[], ownRuns: boolean): Other[] {
  const taken = new Set(ownRuns ? [own] : []);
  return shadows.map(({ path, set, reading }) => {
    const { name } = set.host;
    const free = taken.has(name) ? `${name} (${path})` : name;
    taken.add(free);
    return { ...begun(createShadow(set, free)), path, name: free, reading };
  });
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
