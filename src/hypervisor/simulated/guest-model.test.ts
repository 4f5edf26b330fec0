import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../model/units.ts';
import { bootMemory, type GuestHarm, noHarm, residentBytes, SPEED, stepGuest } from './guest-model.ts';
import { type GuestMemory, type GuestParameters, held, memAvailable, PAGE, watermarksOf } from './reclaim.ts';
import { kernelBytes } from './scenario.ts';

const STEP = 0.1;

interface Guest {
  readonly memory: GuestMemory;
  readonly harm: GuestHarm;
  readonly parameters: GuestParameters;
}

interface Wish {
  readonly demand: number;
  readonly target: number;
}

function guest(overrides: Partial<GuestParameters> = {}, touched = 0): Guest {
  const maximum = overrides.maximum ?? 4 * GiB;
  const kernel = kernelBytes(maximum);
  const parameters: GuestParameters = {
    maximum,
    kernel,
    swap: 1 * GiB,
    swapRate: 256 * MiB,
    hotShare: 0.5,
    files: { size: 0, rate: 0 },
    watermarks: watermarksOf(maximum, kernel),
    autodeflate: false,
    ...overrides,
  };
  return { memory: bootMemory(parameters, kernel + touched * maximum), harm: noHarm(), parameters };
}

function run({ memory, harm, parameters }: Guest, seconds: number, { demand, target }: Wish): void {
  for (let i = 0; i < Math.round(seconds / STEP); i++)
    stepGuest(memory, harm, parameters, demand, target, STEP);
}

