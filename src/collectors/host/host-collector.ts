import type { Hypervisor, NodeMemory } from '../../hypervisor/driver.ts';
import type { Clock } from '../../model/clock.ts';
import { BallonetError, isBallonetError } from '../../model/errors.ts';
import {
  ABSENT,
  type HostFigure,
  type HostSample,
  known,
  type Reading,
  type Readings,
} from '../../model/snapshot.ts';
import { type Bytes, kibToBytes } from '../../model/units.ts';
import type { ProblemReporter } from '../problems.ts';
import { type CgroupMemory, findHierarchy, readCgroup } from './cgroup.ts';
import { readHostFile } from './files.ts';
import { parseFlatKeyed } from './key-values.ts';
import { type MeminfoReadings, NO_MEMINFO, readMeminfo } from './meminfo.ts';
import type { MemoryHierarchy } from './mounts.ts';
import { type Pool, poolName } from './pool.ts';
import { NO_PRESSURE, readPressure } from './pressure.ts';
import { NO_SWAP_RATES, type SwapCounters, type SwapRates, swapRates } from './swap-rates.ts';

const PROC_PRESSURE = '/proc/pressure/memory';
const PROC_VMSTAT = '/proc/vmstat';

export interface HostCollectorOptions {
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  /** `/`, or a folder that holds a copy of `/proc` and the cgroup tree. */
  readonly procRoot: string;
  readonly problems: ProblemReporter;
}

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
  const meminfo = () => attempt('/proc/meminfo', () => readMeminfo(procRoot), NO_MEMINFO);

  async function machine(): Promise<Readings<HostFigure>> {
    const [memory, swap, psi] = await Promise.all([meminfo(), machineRates(), pressure(PROC_PRESSURE)]);
    return { ...memory, ...swap, ...psi };
  }

  async function cgroup(name: string, path: string): Promise<Readings<HostFigure>> {
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
    if (group === undefined)
      return { ...host, total: ABSENT, available: ABSENT, free: ABSENT, swapUsed: ABSENT };
    const psi = group.pressurePath === undefined ? undefined : await pressure(group.pressurePath);
    const swap =
      group.swapInPages === undefined ? undefined : rates(name, group.swapInPages, group.swapOutPages);
    return {
      ...host,
      ...bounded(host, group),
      ...(group.swapUsed === undefined ? {} : { swapUsed: known(group.swapUsed) }),
      ...swap,
      ...psi,
    };
  }

  async function driver(): Promise<Readings<HostFigure>> {
    try {
      const memory = await hypervisor.nodeMemory();
      problems.report('driver', undefined);
      return { ...NOTHING, ...nodeReadings(memory) };
    } catch (error) {
      if (!isBallonetError(error, 'OPERATION_UNSUPPORTED')) throw error;
      problems.report('driver', error);
      return NOTHING;
    }
  }

  async function readPool(pool: Pool, source: string): Promise<Readings<HostFigure>> {
    if (pool.kind === 'cgroup') return cgroup(source, pool.path);
    if (hypervisor.local) return machine();
    return pool.kind === 'auto' ? driver() : NOTHING;
  }

  return {
    async read(pool) {
      const source = poolName(pool, hypervisor.local);
      const readings = await readPool(pool, source);
      return {
        sample: guestsHeld => ({
          source,
          readings: pool.kind === 'size' ? sized(readings, pool.bytes, guestsHeld) : readings,
        }),
      };
    },
  };
}

const NOTHING: Readings<HostFigure> = { ...NO_MEMINFO, ...NO_SWAP_RATES, ...NO_PRESSURE };

/** A cgroup cannot have more than its machine: a limit above it, or none, leaves the machine's own figure. */
function bounded(
  host: MeminfoReadings,
  group: CgroupMemory,
): Pick<MeminfoReadings, 'total' | 'available' | 'free'> {
  const { narrowest } = group;
  if (narrowest === undefined) return { total: host.total, available: host.available, free: host.free };
  return {
    total: atMost(narrowest.limit, host.total),
    available: atMost(narrowest.available, host.available),
    free: atMost(narrowest.free, host.free),
  };
}

function atMost(bytes: Bytes, bound: Reading): Reading {
  return known(bound.value === undefined ? bytes : Math.min(bytes, bound.value));
}

function sized(
  machine: Readings<HostFigure>,
  total: Bytes,
  guestsHeld: Bytes | undefined,
): Readings<HostFigure> {
  const rest = guestsHeld === undefined ? ABSENT : known(Math.max(0, total - guestsHeld));
  return { ...machine, total: known(total), available: rest, free: rest };
}

/**
 * Without a figure for what is available, a remote libvirt host is taken at free + buffers + cached. That is too much by its
 * tmpfs pages, which libvirt's node memory stats do not tell apart.
 */
function nodeReadings(memory: NodeMemory): Pick<MeminfoReadings, 'total' | 'available' | 'free'> {
  const { totalKib, freeKib, buffersKib, cachedKib } = memory;
  const sum =
    freeKib === undefined || buffersKib === undefined || cachedKib === undefined
      ? undefined
      : freeKib + buffersKib + cachedKib;
  return {
    total: share(totalKib, totalKib),
    available: share(memory.availableKib ?? sum, totalKib),
    free: share(freeKib, totalKib),
  };
}

function share(kib: number | undefined, totalKib: number): Reading {
  if (kib === undefined) return ABSENT;
  return kib >= 0 && kib <= totalKib && totalKib > 0
    ? known(kibToBytes(kib))
    : { ageSeconds: 0, quality: 'implausible' };
}
