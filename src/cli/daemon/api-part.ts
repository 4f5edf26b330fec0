/** The API: its doors, and what it needs of the rest of the daemon. */
import type { ApiPorts, Finding } from '../../api/ports.ts';
import { createApi } from '../../api/server.ts';
import { createHistory } from '../../engine/history.ts';
import { compilePolicies } from '../../policy/compile.ts';
import type { PolicySet } from '../../policy/policy-set.ts';
import { createMetrics } from '../../telemetry/metrics.ts';
import { openDoors } from './api-doors.ts';
import type { ApiOptions } from './api-options.ts';
import type { Daemon } from './context.ts';
import { createExplainer } from './explain-thread.ts';
import { type Part, part } from './parts.ts';

/** @param reload reads the policies anew; throws BallonetError when they cannot be taken up */
export function apiPart(daemon: Daemon, options: ApiOptions, reload: () => void): Part {
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
    const explainer = createExplainer();
    const ports = await portsOf(daemon, {
      history,
      linkUp: () => up,
      reload,
      metrics,
      explain: ({ policies, snapshot, before, now }, uuid) =>
        explainer.explain({
          texts: policies.texts ?? [],
          mode: policies.host.mode,
          ...{ snapshot, state: before, now, uuid },
        }),
    });
    const api = createApi(ports);
    let closing = () => {};
    const close = async () => {
      closing();
      watching.unsubscribe();
      explainer.close();
      await api.close();
    };
    try {
      closing = await openDoors(api, options, daemon);
    } catch (error) {
      await close();
      throw error;
    }
    return close;
  });
}

async function portsOf(
  { options, hypervisor, clock, policies, state, orders, log }: Daemon,
  parts: Pick<ApiPorts, 'history' | 'linkUp' | 'reload' | 'explain' | 'metrics'>,
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
    found = compilePolicies(sources)
      .lint(wall())
      .map(({ severity, code, message, file, line, column }) => ({
        severity,
        code,
        message,
        source: { file, line, column },
      }));
    return found;
  };
}