/** What is wrong with the guest's books; nothing, one hopes. */
function discrepancies({ memory, parameters }: Guest): string[] {
  const { kernel, anonymous, cache, free, freeResident, swapped, size } = memory;
  const amounts = Object.entries({ anonymous, cache, free, freeResident, swapped, size });
  return [
    ...(kernel + anonymous + cache + free === size ? [] : ['pages lost or invented']),
    ...amounts.filter(([, bytes]) => !(bytes >= 0)).map(([name]) => `${name} negative`),
    ...amounts.filter(([, bytes]) => bytes % PAGE !== 0).map(([name]) => `${name} splits a page`),
    ...(freeResident <= free ? [] : ['more resident than free']),
    ...(swapped <= parameters.swap ? [] : ['swap device too small']),
    ...(size <= parameters.maximum ? [] : ['above the maximum']),
    ...(residentBytes(memory) <= size ? [] : ['more resident than the size']),
  ];
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const parameterChoices = fc.record({
  maximum: fc.integer({ min: 128, max: 64 * 1024 }).map(mib => mib * MiB),
  swap: fc.integer({ min: 0, max: 4096 }).map(mib => mib * MiB),
  swapRate: fc.integer({ min: 1, max: 2048 }).map(mib => mib * MiB),
  hotShare: share,
  files: fc.record({
    size: fc.integer({ min: 0, max: 8 * GiB }),
    rate: fc.integer({ min: 0, max: 2 * GiB }),
  }),
});
const phases = fc.array(
  fc.record({
    demand: fc.double({ min: 0, max: 1.5, noNaN: true }),
    target: share,
    driver: fc.boolean(),
    steps: fc.integer({ min: 1, max: 60 }),
  }),
  { maxLength: 12 },
);

describe('stepGuest', () => {
  it('loses and invents no page, whatever is asked of it', () => {
    fc.assert(
      fc.property(parameterChoices, share, phases, (overrides, touched, script) => {
        const subject = guest(overrides, touched);
        const { memory, harm, parameters } = subject;
        const found: string[] = [];
        for (const { demand, target, driver, steps } of script) {
          const size = Math.ceil((target * parameters.maximum) / PAGE) * PAGE;
          for (let i = 0; i < steps; i++) {
            stepGuest(memory, harm, parameters, demand * parameters.maximum, driver ? size : undefined, STEP);
            found.push(...discrepancies(subject));
          }
        }
        expect(found).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('lets counters and harm only rise', () => {
    const counters = ({ memory, harm }: Guest): number[] => [
      memory.swapIn,
      memory.swapOut,
      memory.majorFaults,
      memory.minorFaults,
      ...Object.values(harm),
    ];
    fc.assert(
      fc.property(parameterChoices, phases, (overrides, script) => {
        const subject = guest(overrides);
        let before = counters(subject);
        for (const { demand, target, steps } of script) {
          const { maximum } = subject.parameters;
          run(subject, steps * STEP, {
            demand: demand * maximum,
            target: Math.ceil((target * maximum) / PAGE) * PAGE,
          });
          const after = counters(subject);
          for (const [i, value] of after.entries()) expect(value).toBeGreaterThanOrEqual(before[i] ?? 0);
          before = after;
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['touched', 1, SPEED.inflateTouched],
    ['untouched', 0, SPEED.inflateUntouched],
  ])('inflates on %s memory at the measured speed', (_, touched, speed) => {
    const subject = guest({}, touched);
    run(subject, 1, { demand: 0, target: 1 * GiB });
    expect((subject.parameters.maximum - subject.memory.size) / speed).toBeCloseTo(1, 2);
  });

  it('deflates at the measured speed, and deflated memory costs the host nothing until it is touched', () => {
    const subject = guest({}, 1);
    run(subject, 10, { demand: 0, target: 1 * GiB });
    expect(subject.memory.size).toBe(1 * GiB);
    const resident = residentBytes(subject.memory);
    run(subject, 1, { demand: 0, target: 4 * GiB });
    expect((subject.memory.size - 1 * GiB) / SPEED.deflate).toBeCloseTo(1, 2);
    expect(residentBytes(subject.memory)).toBe(resident);
    run(subject, 3, { demand: 3 * GiB, target: 4 * GiB });
    expect(residentBytes(subject.memory)).toBeGreaterThan(3 * GiB);
  });

  it('keeps freed memory resident until the balloon takes it', () => {
    const subject = guest();
    const idle = residentBytes(subject.memory);
    run(subject, 5, { demand: 2 * GiB, target: 4 * GiB });
    run(subject, 5, { demand: 0, target: 4 * GiB });
    expect(subject.memory.anonymous).toBe(0);
    expect(residentBytes(subject.memory)).toBe(idle + 2 * GiB);
    run(subject, 5, { demand: 0, target: 2 * GiB });
    expect(residentBytes(subject.memory)).toBe(idle);
  });

  it('gives the balloon free memory first, then page cache, and swaps last', () => {
    const subject = guest({ files: { size: 1 * GiB, rate: 512 * MiB } });
    const { memory, parameters } = subject;
    // Less is missed the fuller the cache is: the last bytes come slowly.
    run(subject, 30, { demand: 1 * GiB, target: 4 * GiB });
    expect(memory.cache).toBeGreaterThan(0.98 * GiB);
    const quiet = { ...parameters, files: { size: 0, rate: 0 } };
    const idle = { ...subject, parameters: quiet };
    const cached = memory.cache;
    run(idle, 5, { demand: 1 * GiB, target: 2.5 * GiB });
    expect([memory.size, memory.cache, memory.swapOut]).toEqual([2.5 * GiB, cached, 0]);
    run(idle, 5, { demand: 1 * GiB, target: 1.75 * GiB });
    expect([memory.size, memory.swapOut]).toEqual([1.75 * GiB, 0]);
    expect(memory.cache).toBeLessThan(cached);
    run(idle, 5, { demand: 1 * GiB, target: 1 * GiB });
    expect(memory.swapOut).toBeGreaterThan(100 * MiB);
  });

  it('stops inflating at the watermark, tries for ever, and leaves what the programs use all the time', () => {
    const subject = guest({ swap: 0 });
    const { memory, harm, parameters } = subject;
    run(subject, 5, { demand: 1 * GiB, target: 4 * GiB });
    run(subject, 20, { demand: 1 * GiB, target: 512 * MiB });
    expect(memory.size).toBe(1 * GiB + parameters.kernel + parameters.watermarks.min);
    expect(memAvailable(memory, parameters.watermarks)).toBe(0);
    expect(harm).toMatchObject({ oomKills: 0, stallSeconds: 0 });
    expect(harm.puffSeconds).toBeGreaterThan(15);
  });

  it('defends its watermarks: when free memory runs low, cold pages are swapped out until there is enough again', () => {
    const subject = guest();
    const { memory, parameters } = subject;
    const { min, low, high } = parameters.watermarks;
    const demand = parameters.maximum - parameters.kernel - (min + low) / 2;
    run(subject, 20, { demand, target: 4 * GiB });
    expect(memory.swapOut).toBeGreaterThan(0);
    expect(memory.free).toBeGreaterThanOrEqual(low);
    expect(memory.free).toBeLessThanOrEqual(high);
  });

  it('calls the OOM killer when a squeezed guest without swap wants more than it has', () => {
    const subject = guest({ swap: 0 });
    run(subject, 5, { demand: 1 * GiB, target: 1.5 * GiB });
    expect(subject.harm).toEqual(noHarm());
    run(subject, 3, { demand: 2 * GiB, target: 1.5 * GiB });
    expect(subject.harm.oomKills).toBe(1);
    expect(subject.harm.stallSeconds).toBeGreaterThan(0.4);
    expect(subject.harm.shortageByteSeconds).toBeGreaterThan(0.1 * GiB);
    expect(subject.memory.anonymous).toBe(0);
    run(subject, 5, { demand: 1 * GiB, target: 1.5 * GiB });
    expect(subject.memory.anonymous).toBe(1 * GiB);
  });

  it('swaps before it kills, and the programs lose time to it', () => {
    const subject = guest();
    run(subject, 5, { demand: 1 * GiB, target: 1.5 * GiB });
    expect(subject.harm.stallSeconds).toBe(0);
    run(subject, 20, { demand: 1.8 * GiB, target: 1.5 * GiB });
    expect(subject.harm.oomKills).toBe(0);
    expect(subject.memory.swapOut).toBeGreaterThan(300 * MiB);
    expect(subject.harm.stallSeconds).toBeGreaterThan(1);
    expect(held(subject.memory)).toBe(Math.floor((1.8 * GiB) / PAGE) * PAGE);
  });

  it('thrashes when what is touched all the time does not fit: both swap counters run, and nothing gets done', () => {
    const subject = guest({ hotShare: 0.95, swap: 2 * GiB });
    run(subject, 20, { demand: 2 * GiB, target: 1.5 * GiB });
    const { swapIn, swapOut, swapped } = subject.memory;
    const { stallSeconds } = subject.harm;
    run(subject, 5, { demand: 2 * GiB, target: 1.5 * GiB });
    expect(subject.memory.swapped).toBe(swapped);
    expect(subject.memory.swapIn - swapIn).toBeGreaterThan(300 * MiB);
    expect(subject.memory.swapOut - swapOut).toBeGreaterThan(300 * MiB);
    expect(subject.harm.stallSeconds - stallSeconds).toBeCloseTo(5, 0);
    const carried = subject.memory.swapIn - swapIn + subject.memory.swapOut - swapOut;
    expect(carried).toBeLessThanOrEqual(5 * subject.parameters.swapRate);
  });

  it('brings hot pages back as soon as there is room, and cold ones by and by', () => {
    const subject = guest({ hotShare: 0.9, swap: 2 * GiB });
    run(subject, 20, { demand: 2 * GiB, target: 1.5 * GiB });
    const swapped = subject.memory.swapped;
    run(subject, 5, { demand: 2 * GiB, target: 4 * GiB });
    const { hotShare } = subject.parameters;
    expect(subject.memory.swapped).toBeLessThanOrEqual((1 - hotShare) * 2 * GiB);
    expect(subject.memory.swapped).toBeLessThan(swapped);
    const cold = subject.memory.swapped;
    run(subject, 60, { demand: 2 * GiB, target: 4 * GiB });
    expect(subject.memory.swapped).toBeLessThan(cold);
    expect(subject.memory.swapped).toBeGreaterThan(0.8 * cold);
  });

  it('does not count dropped swap slots as swap-in', () => {
    const subject = guest({ hotShare: 0 });
    run(subject, 10, { demand: 2 * GiB, target: 1.5 * GiB });
    const before = subject.memory.swapIn;
    expect(subject.memory.swapped).toBeGreaterThan(400 * MiB);
    run(subject, 1, { demand: 0, target: 1.5 * GiB });
    expect(subject.memory.swapped).toBe(0);
    expect(subject.memory.swapIn).toBe(before);
  });

  it('reads again from disk what the balloon drove out of the cache', () => {
    const files = { size: 512 * MiB, rate: 100 * MiB };
    const subject = guest({ files });
    run(subject, 60, { demand: 1 * GiB, target: 4 * GiB });
    expect(subject.harm.rereadBytes).toBe(0);
    const faults = subject.memory.majorFaults;
    run(subject, 60, { demand: 1 * GiB, target: 1.5 * GiB });
    expect(subject.memory.cache).toBeLessThan(300 * MiB);
    expect(subject.harm.rereadBytes).toBeGreaterThan(1 * GiB);
    expect(subject.memory.majorFaults).toBeGreaterThan(faults);
  });

  it('does nothing to the balloon while no driver is loaded', () => {
    const subject = guest();
    for (let i = 0; i < 50; i++)
      stepGuest(subject.memory, subject.harm, subject.parameters, 1 * GiB, undefined, STEP);
    expect(subject.memory.size).toBe(4 * GiB);
    expect(subject.memory.anonymous).toBe(1 * GiB);
  });
});

describe('watermarksOf', () => {
  it('gives what khugepaged recommends: 44 MiB for two zones, 66 MiB for three, at most 5 %', () => {
    expect(watermarksOf(1 * GiB, 52 * MiB).min).toBe(44 * MiB);
    expect(watermarksOf(4 * GiB, 190 * MiB).min).toBe(66 * MiB);
    expect(watermarksOf(512 * MiB, 52 * MiB).min).toBe(23 * MiB);
  });
});
