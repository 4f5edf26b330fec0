/** What can be wrong with a simulated guest, on request: the hazards that real guests and their QEMUs bring. */
import type { MemoryStatName } from '../../model/memory-stats.ts';
import type { Bytes, Seconds } from '../../model/units.ts';

/** A condition that lasts until it is healed. */
export type Fault =
  /**
   * The guest's kernel has no balloon driver: requests are taken and move nothing, statistics are not reported. One that
   * loses its driver first takes back what the balloon held (virtballoon_remove() in drivers/virtio/virtio_balloon.c).
   */
  | { readonly kind: 'no-driver' }
  /** The balloon works and the statistics stay as they are, growing old. */
  | { readonly kind: 'stats-stop' }
  /** Some statistics are nonsense; `values` in the units of libvirt. Default: `GARBAGE`. */
  | { readonly kind: 'garbage'; readonly values?: GarbageValues }
  /** The driver reports and does not move: the size stays what it is. */
  | { readonly kind: 'stuck' }
  /**
   * QEMU is stopped (SIGSTOP, dead storage): the guest stands still, its domain is `running`, and calls that need QEMU have no
   * answer until their deadline. Once one is stuck, bulk calls pass over the guest, as libvirt's do with NOWAIT.
   */
  | { readonly kind: 'hang' }
  /**
   * A job (migration out, save, snapshot) is under way: questions are answered, changes are refused. With `locked` the job
   * takes the domain for itself, as an incoming migration does: bulk records pass over it.
   */
  | { readonly kind: 'job'; readonly locked?: boolean }
  /** The hypervisor's bulk answers are without the guest, though it runs. */
  | { readonly kind: 'missing' }
  /** The balloon moves, and the host gets nothing of what it takes (a VFIO device hot-plugged, memory locked). */
  | { readonly kind: 'pinned' }
  /** No statistics at all: FreeBSD's driver has no queue for them. The balloon works. */
  | { readonly kind: 'no-stats' }
  /** Reports come on time and are empty: Windows without its balloon service. */
  | { readonly kind: 'empty' }
  /** Swap goes to zswap: the guest's counters of swap do not move (mm/page_io.c returns before it counts). */
  | { readonly kind: 'zswap' }
  /** The guest says that it uses nothing, that it has nothing left, or both by turns. */
  | { readonly kind: 'lies'; readonly says: 'idle' | 'starved' | 'both' }
  /** Memory is plugged in, and out again at the end: DIMMs, which the balloon's maximum counts. */
  | { readonly kind: 'hotplug'; readonly bytes: Bytes };

export type FaultKind = Fault['kind'];

export type GarbageValues = { readonly [K in MemoryStatName]?: number };

/** A condition, or something that happens once. */
export type Mishap =
  | Fault
  /** Somebody stops the guest's processors (`virsh suspend`); with an end, they are resumed. */
  | { readonly kind: 'pause' }
  /** A guest that is shut off is started. */
  | { readonly kind: 'start' }
  | { readonly kind: 'shutdown' }
  /** The guest's kernel panics, and the domain is kept. */
  | { readonly kind: 'crash' }
  /** `events`: how many reboot events tell of it; one reset of a real guest brought three. Default 1. */
  | { readonly kind: 'reboot'; readonly events?: number }
  /** QEMU of a domain without a stored definition dies: one `stopped` event, and the domain is no more. */
  | { readonly kind: 'vanish' };

/** What can befall the host. */
export type HostMishap =
  /** The hypervisor's daemon answers nobody (it restarts, its machine's storage hangs), while guests run on. */
  | { readonly kind: 'unreachable' }
  /** Memory leaves the host: a faulty DIMM, or a balloon of its own. */
  | { readonly kind: 'offline'; readonly bytes: Bytes };

/** A mishap as part of a scenario. */
export interface Planned<M> {
  /** The scenario's time: seconds since its warm-up began. */
  readonly at: Seconds;
  /** How long a condition lasts. Left out: for ever. */
  readonly for?: Seconds;
  readonly mishap: M;
}

export type PlannedMishap = Planned<Mishap>;

/**
 * What the Windows driver sends when its WMI query failed: minus one page (Balloon/app/memstat.cpp of virtio-win), which
 * passes libvirt's filter as 2^64-4096 bytes. Above 2^53-1, and exact in a double.
 */
const MINUS_ONE_PAGE_KIB = 18_014_398_509_481_980;

export const GARBAGE: GarbageValues = {
  swap_in: MINUS_ONE_PAGE_KIB,
  swap_out: MINUS_ONE_PAGE_KIB,
  usable: MINUS_ONE_PAGE_KIB,
  disk_caches: MINUS_ONE_PAGE_KIB,
};
