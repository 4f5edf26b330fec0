import { resolve } from 'node:path';
import { Command } from 'commander';
import { serveHypervisor } from '../hypervisor/server/server.ts';
import { connectSimulated, isSimulated } from '../hypervisor/simulated/hypervisor.ts';
import { BallonetError, errorMessage } from '../model/errors.ts';
import { findScenario } from './connect.ts';
import type { Streams } from './output.ts';

/**
 * A hung guest's calls end after this time, before a client whose calls are all stuck takes the server for dead (libvirt's
 * keepalive: 30 s).
 */
const CALL_TIMEOUT_SECONDS = 20;

export function serveVerb({ err }: Streams): Command {
  return new Command('serve')
    .summary("a simulated host behind libvirt's wire protocol")
    .description(
      "Serves a simulated host at a unix socket in libvirt's own wire protocol: virsh, python3-libvirt and every other client of " +
        'libvirt connect to it with the URI test+unix:///default?socket=PATH. All clients see the same guests. The socket is for ' +
        'this user alone; it is removed at the end, which SIGTERM or SIGINT asks for.',
    )
    .argument('<scenario>', 'name of a shipped scenario, such as overcommitted, or a scenario file')
    .requiredOption('--socket <path>', 'where the socket is to be')
    .action(async (scenario: string, { socket }: { socket: string }) => {
      const uri = scenario.includes(':') ? scenario : `sim:///${encodeURI(scenario)}`;
      const path = resolve(socket);
      await serve(uri, path, err);
    });
}

async function serve(uri: string, path: string, err: (text: string) => void): Promise<void> {
  if (!URL.canParse(uri) || !isSimulated(new URL(uri)))
    throw new BallonetError(
      'USAGE',
      `'${uri}' is no simulated host; write overcommitted or sim:///overcommitted`,
    );
  const hypervisor = connectSimulated(findScenario, uri, { callTimeout: CALL_TIMEOUT_SECONDS }, true);
  const stopped = stopSignal();
  try {
    const server = await serveHypervisor(hypervisor, {
      path,
      onFault: error => err(`ballonet: unexpected: ${errorMessage(error)}\n`),
    });
    err(`ballonet: serving ${uri}; virsh -c 'test+unix:///default?socket=${path}' list\n`);
    const signal = await stopped;
    await server.close();
    if (signal === 'SIGINT') process.exitCode = 130;
  } finally {
    await hypervisor.close();
  }
}

/** Resolves with the first signal that asks for the end; a second one ends at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise(done => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => done(signal));
  });
}
