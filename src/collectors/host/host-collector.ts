import type { Hypervisor } from '../../hypervisor/driver.ts';
import type { Clock } from '../../model/clock.ts';
import { BallonetError, isBallonetError } from '../../model/errors.ts';
import {
  ABSENT,
  type AvailableTerm,
  type HostFigure,
  type HostSample,
  known,
  type Reading,
  type Readings,
} from '../../model/snapshot.ts';
import { type Bytes, kibToBytes } from '../../model/units.ts';
import type { ProblemReporter } from '../problems.ts';
import { driverAvailable, machineAvailable, poolAvailable } from './available.ts';
import { type CgroupMemory, findHierarchy, readCgroup } from './cgroup.ts';
import { CORRECTIONS, readCorrection } from './corrections.ts';
import { isMissingFile, readHostFile } from './files.ts';
import { parseFlatKeyed } from './key-values.ts';
import { type MeminfoReadings, NO_MEMINFO, readMeminfo, UNKNOWN_MEMINFO } from './meminfo.ts';
import type { MemoryHierarchy } from './mounts.ts';
import { createNumaNodes } from './nodes.ts';
import { type Pool, poolName } from './pool.ts';
import { NO_PRESSURE, pressureReadings, readPressure } from './pressure.ts';
import { NO_SWAP_RATES, PAGE_KIB, type SwapCounters, type SwapRates, swapRates } from './swap-rates.ts';

const PROC_PRESSURE = '/proc/pressure/memory';
const PROC_VMSTAT = '/proc/vmstat';

export interface HostCollectorOptions {
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  /** `/`, or a folder that holds a copy of `/proc` and the cgroup tree. */
  readonly procRoot: string;
  readonly problems: ProblemReporter;
}

/** A host sample that does not know its source yet. */
type HostReading = Omit<HostSample, 'source'>;

/** Host figures except for what a pool of a fixed size owes its guests. */
interface HostReadout {
  /** Completes the sample. `guestsHeld` is what the guests hold of a pool of fixed size, undefined when it is not known of all of them. */
  sample(guestsHeld: Bytes | undefined): HostSample;
}

export interface HostCollector {
  /**
   * Reads the host once. A file that cannot be read leaves its readings absent and is reported on the edge.
   *
   * @throws BallonetError HYPERVISOR_* when the figures come from the driver and it fails
   */
  read(pool: Pool): Promise<HostReadout>;
}

