import { Command, InvalidArgumentError } from 'commander';
import type { Affect } from '../hypervisor/driver.ts';
import { BallonetError } from '../model/errors.ts';
import { type MemoryStat, memoryStatName } from '../model/memory-stats.ts';
import { withHypervisor } from './direct.ts';
import type { Streams } from './output.ts';

interface Options {
  readonly period?: number;
  readonly live?: true;
  readonly config?: true;
  readonly current?: true;
}

export function dommemstatVerb({ out }: Streams): Command {
  return new Command('dommemstat')
    .summary('memory statistics of a domain, as virsh prints them')
    .description(
      'Prints the memory statistics of a domain as virsh dommemstat does: amounts in KiB, counters since boot, what the guest ' +
        "does not report left out. 'available' is the guest's MemTotal and 'usable' its MemAvailable: the names are libvirt's. " +
        'With --period, sets how often the guest is asked for them instead.',
    )
    .argument('<domain>', 'name, id or uuid')
    .option('--period <seconds>', 'seconds between two reports of the guest; 0 stops them', wholeSeconds)
    .option('--live', 'with --period: change the running domain')
    .option('--config', 'with --period: change the stored configuration')
    .option('--current', 'with --period: change whichever applies now')
    .action(async (name: string, options: Options, command: Command) => {
      const affect = affectOf(options);
      await withHypervisor(command, { readOnly: options.period === undefined }, async hypervisor => {
        const domain = await hypervisor.lookup(name);
        if (options.period !== undefined) return domain.setMemoryStatsPeriod(options.period, { affect });
        out(formatMemoryStats(await domain.memoryStats()));
      });
    });
}

/** One line a statistic that has a name, in the order given: what virsh prints (tools/virsh-domain-monitor.c). */
export function formatMemoryStats(stats: readonly MemoryStat[]): string {
  const lines = stats.flatMap(({ tag, value }) => {
    const name = memoryStatName(tag);
    return name === undefined ? [] : [`${name} ${value}\n`];
  });
  return `${lines.join('')}\n`;
}

function affectOf({ live, config, current, period }: Options): Affect {
  const chosen = [
    live && ('live' as const),
    config && ('config' as const),
    current && ('current' as const),
  ].filter(value => value !== undefined);
  if (chosen.length > 1)
    throw new BallonetError('USAGE', '--live, --config and --current exclude one another');
  if (chosen.length > 0 && period === undefined) {
    throw new BallonetError('USAGE', `--${chosen[0]} needs --period: without it nothing is changed`);
  }
  return chosen[0] ?? 'current';
}

function wholeSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds > 2 ** 31 - 1)
    throw new InvalidArgumentError('it wants whole seconds, such as 1 or 10');
  return seconds;
}
