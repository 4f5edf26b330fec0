import { Command } from 'commander';
import type { z } from 'zod';
import { ROUTES } from '../api/routes.ts';
import type { GuestSummary } from '../api/schema/answers.ts';
import { DOMAIN_STATES, type Domain, type DomainStats } from '../hypervisor/driver.ts';
import { isBallonetError } from '../model/errors.ts';
import { type Bytes, kibToBytes } from '../model/units.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { withHypervisor } from './direct.ts';
import { size } from './figures.ts';
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

type Managed = z.output<typeof GuestSummary>;

const MANAGED_COLUMNS: readonly Column<Managed>[] = [
  { title: 'ID', value: ({ id }) => (id < 0 ? '-' : String(id)), align: 'right', wide: true },
  { title: 'NAME', value: ({ name }) => name },
  { title: 'STATE', value: ({ state }) => state, wide: true },
  { title: 'CURRENT', value: ({ currentBytes }) => size(currentBytes), align: 'right' },
  {
    title: 'TARGET',
    value: ({ action, targetBytes }) => (action === 'hold' ? '-' : size(targetBytes)),
    align: 'right',
  },
  { title: 'MAX', value: ({ maxBytes }) => size(maxBytes), align: 'right' },
  { title: 'USED', value: ({ usedBytes }) => size(usedBytes), align: 'right' },
  { title: 'AVAILABLE', value: ({ availableBytes }) => size(availableBytes), align: 'right', wide: true },
  { title: 'RSS', value: ({ rssBytes }) => size(rssBytes), align: 'right', wide: true },
  { title: 'ACTION', value: ({ action }) => action },
  { title: 'REASON', value: ({ reason }) => reason },
  { title: 'POLICY', value: ({ policy }) => policy ?? '-', wide: true },
  { title: 'UUID', value: ({ uuid }) => uuid, wide: true },
];

interface Options extends Asking {
  readonly all?: true;
  readonly output: OutputFormat;
}

export function listVerb({ out }: Streams): Command {
  return new Command('list')
    .summary('the guests, their memory, and what is done with them')
    .description(
      'Asks the daemon for its guests: size, the size it asked for, use, and why it holds or moves them. With no daemon, with --all or ' +
        'with --connect, asks the hypervisor: the size that the balloon leaves (CURRENT), the maximum, and what the guest reports: ' +
        'memory it uses and could still take (AVAILABLE, its MemAvailable). A dash is a figure that is not known.',
    )
    .option('--all', 'also domains that are not running, from the hypervisor')
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async ({ all, output, ...asking }: Options, command: Command) => {
      const { connect } = command.optsWithGlobals<{ connect?: string }>();
      const guests = all === true || connect !== undefined ? undefined : await guestsOfDaemon(asking);
      if (guests !== undefined) {
        out(renderGuests(guests, output));
        return;
      }
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

/** Undefined when no daemon answers where one would be; a socket that was named must answer. */
async function guestsOfDaemon(asking: Asking): Promise<readonly Managed[] | undefined> {
  try {
    const { items } = await daemonAt(asking).call(ROUTES.guests);
    return items;
  } catch (error) {
    const silent = isBallonetError(error, 'DAEMON_UNREACHABLE') || isBallonetError(error, 'DAEMON_DENIED');
    if (asking.socket !== undefined || !silent) throw error;
    return undefined;
  }
}

function renderGuests(rows: readonly Managed[], output: OutputFormat): string {
  const listing = {
    kind: 'GuestList',
    rows,
    columns: MANAGED_COLUMNS,
    name: ({ name }: Managed) => name,
    object: (row: Managed) => row,
  };
  return renderListing(listing, output);
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
    value: ({ bytes }) => size(bytes[key]),
  };
}

function order(id: number): number {
  return id < 0 ? Number.POSITIVE_INFINITY : id;
}
