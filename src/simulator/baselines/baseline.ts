/**
 * The peers' algorithms as controllers. Each is re-implemented from its published description; none of their code is in here. They
 * see what their systems see: figures that guests report with a delay, and sizes that balloons have reached. What only an agent in
 * the guest or the hypervisor itself could know is marked as such.
 */
import { GARBAGE } from '../../hypervisor/simulated/faults.ts';
import type { SimulatedGuest } from '../../hypervisor/simulated/guest.ts';
import { held, reclaimableCache } from '../../hypervisor/simulated/reclaim.ts';
import { type Bytes, KiB, kibToBytes, MiB, type Ratio, type Seconds } from '../../model/units.ts';
import type { Bench } from '../bench.ts';
import type { Controller, ControllerFactory } from '../controller.ts';

/** One guest as a baseline sees it. */
export interface GuestView {
  readonly id: string;
  readonly max: Bytes;
  /** The least size that its operator has set. */
  readonly min: Bytes;
  /** What its balloon leaves it now. */
  readonly size: Bytes;
  /** Size that it was last asked to take. */
  readonly target: Bytes;
  /** What of it is resident on the host. */
  readonly resident: Bytes;
  /** By its last report; undefined where it makes none. */
  readonly report:
    | { readonly total: Bytes; readonly free: Bytes; readonly available: Bytes; readonly cache: Bytes }
    | undefined;
  /** By an agent in the guest. */
  readonly swapUsed: Bytes;
  /** By an agent in the guest: what its programs have asked for, whether they have got it or not, and its kernel. */
  readonly committed: Bytes;
  /** By the hypervisor's sampling of page accesses: share of its size that is touched all the time. */
  readonly active: Ratio;
}

interface HostView {
  readonly total: Bytes;
  /** Free memory and page cache. */
  readonly available: Bytes;
  /** What there is for guests and their processes, whether they have touched it or not. */
  readonly capacity: Bytes;
}

export interface Look {
  readonly time: Seconds;
  readonly host: HostView;
  readonly guests: readonly GuestView[];
}

/** Sizes that guests are to take, by id; a guest that is not named is left as it is. */
export type Targets = ReadonlyMap<string, Bytes>;

/** An algorithm with what it remembers between two looks. */
export type Algorithm = (look: Look) => Targets;

export interface Baseline {
  readonly name: string;
  readonly intervalSeconds: Seconds;
  /** How often its system asks guests for figures, whole seconds. */
  readonly statsPeriod: Seconds;
  readonly start: () => Algorithm;
}

export function baselineController({
  name,
  intervalSeconds,
  statsPeriod,
  start,
}: Baseline): ControllerFactory {
  return bench => {
    const algorithm = start();
    const interval = Math.max(intervalSeconds, bench.simulation.intervalSeconds);
    const period = Math.max(statsPeriod, Math.ceil(bench.simulation.intervalSeconds));
    let moves = 0;
    const controller: Controller = {
      name,
      intervalSeconds: interval,
      async tick() {
        if (!bench.host.reachable) return;
        const guests = bench.guests.filter(guest => guest.active && guest.hasBalloon && !guest.hung);
        for (const guest of guests) guest.setLivePeriod(period);
        const targets = algorithm({
          time: bench.now(),
          host: hostView(bench),
          guests: guests.map(guest => guestView(guest, bench)),
        });
        for (const guest of guests) {
          const target = targets.get(guest.uuid);
          if (target === undefined || !Number.isFinite(target)) continue;
          // Their actuators take whole KiB, and libvirt refuses 0 and more than the maximum.
          const bytes = Math.floor(Math.min(guest.parameters.maximum, Math.max(MiB, target)) / KiB) * KiB;
          if (bytes === guest.balloon.target) continue;
          guest.balloon.setTarget(bytes);
          moves++;
        }
      },
      moves: () => moves,
      close: () => {},
    };
    return controller;
  };
}

function hostView({ host, guests, simulation }: Bench): HostView {
  const { totalKib, availableKib = 0 } = host.nodeMemory();
  const fixed = guests.reduce((sum, guest) => {
    if (!guest.active) return sum;
    return sum + guest.overhead + (guest.hasBalloon ? 0 : guest.parameters.maximum);
  }, 0);
  return {
    total: Math.min(kibToBytes(totalKib), simulation.scenario.host.memory),
    available: kibToBytes(availableKib),
    capacity: host.capacity() - fixed,
  };
}

function guestView(guest: SimulatedGuest, { host, simulation }: Bench): GuestView {
  const { parameters, memory, uuid, name } = guest;
  const size = guest.balloon.actual;
  return {
    id: uuid,
    max: parameters.maximum,
    min: simulation.minimumBytes.get(name) ?? parameters.maximum / 4,
    size,
    target: guest.balloon.target,
    resident: Math.max(0, guest.rss - guest.overhead),
    report: reportView(guest),
    swapUsed: memory?.swapped ?? 0,
    committed: parameters.kernel + parameters.locked + guest.demandAt(host.time),
    active: memory === undefined || size <= 0 ? 0 : activeOf(guest, memory) / size,
  };
}

function reportView(guest: SimulatedGuest): GuestView['report'] {
  const { report } = guest.balloon;
  if (report === undefined) return undefined;
  const { totalKib, freeKib, availableKib, cachesKib } = report;
  const lie = guest.fault('garbage');
  const told = lie && (lie.values ?? GARBAGE);
  return {
    total: kibToBytes(told?.available ?? totalKib),
    free: kibToBytes(told?.unused ?? freeKib),
    available: kibToBytes(told?.usable ?? availableKib),
    cache: kibToBytes(told?.disk_caches ?? cachesKib),
  };
}

function activeOf({ parameters }: SimulatedGuest, memory: NonNullable<SimulatedGuest['memory']>): Bytes {
  const hot = Math.min(memory.anonymous, parameters.hotShare * held(memory));
  return memory.kernel + hot + memory.cache - reclaimableCache(memory, parameters);
}
