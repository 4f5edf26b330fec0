import { Command } from 'commander';
import { DOMAIN_STATES, type Domain, type DomainStats } from '../hypervisor/driver.ts';
import { type Bytes, formatSize, kibToBytes } from '../model/units.ts';
import { withHypervisor } from './direct.ts';
import { type Column, type OutputFormat, outputOption, renderListing, type Streams } from './output.ts';

interface Row {
  readonly domain: Domain;
  readonly state: string;
  readonly bytes: Readonly<Record<'current' | 'maximum' | 'available' | 'used' | 'rss', Bytes | undefined>>;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'ID', value: ({ domain }) => (domain.id < 0 ? '-' : String(domain.id)), align: 'right' },
  { title: 'NAME', value: ({ domain }) => domain.name },
  { title: 'STATE', value: row => row.state },
  sizeColumn('CURRENT', 'current'),
  sizeColumn('MAX', 'maximum'),
  sizeColumn('USED', 'used'),
  sizeColumn('AVAILABLE', 'available'),
  { ...sizeColumn('RSS', 'rss'), wide: true },
  { title: 'UUID', value: ({ domain }) => domain.uuid, wide: true },
];

export function listVerb({ out }: Streams): Command {
  return new Command('list')
    .summary('the domains and their memory')
    .description(
      'Lists domains with the size their balloon leaves them (CURRENT), their maximum, and what the guest reports: memory it ' +
        'uses and could still take (AVAILABLE, its MemAvailable). A dash is a figure that is not known.',
    )
    .option('--all', 'also domains that are not running')
    .addOption(outputOption())
    .action(async ({ all, output }: { all?: true; output: OutputFormat }, command: Command) => {
      await withHypervisor(command, { readOnly: true }, async hypervisor => {
        const domains = await hypervisor.domains(all ? {} : { active: true });
        const records = await hypervisor.allDomainStats();
        const byUuid = new Map(records.map(record => [record.domain.uuid, record.params]));
        const rows = await Promise.all(domains.map(domain => toRow(domain, byUuid.get(domain.uuid))));
        rows.sort(
          (a, b) => order(a.domain.id) - order(b.domain.id) || a.domain.name.localeCompare(b.domain.name),
        );
        out(
          renderListing(
            { kind: 'DomainList', rows, columns: COLUMNS, name: row => row.domain.name, object: toObject },
            output,
          ),
        );
      });
    });
}

async function toRow(domain: Domain, params: DomainStats['params'] | undefined): Promise<Row> {
  const read = (key: string): Bytes | undefined => {
    const value = params?.get(`balloon.${key}`);
    return typeof value === 'number' ? kibToBytes(value) : undefined;
  };
  // Drivers without balloon statistics in bulk (libvirt's test driver) and stopped domains still know their sizes.
  const info = params?.has('balloon.current') ? undefined : await domain.info();
  const total = read('available');
  const available = read('usable');
  return {
    domain,
    state: info?.state ?? DOMAIN_STATES[Number(params?.get('state.state'))] ?? 'nostate',
    bytes: {
      current: info ? kibToBytes(info.memoryKib) : read('current'),
      maximum: info ? kibToBytes(info.maxMemKib) : read('maximum'),
      available,
      used: total === undefined || available === undefined ? undefined : total - available,
      rss: read('rss'),
    },
  };
}

function toObject({ domain, state, bytes }: Row): object {
  const amounts = Object.entries(bytes).flatMap(([name, value]) =>
    value === undefined ? [] : [[`${name}Bytes`, value]],
  );
  const id = domain.id < 0 ? {} : { id: domain.id };
  return { name: domain.name, uuid: domain.uuid, ...id, state, ...Object.fromEntries(amounts) };
}

function sizeColumn(title: string, key: keyof Row['bytes']): Column<Row> {
  return {
    title,
    align: 'right',
    value: ({ bytes }) => {
      const size = bytes[key];
      return size === undefined ? '-' : formatSize(size);
    },
  };
}

function order(id: number): number {
  return id < 0 ? Number.POSITIVE_INFINITY : id;
}
