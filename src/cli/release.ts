import { Command } from 'commander';
import { ROUTES } from '../api/routes.ts';
import type { Domain } from '../hypervisor/driver.ts';
import { BallonetError, errorMessage, isBallonetError } from '../model/errors.ts';
import { type Bytes, kibToBytes } from '../model/units.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { withHypervisor } from './direct.ts';
import { size } from './figures.ts';
import type { Streams } from './output.ts';

interface Options extends Asking {
  readonly direct?: true;
  readonly reason?: string;
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
    .argument('[domain...]', 'name, id or uuid; all running guests when left out')
    .option('--reason <text>', 'for the daemon, its log, and whoever looks later')
    .option('--direct', 'ask the hypervisor, whether a daemon runs or not')
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
  { direct, reason, ...asking }: Options,
  command: Command,
): Promise<readonly Freed[]> {
  const { connect } = command.optsWithGlobals<{ connect?: string }>();
  if (direct === true || connect !== undefined) return releaseDirectly(domains, command);
  try {
    const { items } = await daemonAt(asking).call(ROUTES.release, { body: { domains, reason } });
    return items;
  } catch (error) {
    if (asking.socket !== undefined || !isBallonetError(error, 'DAEMON_UNREACHABLE')) throw error;
    return releaseDirectly(domains, command);
  }
}

/** For a host whose daemon is gone: systemd calls it when the daemon has failed. */
function releaseDirectly(names: readonly string[], command: Command): Promise<readonly Freed[]> {
  return withHypervisor(command, { readOnly: false }, async hypervisor => {
    const domains =
      names.length === 0
        ? await hypervisor.domains({ active: true })
        : await Promise.all(names.map(name => hypervisor.lookup(name)));
    return Promise.all(domains.map(releaseDomain));
  });
}

async function releaseDomain(domain: Domain): Promise<Freed> {
  const { name } = domain;
  try {
    const { memoryKib, maxMemKib } = await domain.info();
    const targetBytes = kibToBytes(maxMemKib);
    if (memoryKib >= maxMemKib) return { domain: name, status: 'full', targetBytes };
    await domain.setMemory(maxMemKib, { live: true });
    return { domain: name, status: 'released', targetBytes };
  } catch (error) {
    return { domain: name, status: 'failed', problem: errorMessage(error) };
  }
}
