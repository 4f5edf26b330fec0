/**
 * Bulk collection in chunks. One bulk call visits its domains one after another in one worker of the daemon, and a domain
 * whose monitor hangs stalls all that come after it; so the domains are spread over several calls, each with a deadline.
 */
import { BallonetError, isConnectionLost } from '../../model/errors.ts';
import type { BulkStatsOptions, DomainRef, DomainStats, StatsGroup } from '../driver.ts';
import { Layouts } from './bulk-params.ts';
import type { RpcConnection } from './connection.ts';
import { DomainListMemory } from './domain-list.ts';
import { BulkLanes } from './lanes.ts';
import { BULK_ACTIVE, BULK_NOWAIT, LIST_ACTIVE } from './numbers.ts';
import * as procedures from './procedures.ts';
import { type Ask, askedInRounds } from './rounds.ts';
import type { WireDomain } from './structures.ts';
import { toWireDomain } from './structures.ts';

/** `virDomainStatsTypes`. */
const GROUP_BITS: Readonly<Record<StatsGroup, number>> = { state: 1, balloon: 4 };
/** Fewer domains than this in a call would cost more in round trips than the spreading gains. */
const CHUNK_MIN = 8;
/** Into how many calls a host is split while that keeps chunks between their bounds: a hung domain costs one of them. */
const CHUNKS = 16;
/** The list of active domains is asked for anew at least this often, even when no event told of a change. */
const LIST_MAX_AGE_MS = 30_000;

const NO_PARAMS: ReadonlyMap<string, never> = new Map<string, never>();

export class BulkCollector {
  readonly #chunkMax: number;
  readonly #lateMs: number;
  readonly #lanes: BulkLanes;
  readonly #layouts = new Layouts();
  readonly #known = new WeakMap<DomainRef, WireDomain>();
  readonly #list = new DomainListMemory();
  #listed: { readonly domains: readonly WireDomain[]; readonly at: number } | undefined;
  #generation = 0;
  #listCanBeKept = true;

  /**
   * `chunkMax`: most domains in one call; it bounds the time that one reply can hold the event loop. `lateMs`: after such a
   * time without an answer the domains that are missing are asked one by one, where the caller does not want to wait.
   * `open`: makes one more connection; undefined where each sees a host of its own.
   */
  constructor(chunkMax: number, lateMs: number, open: (() => Promise<RpcConnection>) | undefined) {
    this.#chunkMax = chunkMax;
    this.#lateMs = lateMs;
    this.#lanes = new BulkLanes(open, lateMs);
  }

  /**
   * The records of all domains asked for that libvirt still knows. Where a chunk had no answer in time, or was refused,
   * its domains come back with empty `params` and the `error`; the call itself fails only when all chunks did, or when the
   * connection ended.
   *
   * @throws BallonetError
   */
  async collect(connection: RpcConnection, options: BulkStatsOptions): Promise<DomainStats[]> {
    const asked = options.domains?.map(ref => this.#wireDomain(ref)) ?? (await this.#active(connection));
    const groups = (options.groups ?? ['state', 'balloon']).reduce(
      (bits, group) => bits | GROUP_BITS[group],
      0,
    );
    // To libvirt no group at all means every group.
    if (groups === 0) return asked.map(({ ref }) => ({ domain: ref, params: NO_PARAMS }));
    const nowait = options.nowait ?? true;
    const flags = (nowait ? BULK_NOWAIT : 0) + (options.domains ? 0 : BULK_ACTIVE);
    const chunks = this.#split(asked);
    const over =
      (lane: RpcConnection): Ask<WireDomain, DomainStats> =>
      domains =>
        lane.call(procedures.allDomainStats(domains, groups, flags, this.#layouts));
    const results = nowait
      ? await this.#inRounds(connection, chunks, over)
      : await Promise.allSettled(chunks.map(chunk => over(connection)(chunk)));
    connection.giveUpIfFull(this.#lateMs);
    return merge(chunks, results);
  }

  async #inRounds(
    main: RpcConnection,
    chunks: readonly WireDomain[][],
    over: (lane: RpcConnection) => Ask<WireDomain, DomainStats>,
  ): Promise<PromiseSettledResult<readonly DomainStats[]>[]> {
    const first = over(await this.#lanes.usable(main));
    const rounds = this.#lanes.rounds(main);
    try {
      return await askedInRounds(chunks, first, async () => over(await rounds.fresh()), {
        lateMs: this.#lateMs,
      });
    } finally {
      rounds.end();
    }
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

  /** To be called at each lifecycle event and at the loss of the connection. */
  forgetList(): void {
    this.#generation += 1;
    this.#listed = undefined;
  }

  /** Ends the connections of its own. */
  close(): void {
    this.#lanes.close();
  }

  /** To be called when this driver has no lifecycle events: then every collection lists the domains first. */
  neverKeepList(): void {
    this.#listCanBeKept = false;
  }

  async #active(connection: RpcConnection): Promise<readonly WireDomain[]> {
    const now = performance.now();
    const kept = this.#listed;
    if (kept && now - kept.at < LIST_MAX_AGE_MS) return kept.domains;
    const generation = this.#generation;
    const domains = await connection.call(procedures.listWireDomains(LIST_ACTIVE, this.#list));
    // An event that came while the list was on its way may not be in it.
    if (this.#listCanBeKept && this.#generation === generation) this.#listed = { domains, at: now };
    return domains;
  }

  #split(domains: readonly WireDomain[]): WireDomain[][] {
    const even = Math.max(Math.ceil(domains.length / CHUNKS), CHUNK_MIN);
    const size = Math.min(even, this.#chunkMax);
    const chunks: WireDomain[][] = [];
    for (let i = 0; i < domains.length; i += size) chunks.push(domains.slice(i, i + size));
    return chunks;
  }
}

function merge(
  chunks: readonly (readonly WireDomain[])[],
  results: readonly PromiseSettledResult<readonly DomainStats[]>[],
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
