import { BehaviorSubject, Subject } from 'rxjs';
import {
  type Affect,
  DOMAIN_STATES,
  type Domain,
  type DomainInfo,
  type DomainRef,
  type DomainState,
  type DomainStats,
  type Hypervisor,
  type HypervisorEvent,
  type LinkState,
  type NodeMemory,
  type StatValue,
} from '../../src/hypervisor/driver.ts';
import { BallonetError } from '../../src/model/errors.ts';
import type { MemoryStat } from '../../src/model/memory-stats.ts';

/** A domain as a test sets it up; every field may be changed between ticks. */
export interface FakeDomain {
  ref: DomainRef;
  state: DomainState;
  /** Bulk parameters of the balloon group, KiB; none of them for a driver without the group. */
  balloon: Record<string, StatValue>;
  /** What the driver says was wrong with the record; with no parameters, that its part of the bulk call failed. */
  recordError?: BallonetError;
  info: DomainInfo;
  /** A promise: the answer is to come. */
  stats: MemoryStat[] | BallonetError | Promise<MemoryStat[]>;
  /** Whether a job is under way. */
  job: boolean | BallonetError;
  xml: string | BallonetError;
  /** Outcome of setting the stats period. */
  period: BallonetError | undefined;
}

/** What was called, for assertions on how often and with what. */
interface FakeCalls {
  bulk: number;
  nodeMemory: number;
  /** Names of the domains asked, in order. */
  memoryStats: string[];
  info: string[];
  job: string[];
  xml: string[];
  periods: { name: string; seconds: number; affect: Affect | undefined }[];
}

export interface FakeHypervisor extends Hypervisor {
  readonly events: Subject<HypervisorEvent>;
  readonly link: BehaviorSubject<LinkState>;
  readonly running: FakeDomain[];
  readonly calls: FakeCalls;
  /** Raised by the next bulk calls while it is set. */
  bulkError: BallonetError | undefined;
  node: NodeMemory | BallonetError;
  add(name: string, change?: Partial<FakeDomain>): FakeDomain;
}

export interface FakeOptions {
  readonly local?: boolean;
  readonly readOnly?: boolean;
}

const GIB_KIB = 1024 * 1024;

/** Made from the name, so that a test can tell two domains of the same name apart by giving another one. */
export function uuidOf(name: string): string {
  const hex = Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function domainXml(
  options: { title?: string; model?: string; autodeflate?: boolean; period?: number } = {},
): string {
  const { title, model = 'virtio', autodeflate = false, period } = options;
  const stats = period === undefined ? '' : `<stats period='${period}'/>`;
  return `<domain type='kvm'><name>x</name>${title === undefined ? '' : `<title>${title}</title>`}<devices><memballoon model='${model}'${
    autodeflate ? " autodeflate='on'" : ''
  }>${stats}</memballoon></devices></domain>`;
}

/** A hypervisor whose domains a test sets up and changes. Nothing happens in it by itself. */
export function createFakeHypervisor({ local = false, readOnly = false }: FakeOptions = {}): FakeHypervisor {
  const events = new Subject<HypervisorEvent>();
  const link = new BehaviorSubject<LinkState>({ up: true });
  const running: FakeDomain[] = [];
  const calls: FakeCalls = {
    bulk: 0,
    nodeMemory: 0,
    memoryStats: [],
    info: [],
    job: [],
    xml: [],
    periods: [],
  };
  let nextId = 1;

  function find(uuid: string): FakeDomain {
    const found = running.find(({ ref }) => ref.uuid === uuid);
    if (found === undefined) throw new BallonetError('DOMAIN_NOT_FOUND', uuid);
    return found;
  }

  function handle(ref: DomainRef): Domain {
    return {
      ...ref,
      async memoryStats() {
        calls.memoryStats.push(ref.name);
        return outcomeOf(find(ref.uuid).stats);
      },
      async job() {
        calls.job.push(ref.name);
        return outcomeOf(find(ref.uuid).job);
      },
      async info() {
        calls.info.push(ref.name);
        return find(ref.uuid).info;
      },
      async xml() {
        calls.xml.push(ref.name);
        return outcomeOf(find(ref.uuid).xml);
      },
      async setMemoryStatsPeriod(seconds, options) {
        calls.periods.push({ name: ref.name, seconds, affect: options?.affect });
        const { period } = find(ref.uuid);
        if (period !== undefined) throw period;
      },
      setMemory: async () => {
        throw new BallonetError('OPERATION_DENIED', 'a collector moves no balloon');
      },
    };
  }

  const hypervisor: FakeHypervisor = {
    uri: 'fake:///',
    local,
    readOnly,
    events,
    link,
    running,
    calls,
    bulkError: undefined,
    node: { totalKib: 16 * GIB_KIB, freeKib: 2 * GIB_KIB, buffersKib: GIB_KIB, cachedKib: 3 * GIB_KIB },
    add(name, change = {}) {
      const domain: FakeDomain = {
        ref: { name, uuid: uuidOf(name), id: nextId++ },
        state: 'running',
        balloon: {},
        info: { state: 'running', maxMemKib: GIB_KIB, memoryKib: GIB_KIB, vcpus: 1, cpuTimeNs: 0n },
        stats: [],
        job: false,
        xml: domainXml(),
        period: undefined,
        ...change,
      };
      running.push(domain);
      return domain;
    },
    domains: async () => running.map(({ ref }) => handle(ref)),
    lookup: async name => {
      const found = running.find(({ ref }) => ref.name === name);
      if (found === undefined) throw new BallonetError('DOMAIN_NOT_FOUND', name);
      return handle(found.ref);
    },
    domain: handle,
    async allDomainStats(): Promise<DomainStats[]> {
      calls.bulk += 1;
      if (hypervisor.bulkError !== undefined) throw hypervisor.bulkError;
      return running.map(recordOf);
    },
    async nodeMemory() {
      calls.nodeMemory += 1;
      return outcomeOf(hypervisor.node);
    },
    version: async () => 'fake 1.0.0',
    close: async () => undefined,
  };
  return hypervisor;
}

/** A record whose part of the call failed has an error and no parameters at all. */
function recordOf({ ref, state, balloon, recordError }: FakeDomain): DomainStats {
  const group = Object.entries(balloon);
  const failed = recordError !== undefined && group.length === 0;
  const params = new Map(failed ? [] : [['state.state', DOMAIN_STATES.indexOf(state)] as const, ...group]);
  return { domain: ref, params, ...(recordError === undefined ? {} : { error: recordError }) };
}

function outcomeOf<T>(outcome: T | BallonetError): T {
  if (outcome instanceof BallonetError) throw outcome;
  return outcome;
}
