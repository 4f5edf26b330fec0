/** What the simulated host has for its guests, what they hold of it, and what comes of it when that is more. */
import { type Bytes, bytesToKib, MiB, type Ratio, type Seconds } from '../../model/units.ts';
import type { NodeMemory } from '../driver.ts';
import { createDemand, type Demand } from './demand.ts';
import { HostMemory } from './host-memory.ts';
import { deriveSeed } from './random.ts';
import { type Scenario, SWAP_RATE } from './scenario.ts';

/** Kernel buffers of the host, part of what it uses itself. */
const HOST_BUFFERS: Bytes = 32 * MiB;

export class HostRoom {
  /** Time in which the guests' resident memory did not fit beside the host's own. */
  overrunSeconds: Seconds = 0;
  /** The guests' resident memory, integrated. */
  residentByteSeconds = 0;
  readonly #host: Scenario['host'];
  /** What other programs of the host want. */
  readonly #load: Demand | undefined;
  readonly #memory: HostMemory;
  #offline: Bytes = 0;

  constructor(host: Scenario['host'], seed: number) {
    const { swap = 0, swapRate = SWAP_RATE, load } = host;
    this.#host = host;
    this.#load = load && createDemand(load, deriveSeed(seed, 'host load'));
    this.#memory = new HostMemory(swap, swapRate);
  }

  /** Takes memory out of the host; what is negative comes back. */
  takeOffline(bytes: Bytes): void {
    this.#offline += bytes;
  }

  /** What there is at a moment for guests and their processes. */
  capacity(time: Seconds): Bytes {
    const { memory, overhead } = this.#host;
    return memory - this.#offline - overhead - (this.#load?.(time) ?? 0);
  }

  /**
   * Lets `dt` seconds pass.
   *
   * @param resident what the guests' processes hold
   * @returns the share of their time that all guests together wait for the host's swap
   */
  step(resident: Bytes, guests: number, time: Seconds, dt: Seconds): Ratio {
    const capacity = this.capacity(time);
    if (resident > capacity) this.overrunSeconds += dt;
    this.residentByteSeconds += resident * dt;
    return this.#memory.step(resident, capacity, guests, dt);
  }

  nodeMemory(resident: Bytes, time: Seconds): NodeMemory {
    const { memory, overhead, cache } = this.#host;
    const { swap, pressure } = this.#memory;
    const available = Math.max(0, this.capacity(time) - (resident - swap.used));
    const cached = Math.min(cache, available);
    return {
      totalKib: bytesToKib(memory - this.#offline),
      freeKib: bytesToKib(available - cached),
      buffersKib: bytesToKib(Math.min(HOST_BUFFERS, overhead)),
      cachedKib: bytesToKib(cached),
      availableKib: bytesToKib(available),
      swap: { usedKib: bytesToKib(swap.used), inKib: bytesToKib(swap.in), outKib: bytesToKib(swap.out) },
      pressure,
    };
  }
}
