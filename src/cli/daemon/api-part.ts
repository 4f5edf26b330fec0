/** The API: its doors, and what it needs of the rest of the daemon. */
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { type Address, formatAddress, isLoopback } from '../../api/address.ts';
import type { ApiPorts, Finding } from '../../api/ports.ts';
import { createApi } from '../../api/server.ts';
import { createHistory } from '../../engine/history.ts';
import { listenAt } from '../../hypervisor/server/socket.ts';
import { BallonetError, errorMessage } from '../../model/errors.ts';
import { compilePolicies } from '../../policy/compile.ts';
import type { PolicySet } from '../../policy/policy-set.ts';
import { createMetrics } from '../../telemetry/metrics.ts';
import type { ApiOptions } from './api-options.ts';
import type { Daemon } from './context.ts';
import { createExplainer } from './explain-thread.ts';
import { type Part, part } from './parts.ts';
import { readTokens } from './tokens.ts';

/** @param reload reads the policies anew; throws BallonetError when they cannot be taken up */
export function apiPart(daemon: Daemon, options: ApiOptions, reload: () => void): Part {
  const { events, notices, log } = daemon;
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
    const close = async () => {
      watching.unsubscribe();
      explainer.close();
      await api.close();
    };
    try {
      await openDoors(api, options, log);
    } catch (error) {
      await close();
      throw error;
    }
    return close;
  });
}

async function openDoors(
  api: ReturnType<typeof createApi>,
  { socket, isDefault, listen, tokens }: ApiOptions,
  log: Daemon['log'],
): Promise<void> {
  if (socket === undefined) {
    log.warn('there is no folder for the socket of the API: give --socket PATH');
  } else {
    if (isDefault) makeFolder(dirname(socket));
    await api.openSocket(server => listenAt(server, socket, 'group'));
    log.info({ socket }, 'the API listens');
  }
  if (listen === undefined) return;
  const known = readTokens(tokens);
  if (!isLoopback(listen.host)) {
    if (known.read === undefined && known.write === undefined)
      throw new BallonetError(
        'CONFIG_INVALID',
        `--listen ${formatAddress(listen)} can be reached from other machines: give --token-file or --read-token-file too`,
      );
    log.warn({ listen: formatAddress(listen) }, 'tokens travel in the clear: put a TLS proxy in front');
  }
  await api.openTcp(listen, known, server => listenTcp(server, listen));
  log.info({ listen: formatAddress(listen) }, 'the API listens');
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch (cause) {
    const message = `cannot make the folder for the socket of the API: ${errorMessage(cause)}; give --socket PATH`;
    throw new BallonetError('SOCKET_UNAVAILABLE', message, { cause });
  }
}

async function listenTcp(server: Server, address: Address): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: Error): void =>
      reject(
        new BallonetError(
          'SOCKET_UNAVAILABLE',
          `cannot listen at ${formatAddress(address)}: ${cause.message}`,
          { cause },
        ),
      );
    server.once('error', fail);
    server.listen(address.port, address.host, () => {
      server.off('error', fail);
      resolve();
    });
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
