import { Command } from 'commander';
import type { DomainStats } from '../hypervisor/driver.ts';
import { withHypervisor } from './direct.ts';
import { type OutputFormat, outputOption, renderListing, type Streams } from './output.ts';

export function domstatsVerb({ out }: Streams): Command {
  return new Command('domstats')
    .summary('state and balloon statistics of domains, as virsh prints them')
    .description(
      'Prints what the hypervisor knows of the state and balloon of domains in one bulk call, in the form of ' +
        'virsh domstats --state --balloon. Amounts are KiB.',
    )
    .argument('[domain...]', 'name, id or uuid; all active domains when left out')
    .addOption(outputOption())
    .action(async (names: string[], { output }: { output: OutputFormat }, command: Command) => {
      await withHypervisor(command, { readOnly: true }, async hypervisor => {
        const domains = await Promise.all(names.map(name => hypervisor.lookup(name)));
        const records = await hypervisor.allDomainStats(names.length === 0 ? {} : { domains });
        out(
          output === 'table' || output === 'wide'
            ? records.map(asVirsh).join('')
            : asListing(records, output),
        );
      });
    });
}

/** A record as virsh prints it (tools/virsh-domain-monitor.c): a title, indented parameters, an empty line. */
function asVirsh({ domain, params }: DomainStats): string {
  const lines = [...params].map(([name, value]) => `  ${name}=${String(value)}\n`);
  return `Domain: '${domain.name}'\n${lines.join('')}\n`;
}

function asListing(records: readonly DomainStats[], format: OutputFormat): string {
  return renderListing(
    {
      kind: 'DomainStatsList',
      rows: records,
      columns: [],
      name: ({ domain }) => domain.name,
      object: ({ domain, params }) => ({
        name: domain.name,
        uuid: domain.uuid,
        id: domain.id,
        stats: Object.fromEntries(params),
      }),
    },
    format,
  );
}
