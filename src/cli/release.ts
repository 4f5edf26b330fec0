import { Command } from 'commander';
import { ROUTES } from '../api/routes.ts';
import { releaseDomains } from '../engine/release.ts';
import type { Domain, Hypervisor } from '../hypervisor/driver.ts';
import { systemClock } from '../model/clock.ts';
import { BallonetError, isBallonetError } from '../model/errors.ts';
import type { Bytes } from '../model/units.ts';
import { afterRelease } from '../policy/orders.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { loadConfig, requireConfig } from './config/load.ts';
import { openStateStore, type StateStore } from './daemon/state-store.ts';
import { withHypervisor } from './direct.ts';
import { size } from './figures.ts';
import type { Streams } from './output.ts';
import { hostPolicyFiles } from './policy-files.ts';
import { stateFolder } from './state-dir.ts';

interface Options extends Asking {
  readonly config?: string;
  readonly direct?: true;
  readonly moved?: true;
  readonly reason?: string;
  readonly state?: string;
}

/** What became of one guest. */
interface Freed {
  readonly domain: string;
  readonly status: 'released' | 'full' | 'failed';
  readonly targetBytes?: Bytes | undefined;
  readonly problem?: string | undefined;
}

export function releaseVerb({ out }: Streams): Command {
  return new Command('release')
    .summary('give guests their memory back')
    .description(
      'Moves the balloons of guests to their maximum. A daemon that runs does it, and pauses them, for it would take the memory back: ' +
        'resume ends that. Where none answers, or with --direct, the hypervisor is asked at once.',
    )
    .argument(
      '[domain...]',
      'name, id or uuid; when left out all running guests, or where a daemon has left its state those that it moved',
    )
    .option('--reason <text>', 'for the daemon, its log, and whoever looks later')
    .option('--direct', 'ask the hypervisor, whether a daemon runs or not')
    .option(
      '--moved',
      'directly, only those that a daemon has moved: nobody where none has left a state; what the unit does after a failure',
    )
    .option(
      '--config <file>',
      'the configuration of the daemon, which says what it talks to and where its state and its socket are',
    )
    .option('--state <dir>', 'the state folder of the daemon that is gone; default as for run')
    .addOption(socketOption())
    .action(async (domains: string[], options: Options, command: Command) => {
      const freed = await release(domains, options, command);
      for (const { domain, status, targetBytes, problem } of freed)
        out(`${domain}  ${WORDS[status]}${status === 'failed' ? `: ${problem}` : ` ${size(targetBytes)}`}\n`);
      const failed = freed.filter(({ status }) => status === 'failed').length;
      if (failed > 0)
        throw new BallonetError('OPERATION_REFUSED', `${failed} of ${freed.length} guests were not released`);
    });
}

const WORDS = { released: 'released to', full: 'has all of its', failed: 'failed' };

async function release(
  domains: readonly string[],
  { direct, moved, reason, config, ...options }: Options,
  command: Command,
): Promise<readonly Freed[]> {
  const { connect } = command.optsWithGlobals<{ connect?: string }>();
  const file = config === undefined ? {} : requireConfig(loadConfig(config, hostPolicyFiles));
  const how = { state: options.state ?? file.state, moved: moved === true, fallback: file.connect };
  if (direct === true || how.moved || connect !== undefined) return releaseDirectly(domains, how, command);
  try {
    const daemon = daemonAt({ socket: options.socket ?? file.socket });
    const { items } = await daemon.call(ROUTES.release, { body: { domains, reason } });
    return items;
  } catch (error) {
    if (options.socket !== undefined || !isBallonetError(error, 'DAEMON_UNREACHABLE')) throw error;
    return releaseDirectly(domains, how, command);
  }
}

interface How {
  readonly state: string | undefined;
  readonly moved: boolean;
  readonly fallback: string | undefined;
}

/** For a host whose daemon is gone: systemd calls it when the daemon has failed. */
function releaseDirectly(
  names: readonly string[],
  { state: stateDir, moved, fallback }: How,
  command: Command,
): Promise<readonly Freed[]> {
  return withHypervisor(command, { readOnly: false, fallback }, async hypervisor => {
    const store = await stateOf(hypervisor, stateDir);
    try {
      const domains = await chosen(hypervisor, store, names, moved);
      const release = await releaseDomains(hypervisor, domains);
      if (store?.kept !== undefined) {
        const { state, epochs } = store.kept;
        await store.write({ state: afterRelease(state, release.given, systemClock.now().monotonic), epochs });
      }
      return domains.map(domain => outcome(domain, release));
    } finally {
      await store?.close();
    }
  });
}

/** The state of a daemon that is gone; none where one still has it, or where there is none to be had. */
async function stateOf(hypervisor: Hypervisor, dir: string | undefined): Promise<StateStore | undefined> {
  try {
    return await openStateStore({
      path: stateFolder(dir, hypervisor.uri),
      clock: systemClock,
      log: { info() {}, warn() {} },
      onLost() {},
    });
  } catch (error) {
    if (isBallonetError(error, 'OWNED_BY_ANOTHER') || isBallonetError(error, 'STATE_UNAVAILABLE'))
      return undefined;
    throw error;
  }
}

/**
 * With a state, the guests that the daemon has moved: others are as small as somebody else wants them. Where there was one that
 * cannot be used, any guest may have been moved.
 */
async function chosen(
  hypervisor: Hypervisor,
  store: StateStore | undefined,
  names: readonly string[],
  moved: boolean,
): Promise<readonly Domain[]> {
  if (names.length > 0) return Promise.all(names.map(name => hypervisor.lookup(name)));
  const active = await hypervisor.domains({ active: true });
  const kept = store?.kept;
  if (kept !== undefined)
    return active.filter(({ uuid }) => kept.state.guests.get(uuid)?.target !== undefined);
  return moved && store?.lost !== true ? [] : active;
}

function outcome(
  { uuid, name }: Domain,
  { given, full, failed }: Awaited<ReturnType<typeof releaseDomains>>,
): Freed {
  const targetBytes = given.get(uuid)?.to ?? full.get(uuid);
  if (targetBytes === undefined) return { domain: name, status: 'failed', problem: failed.get(uuid) };
  return { domain: name, status: given.has(uuid) ? 'released' : 'full', targetBytes };
}
