/**
 * Bulk collection in chunks. One bulk call visits its domains one after another in one worker of the daemon, and a domain
 * whose monitor hangs stalls all that come after it; so the domains are spread over several calls, each with a deadline.
 */
import { BallonetError, isConnectionLost } from '../../model/errors.ts';
import type { BulkStatsOptions, DomainRef, DomainStats, StatsGroup } from '../driver.ts';
import { FieldNames } from './bulk-stats.ts';
import type { RpcConnection } from './connection.ts';
import { DomainListMemory } from './domain-list.ts';
import * as procedures from './procedures.ts';
import type { WireDomain } from './structures.ts';
import { toWireDomain } from './structures.ts';

/** `virDomainStatsTypes`. */
const GROUP_BITS: Readonly<Record<StatsGroup, number>> = { state: 1, balloon: 4 };
/** Fewer domains than this in a call would cost more in round trips than the spreading gains. */
const CHUNK_MIN = 8;

const NO_PARAMS: ReadonlyMap<string, never> = new Map<string, never>();

export interface BulkTuning {
  /** Most domains in one call; also what bounds the time that decoding one reply can hold the event loop. */
  readonly chunkDomains: number;
  readonly maxInFlight: number;
}

export class BulkCollector {
  readonly #tuning: BulkTuning;
  readonly #names = new FieldNames();
  readonly #known = new WeakMap<DomainRef, WireDomain>();
  readonly #active = new DomainListMemory();

  constructor(tuning: BulkTuning) {
    this.#tuning = tuning;
  }

  /**
   * The records of all domains asked for that libvirt still knows. Where a chunk had no answer in time, or was refused,
   * its domains come back with empty `params` and the `error`; the call itself fails only when all chunks did, or when the
   * connection ended.
   *
   * @throws BallonetError
   */
  async collect(connection: RpcConnection, options: BulkStatsOptions): Promise<DomainStats[]> {
    const asked = options.domains?.map(ref => this.#wireDomain(ref)) ?? (await this.#listActive(connection));
    const groups = (options.groups ?? ['state', 'balloon']).reduce(
      (bits, group) => bits | GROUP_BITS[group],
      0,
    );
    // To libvirt no group at all means every group.
    if (groups === 0) return asked.map(({ ref }) => ({ domain: ref, params: NO_PARAMS }));
    const flags = (options.nowait ?? true) ? procedures.BULK_NOWAIT : 0;
    const chunks = this.#split(asked);
    const results = await Promise.allSettled(
      chunks.map(chunk => connection.call(procedures.allDomainStats(chunk, groups, flags, this.#names))),
    );
    return merge(chunks, results);
  }

  #wireDomain(ref: DomainRef): WireDomain {
    let domain = this.#known.get(ref);
    if (!domain) {
      // A copy, so that a caller's object that changes does not part from its bytes.
      domain = toWireDomain({ name: ref.name, uuid: ref.uuid, id: ref.id });
      this.#known.set(ref, domain);
    }
    return domain;
  }

  #listActive(connection: RpcConnection): Promise<readonly WireDomain[]> {
    return connection.call(procedures.listWireDomains(procedures.LIST_ACTIVE, this.#active));
  }

  #split(domains: readonly WireDomain[]): WireDomain[][] {
    const even = Math.ceil(domains.length / this.#tuning.maxInFlight);
    const size = Math.min(Math.max(even, CHUNK_MIN), this.#tuning.chunkDomains);
    const chunks: WireDomain[][] = [];
    for (let i = 0; i < domains.length; i += size) chunks.push(domains.slice(i, i + size));
    return chunks;
  }
}

function merge(
  chunks: readonly (readonly WireDomain[])[],
  results: readonly PromiseSettledResult<DomainStats[]>[],
): DomainStats[] {
  const records: DomainStats[] = [];
  let firstError: unknown;
  let lost = 0;
  for (const [i, result] of results.entries()) {
    if (result.status === 'fulfilled') {
      records.push(...result.value);
      continue;
    }
    const error: unknown = result.reason;
    if (isConnectionLost(error) || !(error instanceof BallonetError)) throw error;
    firstError ??= error;
    lost += 1;
    for (const { ref } of chunks[i] ?? []) records.push({ domain: ref, params: NO_PARAMS, error });
  }
  if (lost > 0 && lost === results.length) throw firstError;
  return records;
}
