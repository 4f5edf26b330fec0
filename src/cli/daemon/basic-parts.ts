/** The parts that every daemon has: connection, collector, log, release on exit. */
import type { Subscription } from 'rxjs';
import { createAnnouncer } from '../../engine/announce.ts';
import type { TickEvent } from '../../engine/engine.ts';
import { createMoveLog, logNotice } from '../../engine/log-lines.ts';
import { releaseBalloons } from '../../engine/release.ts';
import { afterRelease } from '../../policy/orders.ts';
import type { ChosenUri } from '../uri.ts';
import type { Daemon } from './context.ts';
import { type Part, part } from './parts.ts';

const BECAUSE: Readonly<Record<ChosenUri['because'], string>> = {
  option: 'asked for with --connect',
  environment: 'named by LIBVIRT_DEFAULT_URI',
  'local-libvirt': 'libvirt runs on this machine',
  embedded: 'no libvirt on this machine: these guests are simulated',
};

/** The hypervisor, open already; says what runs, and when the connection is lost and found. */
export function connectionPart({ options, hypervisor, policies, notices, log }: Daemon): Part {
  let watching: Subscription | undefined;
  return {
    name: 'connection',
    async start() {
      const { version, chosen } = options;
      const { host, guests } = policies.value;
      log.info(
        {
          version,
          uri: chosen.uri,
          because: BECAUSE[chosen.because],
          hypervisor: await hypervisor.version(),
          policy: host.name,
          guestPolicies: guests.map(({ name }) => name).join(', '),
          mode: host.mode,
        },
        'ballonet runs',
      );
      let up = true;
      watching = hypervisor.link.subscribe(state => {
        if (state.up === up) return;
        up = state.up;
        notices.next(
          state.up ? { type: 'HYPERVISOR_BACK' } : { type: 'HYPERVISOR_LOST', error: state.error },
        );
      });
    },
    stop() {
      watching?.unsubscribe();
      return hypervisor.close();
    },
  };
}

export function collectorPart({ collector, notices }: Daemon): Part {
  return part('collector', () => {
    const watching = collector.problems.subscribe(({ source, error }) => {
      notices.next({
        type: error === undefined ? 'SOURCE_BACK' : 'SOURCE_FAILED',
        fields: { source },
        error,
      });
    });
    return () => {
      collector.close();
      watching.unsubscribe();
    };
  });
}

/** Tells of what the engine does, and logs what any part tells. */
export function logPart({ events, notices, log }: Daemon): Part {
  return part('log', () => {
    const announce = createAnnouncer(notice => notices.next(notice));
    const logMove = createMoveLog(log);
    const watching = notices.subscribe(notice => logNotice(log, notice));
    watching.add(
      events.subscribe(event => {
        announce(event);
        if (event.type === 'applied') logMove(event.decision, event.application);
      }),
    );
    return () => watching.unsubscribe();
  });
}

/** Gives memory back at the end when the policy says so; the engine has stopped by then. */
export function releasePart({ events, policies, state, clock, hypervisor, observing, log }: Daemon): Part {
  return part('release', () => {
    let last: TickEvent | undefined;
    const watching = events.subscribe(event => {
      if (event.type === 'tick') last = event;
    });
    return async () => {
      watching.unsubscribe();
      const { mode, onExit } = policies.value.host;
      if (observing || mode === 'observe' || onExit !== 'release' || last === undefined) return;
      const { given, failed } = await releaseBalloons(hypervisor, last.tick.decisions, last.snapshot.guests);
      state.next(afterRelease(state.value, given, clock.now().monotonic));
      log.info({ released: given.size, failed: failed.size }, 'balloons released');
    };
  });
}
