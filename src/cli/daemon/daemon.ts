import { keepHeapSmall } from '../heap.ts';
import { apiPart } from './api-part.ts';
import { collectorPart, connectionPart, logPart, releasePart } from './basic-parts.ts';
import { type DaemonOptions, openDaemon } from './context.ts';
import { enginePart } from './engine-part.ts';
import { journalPart } from './journal-part.ts';
import { leasePart } from './lease-part.ts';
import { withParts } from './parts.ts';
import { reloadPart } from './reload-part.ts';
import { shadowPart } from './shadow-part.ts';
import { statePart } from './state-part.ts';
import { systemdPart } from './systemd-part.ts';

/** systemd sends SIGKILL much later, but a host that shuts down should not wait for a memory tuner. */
const SHUTDOWN_SECONDS = 4;

/**
 * Runs the daemon until SIGTERM or SIGINT, and gives the signal that ended it.
 *
 * @throws BallonetError when it cannot start
 */
export async function runDaemon(options: DaemonOptions): Promise<NodeJS.Signals> {
  keepHeapSmall();
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const daemon = await openDaemon(options, error => fail(error));
  const { log } = daemon;
  const keeping = statePart(daemon);
  const leasing = leasePart(daemon);
  const shadowing = shadowPart(daemon);
  const reloading = reloadPart(daemon, shadowing);
  const asked = stopSignal();
  const journalling = journalPart(daemon);
  // They start in this order, and stop in the opposite one.
  const parts = [
    logPart(daemon),
    connectionPart(daemon),
    keeping,
    journalling,
    shadowing,
    apiPart(daemon, daemon.options.api, {
      reload: reloading.reload,
      journal: journalling.folder,
      shadows: shadowing,
    }),
    collectorPart(daemon),
    releasePart(daemon),
    reloading,
    leasing,
    systemdPart(daemon),
    enginePart(daemon, keeping.keep, leasing.leases),
  ];
  let deadline: NodeJS.Timeout | undefined;
  const signal = await withParts(parts, log, async () => {
    const signal = await Promise.race([asked, failed]);
    log.info({ signal, onExit: daemon.observing ? 'hold' : daemon.policies.value.host.onExit }, 'stopping');
    deadline = setTimeout(() => {
      log.error('shutdown took too long: balloons stay as they are');
      process.exit(1);
    }, SHUTDOWN_SECONDS * 1000);
    return signal;
  });
  clearTimeout(deadline);
  log.info('stopped');
  return signal;
}

/** Resolves with the first signal that asks for the end; a second one ends at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
