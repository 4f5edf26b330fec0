/** Plays a script to the guest model, at the moments at which it was played to a real guest. */
import { KERNEL, type KernelFigures, TCG } from '../../src/hypervisor/simulated/calibrated.ts';
import { reportFreePages } from '../../src/hypervisor/simulated/free-pages.ts';
import { bootMemory, noHarm, residentBytes, stepGuest } from '../../src/hypervisor/simulated/guest-model.ts';
import { PAGE, wholePages } from '../../src/hypervisor/simulated/pages.ts';
import { apartOf, type GuestParameters } from '../../src/hypervisor/simulated/reclaim.ts';
import { reportOf } from '../../src/hypervisor/simulated/report.ts';
import { parametersOf } from '../../src/hypervisor/simulated/scenario.ts';
import { type Bytes, KiB, type Ratio, type Seconds } from '../../src/model/units.ts';
import type { Figure, Recording } from './recording.ts';
import type { CalibrationScript, Step } from './script.ts';

const STEP: Seconds = 0.1;

/**
 * What a lab guest's program touches of what it was asked for: it sleeps 10 ms between two goes, and wakes late. Four recordings of
 * `held-out` went around 180 MiB at 0.99, 0.89, 0.90 and 0.83 of the pace.
 */
export const PACE: Ratio = 0.9;

/** Bytes a second. */
const UNHINDERED = 1e15;

/** What is fitted. */
export interface Fit {
  readonly kernel: KernelFigures;
  readonly machine: typeof TCG;
}

export const SHIPPED: Fit = { kernel: KERNEL, machine: TCG };

export type Figures = Readonly<Record<Figure, readonly number[]>>;

interface Moment {
  readonly step: Step;
  readonly from: Seconds;
  readonly to: Seconds;
}

/** The model's figures at the times of the recording, in its units. */
export function replay(script: CalibrationScript, recording: Recording, fit: Fit = SHIPPED): Figures {
  const moments = script.steps.map((step, i): Moment => {
    const [from, to] = recording.steps[i] ?? [step.at, step.at];
    return { step, from, to };
  });
  const first = (figure: Figure): Bytes => wholePages((recording.figures[figure][0] ?? 0) * KiB);
  // What the guest uses before anything is asked of it is the lab's own; the model is given it.
  const cache = first('cache');
  const locked = wholePages(recording.total * KiB) - first('unused') - cache;
  const base = parametersOf({
    name: script.name,
    maximum: script.memory,
    demand: { kind: 'constant', bytes: 0 },
    swap: script.swap,
    swapRate: fit.machine.swapIn,
    swapOutRate: fit.machine.swapOut,
    hotShare: 0,
    touchRate: 0,
    locked,
    text: cache,
    files: { size: script.file, rate: fit.machine.files, every: 1, mapped: 0 },
    autodeflate: script.autodeflate ?? false,
    machine: 'tcg',
  });
  const kernel = wholePages(fit.kernel.fixed + fit.kernel.share * script.memory);
  const apart = apartOf(script.memory - kernel, fit.kernel, first('rss') - kernel);
  const parameters = { ...base, kernel, apart, figures: fit.kernel, speed: fit.machine };
  const memory = bootMemory(parameters, first('rss'));
  const harm = noHarm();
  memory.anonymous = locked;
  memory.cache = cache;
  memory.free -= locked + cache;
  memory.freeResident = Math.max(0, first('rss') - kernel - locked - cache);

  const result: Record<Figure, number[]> = {
    available: [],
    unused: [],
    cache: [],
    rss: [],
    swapOut: [],
    swapIn: [],
    majorFaults: [],
    minorFaults: [],
  };
  let steps = 0;
  for (const at of recording.times) {
    for (; (steps + 1) * STEP <= at + 1e-6; steps++) {
      const now = steps * STEP;
      if (memory.turns && begins(moments, now)) memory.turns.at = 0;
      stepGuest(
        memory,
        harm,
        during(moments, now, parameters),
        heldAt(moments, now),
        sizeAt(moments, now, script.memory),
        STEP,
        reads(moments, now, parameters) ? parameters.files.rate : 0,
      );
      if (script.freePageReporting) reportFreePages(memory, apart.resident, STEP);
    }
    const report = reportOf(memory, parameters, 0);
    result.available.push(report.availableKib);
    result.unused.push(report.freeKib);
    result.cache.push(report.cachesKib);
    result.rss.push(residentBytes(memory) / KiB);
    result.swapOut.push(report.swapOutKib);
    result.swapIn.push(report.swapInKib);
    result.majorFaults.push(report.majorFaults);
    result.minorFaults.push(report.minorFaults);
  }
  return result;
}

/** What the programs hold; what they took at full speed they took from when to when they did. */
function heldAt(moments: readonly Moment[], now: Seconds): Bytes {
  let bytes = 0;
  for (const { step, from, to } of moments) {
    if (from > now) continue;
    if ('take' in step) {
      const { take, rate = to > from ? take / (to - from) : Number.POSITIVE_INFINITY } = step;
      bytes += Math.min(take, (now + STEP - from) * rate);
    }
    if ('free' in step) bytes = step.free === 'all' ? 0 : Math.max(0, bytes - step.free);
  }
  return bytes;
}

function sizeAt(moments: readonly Moment[], now: Seconds, maximum: Bytes): Bytes {
  return moments.reduce(
    (size, { step, from }) => ('size' in step && from <= now ? step.size : size),
    maximum,
  );
}

/**
 * The guest at a moment. The program that holds the memory does one thing after the other: while it takes or touches, it does not touch
 * in passing. How fast it touches all was the machine's speed that day, and no device of the model keeps it waiting beyond that.
 */
function during(moments: readonly Moment[], now: Seconds, parameters: GuestParameters): GuestParameters {
  let touchRate = 0;
  for (const { step, from, to } of moments) {
    if (from > now) continue;
    if ('work' in step) touchRate = step.work * PAGE * PACE;
    if (to > now && 'take' in step) return { ...parameters, touchRate: 0 };
    if (to > now && 'touch' in step) {
      const speed = { ...parameters.speed, fault: 0 };
      return { ...parameters, touchRate: heldAt(moments, now) / (to - from), swapInRate: UNHINDERED, speed };
    }
  }
  return { ...parameters, touchRate };
}

/** All that is held is touched from its beginning. */
function begins(moments: readonly Moment[], now: Seconds): boolean {
  return moments.some(({ step, from }) => 'touch' in step && from <= now && now < from + STEP);
}

function reads(moments: readonly Moment[], now: Seconds, { files }: GuestParameters): boolean {
  return moments.some(
    ({ step, from }) => 'read' in step && from <= now && now < from + files.size / files.rate + STEP,
  );
}
