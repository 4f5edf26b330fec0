/** Memory statistics of one domain, bulk statistics of many. */
import { MEMORY_STATS_MAX } from '../../model/memory-stats.ts';
import type { DomainRef, DomainStats, Hypervisor, StatsGroup } from '../driver.ts';
import { PROCEDURE } from '../libvirt/numbers.ts';
import { DOMAIN_LIST_MAX, DOMAIN_MIN_BYTES, readDomain } from '../libvirt/structures.ts';
import { BulkWriter } from './bulk-writer.ts';
import { requireListable } from './list-procedures.ts';
import { BULK } from './numbers.ts';
import { type Procedure, procedure, type Reply } from './procedure.ts';
import { refused, VIR_ERR } from './refusal.ts';
import {
  activity,
  COMMON_FILTERS,
  isSelected,
  needsState,
  requireKnownFlags,
  selectsAny,
} from './selection.ts';
import type { Session } from './session.ts';

/** `virDomainStatsTypes` of the groups that drivers have. */
const GROUP_BITS: readonly (readonly [bit: number, group: StatsGroup])[] = [
  [1, 'state'],
  [4, 'balloon'],
];
const SERVED_BITS = GROUP_BITS.reduce((bits, [bit]) => bits | bit, 0);
const FLAGS = COMMON_FILTERS | BULK.nowait | BULK.backing | BULK.enforce;

/** By number. */
export const STATS_PROCEDURES: Readonly<Record<number, Procedure>> = {
  [PROCEDURE.memoryStats]: procedure(
    'virDomainMemoryStats',
    r => ({ ref: readDomain(r), maxStats: r.u32(), flags: r.u32() }),
    async ({ ref, maxStats, flags }, { hypervisor }) => {
      if (maxStats > MEMORY_STATS_MAX) {
        throw refused(
          'VALUE_OUT_OF_RANGE',
          VIR_ERR.internal,
          'internal error: maxStats > REMOTE_DOMAIN_MEMORY_STATS_MAX',
        );
      }
      requireKnownFlags(flags, 0, 'virDomainMemoryStats');
      const stats = await hypervisor.domain(ref).memoryStats({ maxStats });
      return writer =>
        void writer.array(stats.slice(0, maxStats), (w, { tag, value }) => w.i32(tag).u64(value));
    },
  ),
  [PROCEDURE.getAllDomainStats]: procedure(
    'virConnectGetAllDomainStats',
    r => ({
      domains: r.array(DOMAIN_LIST_MAX, DOMAIN_MIN_BYTES, readDomain),
      groups: r.u32(),
      flags: r.u32(),
    }),
    allDomainStats,
  ),
};

interface BulkArguments {
  /** None: all that the flags select. */
  readonly domains: readonly DomainRef[];
  /** 0: every group there is. */
  readonly groups: number;
  readonly flags: number;
}

/** One for all clients: it holds names, of parameters and of domains. */
const bulkWriter = new BulkWriter();

async function allDomainStats({ domains, groups, flags }: BulkArguments, session: Session): Promise<Reply> {
  requireKnownFlags(flags, FLAGS, 'virConnectGetAllDomainStats');
  const unserved = (groups & ~SERVED_BITS) >>> 0;
  if (unserved !== 0 && (flags & BULK.enforce) !== 0) {
    throw refused(
      'OPERATION_UNSUPPORTED',
      VIR_ERR.argumentUnsupported,
      `argument unsupported: Stats types bits 0x${unserved.toString(16)} are not supported by this daemon`,
    );
  }
  const wanted = GROUP_BITS.filter(([bit]) => groups === 0 || (groups & bit) !== 0).map(([, group]) => group);
  const records = await select(session.hypervisor, domains, wanted, flags);
  requireListable(records.length);
  return writer =>
    bulkWriter.write(writer, records, name => wanted.some(group => name.startsWith(`${group}.`)));
}

async function select(
  hypervisor: Hypervisor,
  named: readonly DomainRef[],
  wanted: readonly StatsGroup[],
  flags: number,
): Promise<readonly DomainStats[]> {
  if (!selectsAny(flags)) return [];
  const groups: readonly StatsGroup[] = needsState(flags)
    ? [...new Set([...wanted, 'state' as const])]
    : wanted;
  const active = activity(flags);
  const options = { groups, nowait: (flags & BULK.nowait) !== 0 };
  const records =
    named.length === 0 && active === true
      ? await hypervisor.allDomainStats(options)
      : await hypervisor.allDomainStats({
          ...options,
          domains:
            named.length > 0 ? named : await hypervisor.domains(active === undefined ? {} : { active }),
        });
  return records.filter(record => isSelected(record, flags));
}