export function createHostCollector({
  hypervisor,
  clock,
  procRoot,
  problems,
}: HostCollectorOptions): HostCollector {
  let hierarchy: MemoryHierarchy | undefined;
  const counters = new Map<string, SwapCounters>();
  const numa = createNumaNodes(procRoot);

  /** Runs one reader; on failure its source is reported and `otherwise` stands in. */
  async function attempt<T>(source: string, reader: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      const value = await reader();
      problems.report(source, undefined);
      return value;
    } catch (error) {
      if (!isBallonetError(error, 'HOST_UNREADABLE')) throw error;
      problems.report(source, error);
      return otherwise;
    }
  }

  function rates(source: string, inPages: number | undefined, outPages: number | undefined): SwapRates {
    if (inPages === undefined || outPages === undefined) return NO_SWAP_RATES;
    const after = { at: clock.now().monotonic, inPages, outPages };
    const result = swapRates(counters.get(source), after);
    counters.set(source, after);
    return result;
  }

  async function machineRates(): Promise<SwapRates> {
    return attempt(
      PROC_VMSTAT,
      async () => {
        const values = parseFlatKeyed(await readHostFile(procRoot, PROC_VMSTAT));
        const [inPages, outPages] = [values.get('pswpin'), values.get('pswpout')];
        if (inPages === undefined || outPages === undefined) {
          throw new BallonetError('HOST_UNREADABLE', `${PROC_VMSTAT}: no pswpin and pswpout`);
        }
        return rates(PROC_VMSTAT, inPages, outPages);
      },
      NO_SWAP_RATES,
    );
  }

  /** PSI is missing on a kernel without CONFIG_PSI, and unreadable on one started with psi=0. */
  const pressure = (path: string) => attempt(path, () => readPressure(procRoot, path), NO_PRESSURE);
  const meminfo = () => attempt('/proc/meminfo', () => readMeminfo(procRoot), UNKNOWN_MEMINFO);

  /** Terms that a machine has by what runs on it. A source that is not there is none; one that is malformed is told. */
  async function corrections(): Promise<AvailableTerm[]> {
    const terms = await Promise.all(
      CORRECTIONS.map(correction =>
        attempt(
          correction.path,
          async () => {
            try {
              return await readCorrection(correction, procRoot);
            } catch (error) {
              if (isMissingFile(error) || (correction.optional && isBallonetError(error))) return undefined;
              throw error;
            }
          },
          undefined,
        ),
      ),
    );
    return terms.filter(term => term !== undefined);
  }

  async function machine(): Promise<HostReading> {
    const [{ readings, ...huge }, terms, swap, psi, nodes] = await Promise.all([
      meminfo(),
      corrections(),
      machineRates(),
      pressure(PROC_PRESSURE),
      numa.read(clock.now().monotonic),
    ]);
    const explained = machineAvailable(readings.available, readings.total, huge, terms);
    return {
      readings: { ...readings, available: explained.available, ...swap, ...psi },
      ...(explained.terms === undefined ? {} : { terms: explained.terms }),
      ...(nodes === undefined ? {} : { nodes }),
    };
  }

  async function cgroup(name: string, path: string): Promise<HostReading> {
    const [host, group] = await Promise.all([
      machine(),
      attempt(
        name,
        async () => {
          hierarchy ??= await findHierarchy(procRoot);
          try {
            return await readCgroup(procRoot, hierarchy, path);
          } catch (error) {
            hierarchy = undefined;
            throw error;
          }
        },
        undefined,
      ),
    ]);
    if (group === undefined) {
      const { terms: _, ...rest } = host;
      const none = { total: ABSENT, available: ABSENT, free: ABSENT, swapUsed: ABSENT };
      return { ...rest, readings: { ...host.readings, ...none } };
    }
    const psi = group.pressurePath === undefined ? undefined : await pressure(group.pressurePath);
    const swap =
      group.swapInPages === undefined ? undefined : rates(name, group.swapInPages, group.swapOutPages);
    const { terms, ...figures } = bounded(host, group);
    return {
      ...host,
      ...(terms === undefined ? {} : { terms }),
      readings: {
        ...host.readings,
        ...figures,
        ...(group.swapUsed === undefined ? {} : { swapUsed: known(group.swapUsed) }),
        ...swap,
        ...psi,
      },
    };
  }

  async function driver(): Promise<HostReading> {
    try {
      const memory = await hypervisor.nodeMemory();
      problems.report('driver', undefined);
      const total = share(memory.totalKib, memory.totalKib);
      const { available, terms } = driverAvailable(memory, total);
      const { swap, pressure } = memory;
      return {
        readings: {
          ...NOTHING,
          total,
          available,
          free: share(memory.freeKib, memory.totalKib),
          ...(swap && { swapUsed: known(kibToBytes(swap.usedKib)) }),
          ...(swap && rates('driver', swap.inKib / PAGE_KIB, swap.outKib / PAGE_KIB)),
          ...(pressure && pressureReadings(pressure)),
        },
        ...(terms === undefined ? {} : { terms }),
      };
    } catch (error) {
      if (!isBallonetError(error, 'OPERATION_UNSUPPORTED')) throw error;
      problems.report('driver', error);
      return { readings: NOTHING };
    }
  }

  async function readPool(pool: Pool, source: string): Promise<HostReading> {
    if (pool.kind === 'cgroup') return cgroup(source, pool.path);
    if (hypervisor.local) return machine();
    return pool.kind === 'auto' ? driver() : { readings: NOTHING };
  }

  return {
    async read(pool) {
      const source = poolName(pool, hypervisor.local);
      const reading = await readPool(pool, source);
      return {
        sample: guestsHeld => ({
          source,
          ...(pool.kind === 'size' ? sized(reading, pool.bytes, guestsHeld) : reading),
        }),
      };
    },
  };
}

const NOTHING: Readings<HostFigure> = { ...NO_MEMINFO, ...NO_SWAP_RATES, ...NO_PRESSURE };

/** A cgroup cannot have more than its machine: a limit above it, or none, leaves the machine's own figure. */
function bounded(
  { readings, terms }: HostReading,
  { narrowest }: CgroupMemory,
): Pick<MeminfoReadings, 'total' | 'available' | 'free'> & Pick<HostReading, 'terms'> {
  const { total, available, free } = readings;
  const machineOnly = narrowest === undefined || (available.value ?? Infinity) < narrowest.available;
  const own = machineOnly ? terms : narrowest.terms;
  return {
    ...(own === undefined ? {} : { terms: own }),
    total: narrowest === undefined ? total : atMost(narrowest.limit, total),
    available: narrowest === undefined ? available : atMost(narrowest.available, available),
    free: narrowest === undefined ? free : atMost(narrowest.free, free),
  };
}

function atMost(bytes: Bytes, bound: Reading): Reading {
  return known(bound.value === undefined ? bytes : Math.min(bytes, bound.value));
}

function sized(machine: HostReading, total: Bytes, guestsHeld: Bytes | undefined): HostReading {
  const { terms: _, ...rest } = machine;
  const { available, terms } = poolAvailable(total, guestsHeld);
  return {
    ...rest,
    ...(terms === undefined ? {} : { terms }),
    readings: { ...machine.readings, total: known(total), available, free: available },
  };
}

function share(kib: number | undefined, totalKib: number): Reading {
  if (kib === undefined) return ABSENT;
  return kib >= 0 && kib <= totalKib && totalKib > 0
    ? known(kibToBytes(kib))
    : { ageSeconds: 0, quality: 'implausible' };
}
