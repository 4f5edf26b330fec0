/** One guest of a shadow: the model's memory under the real guest's demand. */
import {
  bootMemory,
  type GuestHarm,
  noHarm,
  residentBytes,
  stepGuest,
} from '../../hypervisor/simulated/guest-model.ts';
import { wholePages } from '../../hypervisor/simulated/pages.ts';
import {
  FAULT_AROUND,
  type GuestMemory,
  type GuestParameters,
  memAvailable,
} from '../../hypervisor/simulated/reclaim.ts';
import { QEMU_OVERHEAD, parametersOf as simulatedParameters } from '../../hypervisor/simulated/scenario.ts';
import { watermarksOf } from '../../hypervisor/simulated/watermarks.ts';
import {
  type GuestFigure,
  type GuestSample,
  known,
  type Reading,
  type Readings,
  trusted,
} from '../../model/snapshot.ts';
import type { Bytes, Seconds } from '../../model/units.ts';

/** The model's steps are no longer than this, and no more of them than that are taken at once. */
const STEP: Seconds = 0.1;
const STEPS_MAX = 50;

export interface ShadowGuest {
  /** Where its balloon is headed. */
  target: Bytes;
  readonly harm: Readonly<GuestHarm>;
  /** Size that its balloon leaves it. */
  size(): Bytes;
  /** What its process holds of the host. */
  resident(): Bytes;
  /** Lets time pass, in which the programs come to want what the real guest's want. */
  step(sample: GuestSample, seconds: Seconds): void;
  /** The real guest's sample with the shadow's figures. */
  sampleOf(sample: GuestSample): GuestSample;
}

/** What must be known of a guest for it to be modelled. */
interface Figures {
  readonly max: Bytes;
  readonly current: Bytes;
  readonly total: Bytes;
  readonly used: Bytes;
  readonly free: Bytes;
  readonly cache: Bytes;
}

function figuresOf({ state, readings }: GuestSample): Figures | undefined {
  const [max, current, total, used] = [readings.max, readings.current, readings.total, readings.used].map(
    trusted,
  );
  if (state !== 'running' || max === undefined || current === undefined) return undefined;
  if (total === undefined || used === undefined || total > current) return undefined;
  const free = trusted(readings.free) ?? Math.max(0, total - used);
  const cache = trusted(readings.cache) ?? Math.max(0, total - used - free);
  return { max, current, total, used, free, cache };
}

/**
 * A shadow that begins as the real guest is now; undefined while too little is known of it.
 *
 * Nobody tells a host how much swap a guest has: it has none here, and what does not fit is an OOM kill. Its files are as much as it
 * has ever cached, and it reads them as fast as simulated guests do that do not say.
 */
export function createShadowGuest(sample: GuestSample): ShadowGuest | undefined {
  const start = figuresOf(sample);
  if (start === undefined) return undefined;
  const parameters = parametersOf(start);
  const { kernel, watermarks } = parameters;
  const memory = bootMemory(parameters, 0);
  const harm = noHarm();
  let files = start.cache;
  let demand = demandOf(start);
  fill();
  let target = memory.size;
  let rereadRate = 0;
  let killed = 0;

  /** Sets the model's pages as the guest's are. */
  function fill(): void {
    memory.size = wholePages(Math.min(start?.current ?? 0, parameters.maximum));
    const room = Math.max(0, memory.size - kernel);
    memory.anonymous = Math.min(room, demand);
    memory.cache = Math.min(room - memory.anonymous, wholePages(files));
    memory.free = room - memory.anonymous - memory.cache;
    memory.filesSeen = memory.cache;
    const rss = trusted(sample.readings.rss);
    const held = memory.kernel + memory.anonymous + memory.cache + QEMU_OVERHEAD;
    memory.freeResident = Math.min(memory.free, rss === undefined ? memory.free : wholePages(rss - held));
  }

  /** Anonymous and other memory that reclaim does not get: what is used, less what the kernel counts as used of cache and reserves. */
  function demandOf({ used, cache }: Figures): Bytes {
    return wholePages(used - watermarks.high - Math.min(cache / 2, watermarks.low));
  }

  return {
    get target() {
      return target;
    },
    set target(bytes) {
      target = wholePages(Math.min(bytes, parameters.maximum));
    },
    harm,
    size: () => memory.size,
    resident: () => residentBytes(memory) + QEMU_OVERHEAD,
    step(now, seconds) {
      const figures = figuresOf(now);
      const from = demand;
      if (figures !== undefined) {
        demand = demandOf(figures);
        files = Math.max(files, figures.cache);
      }
      const steps = Math.min(STEPS_MAX, Math.max(1, Math.ceil(seconds / STEP)));
      const before = { reread: harm.rereadBytes, kills: harm.oomKills };
      const present: GuestParameters = { ...parameters, files: { ...parameters.files, size: files } };
      for (let i = 1; i <= steps; i++) {
        stepGuest(memory, harm, present, from + ((demand - from) * i) / steps, target, seconds / steps);
      }
      rereadRate = (harm.rereadBytes - before.reread) / Math.max(seconds, STEP);
      killed = harm.oomKills - before.kills;
    },
    sampleOf: real => ({
      ...real,
      readings: real.readings.with({ ...readingsOf(real, memory, parameters), ...harmReadings(real) }),
    }),
  };

  /** What squeezing it adds to what the real guest reports of itself. */
  function harmReadings({ readings }: GuestSample): Partial<Readings<GuestFigure>> {
    const { majorFaultRate, oomKills } = readings;
    return {
      majorFaultRate: plus(majorFaultRate, (parameters.files.mapped * rereadRate) / FAULT_AROUND),
      ...(killed > 0 && { oomKills: plus(oomKills, killed) }),
    };
  }
}

function parametersOf({ max, current, total }: Figures): GuestParameters {
  const parameters = simulatedParameters({
    name: '',
    maximum: max,
    demand: { kind: 'constant', bytes: 0 },
    swap: 0,
  });
  const kernel = wholePages(current - total);
  return { ...parameters, kernel, watermarks: watermarksOf(parameters.maximum, kernel) };
}

/** As the balloon driver would tell it. */
function readingsOf(
  { readings }: GuestSample,
  memory: GuestMemory,
  { watermarks }: GuestParameters,
): Partial<Readings<GuestFigure>> {
  const total = memory.size - memory.kernel;
  const available = memAvailable(memory, watermarks);
  const as = (reading: Reading, value: Bytes): Reading =>
    reading.value === undefined ? reading : { ...reading, value };
  return {
    current: known(memory.size),
    rss: known(residentBytes(memory) + QEMU_OVERHEAD),
    total: as(readings.total, total),
    available: as(readings.available, available),
    used: as(readings.used, total - available),
    free: as(readings.free, memory.free),
    cache: as(readings.cache, memory.cache),
  };
}

function plus(reading: Reading, more: number): Reading {
  return reading.value === undefined ? reading : { ...reading, value: reading.value + more };
}
