/** The API: its doors, and what it needs of the rest of the daemon. */
import { fileURLToPath } from 'node:url';
import { readConsole } from '../../api/console-files.ts';
import type { ApiPorts, Finding } from '../../api/ports.ts';
import { createApi } from '../../api/server.ts';
import { createHistory } from '../../engine/history.ts';
import { createTrends } from '../../engine/trends.ts';
import { compilePolicies } from '../../policy/compile.ts';
import type { PolicySet } from '../../policy/policy-set.ts';
import { createMetrics } from '../../telemetry/metrics.ts';
import { openDoors } from './api-doors.ts';
import type { ApiOptions } from './api-options.ts';
import type { Daemon } from './context.ts';
import { plainSnapshot, plainState } from './explain-job.ts';
import { explainInThread } from './explain-thread.ts';
import { createJobThreads } from './job-thread.ts';
import { type Part, part } from './parts.ts';
import type { Shadows } from './shadow-part.ts';
import { findingOf } from './whatif/check-job.ts';
import { createWhatIf } from './whatif/what-if.ts';

/** Beside the modules that run. */
const CONSOLE = fileURLToPath(new URL('../../console/', import.meta.url));

interface Others {
  /** Reads the policies anew; throws BallonetError when they cannot be taken up. */
  readonly reload: () => void;
  /** Where the journal is; undefined while none is kept. */
  readonly journal: () => string | undefined;
  readonly shadows: Shadows;
}

export function apiPart(daemon: Daemon, options: ApiOptions, { reload, journal, shadows }: Others): Part {
  const { events, notices } = daemon;
  return part('api', async () => {
    const history = createHistory(daemon.clock);
    const watching = events.subscribe(event => history.noteEngine(event));
    watching.add(notices.subscribe(notice => history.noteNotice(notice)));
    let up = true;
    watching.add(
      daemon.hypervisor.link.subscribe(state => {
        up = state.up;
      }),
    );
    const metrics = createMetrics(daemon.options.version, daemon.clock.now().wall);
    watching.add(events.subscribe(event => metrics.noteEngine(event)));
    watching.add(notices.subscribe(notice => metrics.noteNotice(notice, daemon.clock.now().wall)));
    metrics.watchShadows(shadows.summaries);
    const trends = createTrends();
    watching.add(
      events.subscribe(event => {
        if (event.type === 'tick') trends.note(event);
      }),
    );
    const [quick, slow] = [createJobThreads(), createJobThreads()];
    const ports = await portsOf(daemon, {
      history,
      linkUp: () => up,
      reload,
      metrics,
      shadows: shadows.reports,
      trends,
      whatIf: createWhatIf({
        policies: () => daemon.policies.value,
        wall: () => daemon.clock.now().wall,
        journal,
        quick,
        slow,
      }),
      console: readConsole(CONSOLE),
      explain: ({ policies, snapshot, before, now }, uuid) =>
        explainInThread(quick, {
          texts: policies.texts ?? [],
          mode: policies.host.mode,
          ...{ snapshot: plainSnapshot(snapshot), state: plainState(before), now, uuid },
        }),
    });
    const api = createApi(ports);
    let closing = () => {};
    const close = async () => {
      closing();
      watching.unsubscribe();
      quick.close();
      slow.close();
      await api.close();
    };
    try {
      closing = await openDoors(api, options, {
        log: daemon.log,
        notices,
        onCertificates: expiries => metrics.noteCertificates(expiries),
      });
    } catch (error) {
      await close();
      throw error;
    }
    return close;
  });
}

async function portsOf(
  { options, hypervisor, clock, policies, state, orders, log }: Daemon,
  parts: Pick<
    ApiPorts,
    'history' | 'linkUp' | 'reload' | 'explain' | 'metrics' | 'trends' | 'whatIf' | 'console' | 'shadows'
  >,
): Promise<ApiPorts> {
  return {
    ...parts,
    clock,
    about: {
      version: options.version,
      startedAt: clock.now().wall,
      uri: options.chosen.uri,
      hypervisor: await hypervisor.version(),
      dryRun: options.dryRun,
    },
    state: () => state.value,
    policies: () => policies.value,
    lints: lintsOf(policies, () => clock.now().wall),
    order: order => orders.next(order),
    audit: ({ refused, ...entry }) => {
      if (refused === undefined) log.info({ audit: true, ...entry }, 'operator request');
      else log.warn({ audit: true, ...entry, refused }, 'operator request refused');
    },
    fault: (error, request) => log.error({ err: error, request }, 'a request failed'),
  };
}

/** Warnings of the set in force, worked out once for each set. */
function lintsOf(policies: Daemon['policies'], wall: () => number): () => readonly Finding[] {
  let of: PolicySet | undefined;
  let found: readonly Finding[] = [];
  return () => {
    if (of === policies.value) return found;
    of = policies.value;
    const sources = (of.texts ?? []).map(({ file, text }) => ({ file, content: text }));
    found = compilePolicies(sources).lint(wall()).map(findingOf);
    return found;
  };
}
