import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, KiB, MiB } from '../../model/units.ts';
import { KERNEL } from './calibrated.ts';
import { reportFreePages } from './free-pages.ts';
import { residentBytes, stepGuest } from './guest-model.ts';
import { PAGE } from './pages.ts';
import { type GuestMemory, type GuestParameters, memAvailable } from './reclaim.ts';
import { reportOf } from './report.ts';
import { KVM } from './scenario.ts';
import { files, type Guest, guest, run, STEP } from './testing.ts';

/** What is wrong with the guest's books; nothing, one hopes. */
function discrepancies({ memory, parameters }: Guest): string[] {
  const { kernel, anonymous, cache, free, freeResident, swapped, size } = memory;
  const amounts = Object.entries({
    anonymous,
    cache,
    free,
    freeResident,
    freed: memory.freed,
    returned: memory.returned,
    swapped,
    swapCached: memory.swapCached,
    huge: memory.huge,
    written: memory.written,
    listed: memory.listed,
    size,
  });
  return [
    ...(kernel + anonymous + cache + free === size ? [] : ['pages lost or invented']),
    ...amounts.filter(([, bytes]) => !(bytes >= 0)).map(([name]) => `${name} negative`),
    ...amounts.filter(([, bytes]) => bytes % PAGE !== 0).map(([name]) => `${name} splits a page`),
    ...(freeResident <= free ? [] : ['more resident than free']),
    ...(memory.freed <= freeResident ? [] : ['more freed than resident']),
    ...(memory.returned <= free - freeResident ? [] : ['more out of the balloon than not resident']),
    ...(memory.listed <= free ? [] : ['more listed than free']),
    ...(memory.huge + memory.written + memory.swapCached <= anonymous ? [] : ['parts larger than the whole']),
    ...(swapped + memory.written <= parameters.swap ? [] : ['swap device too small']),
    ...(size <= parameters.maximum ? [] : ['above the maximum']),
    ...(residentBytes(memory) <= size ? [] : ['more resident than the size']),
    ...turnErrors(memory, parameters),
  ];
}

/** What is touched in turn is what programs hold beside what is locked, and of it as much is swapped and written. */
function turnErrors({ turns, ...memory }: GuestMemory, { locked }: GuestParameters): string[] {
  if (turns === undefined) return [];
  const sum = (name: 'size' | 'swapped' | 'written' | 'cached') =>
    turns.pieces.reduce((total, piece) => total + piece[name], 0);
  return [
    ...(sum('size') === Math.max(0, memory.anonymous + memory.swapped - locked) ? [] : ['pieces missing']),
    ...(sum('swapped') === memory.swapped ? [] : ['swapped elsewhere']),
    ...(sum('written') === memory.written ? [] : ['written elsewhere']),
    ...(sum('cached') === memory.swapCached ? [] : ['cached elsewhere']),
    ...(turns.pieces.every(({ size, swapped, written, cached }) => swapped + written + cached <= size)
      ? []
      : ['a piece smaller than its parts']),
  ];
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const parameterChoices = fc.record({
  maximum: fc.integer({ min: 128, max: 64 * 1024 }).map(mib => mib * MiB),
  swap: fc.integer({ min: 0, max: 4096 }).map(mib => mib * MiB),
  swapInRate: fc.integer({ min: 1, max: 2048 }).map(mib => mib * MiB),
  swapOutRate: fc.integer({ min: 1, max: 2048 }).map(mib => mib * MiB),
  hotShare: share,
  touchRate: fc.constantFrom(undefined, 0, 16 * MiB, GiB),
  locked: fc.constantFrom(0, 20 * MiB),
  files: fc.record({
    size: fc.integer({ min: 0, max: 8 * GiB }),
    rate: fc.integer({ min: 0, max: 2 * GiB }),
    every: fc.constantFrom(0, 20),
    mapped: share,
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
    ['touched', 1, KVM.inflateTouched],
    ['untouched', 0, KVM.inflateUntouched],
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
    expect((subject.memory.size - 1 * GiB) / KVM.deflate).toBeCloseTo(1, 2);
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
    const subject = guest({ files: files(1 * GiB, 512 * MiB) });
    const { memory, parameters } = subject;
    // Less is missed the fuller the cache is: the last bytes come slowly.
    run(subject, 30, { demand: 1 * GiB, target: 4 * GiB });
    expect(memory.cache).toBeGreaterThan(0.98 * GiB);
    const quiet = { ...parameters, files: files(0, 0) };
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

  it('reads again from disk what the balloon drove out of the cache', () => {
    const subject = guest({ files: { ...files(512 * MiB, 100 * MiB), mapped: 0.1 } });
    run(subject, 60, { demand: 1 * GiB, target: 4 * GiB });
    expect(subject.harm.rereadBytes).toBe(0);
    const faults = subject.memory.majorFaults;
    run(subject, 60, { demand: 1 * GiB, target: 1.4 * GiB });
    expect(subject.memory.cache).toBeLessThan(300 * MiB);
    expect(subject.harm.rereadBytes).toBeGreaterThan(1 * GiB);
    expect(subject.memory.majorFaults).toBeGreaterThan(faults);
  });

  it('gives programs what came out of the balloon before what was freed earlier, and what was freed since before both', () => {
    const subject = guest({ hugePages: false }, 1);
    const { memory } = subject;
    run(subject, 10, { demand: 0, target: 3 * GiB });
    run(subject, 3, { demand: 0, target: 4 * GiB });
    const resident = residentBytes(memory);
    run(subject, 3, { demand: 512 * MiB, target: 4 * GiB });
    expect(residentBytes(memory)).toBe(resident + 512 * MiB);
    run(subject, 3, { demand: 0, target: 4 * GiB });
    run(subject, 3, { demand: 512 * MiB, target: 4 * GiB });
    expect(residentBytes(memory)).toBe(resident + 512 * MiB);
    run(subject, 3, { demand: 1 * GiB, target: 4 * GiB });
    expect(residentBytes(memory)).toBe(resident + 1 * GiB);
    run(subject, 3, { demand: 1.5 * GiB, target: 4 * GiB });
    expect(residentBytes(memory)).toBe(resident + 1 * GiB);
  });

  it('reports what is free two seconds after it was freed, but for blocks too small', () => {
    const subject = guest();
    const { memory, parameters } = subject;
    run(subject, 5, { demand: 2 * GiB, target: 4 * GiB });
    const small = 0.05 * parameters.maximum;
    const pass = (seconds: number) => {
      for (let i = 0; i < Math.round(seconds / STEP); i++) {
        stepGuest(memory, subject.harm, parameters, 0, 4 * GiB, STEP);
        reportFreePages(memory, small, STEP);
      }
    };
    pass(1.5);
    expect(memory.freeResident).toBe(2 * GiB);
    pass(1);
    expect(memory.freeResident).toBeLessThanOrEqual(small);
    expect(memory.freeResident).toBeGreaterThan(small - PAGE);
  });

  it('does not count as free what a processor keeps on its list when the balloon gives pages back', () => {
    const subject = guest({}, 1);
    const { memory, parameters } = subject;
    run(subject, 10, { demand: 0, target: 1 * GiB });
    run(subject, 5, { demand: 0, target: 4 * GiB });
    expect(memory.listed).toBe(parameters.list);
    expect(reportOf(memory, parameters, 0).freeKib).toBe((memory.free - parameters.list) / KiB);
    // Small pages are taken from the list first.
    run({ ...subject, parameters: { ...parameters, hugePages: false } }, 1, {
      demand: parameters.list,
      target: 4 * GiB,
    });
    expect(memory.listed).toBe(0);
  });

  it('makes huge pages of what came out of the balloon, but for blocks that are resident in part', () => {
    const subject = guest({}, 1);
    const { memory } = subject;
    run(subject, 10, { demand: 0, target: 3 * GiB });
    run(subject, 3, { demand: 0, target: 4 * GiB });
    const resident = residentBytes(memory);
    run(subject, 3, { demand: 512 * MiB, target: 4 * GiB });
    expect(residentBytes(memory)).toBeLessThan(resident + 512 * MiB);
    expect(residentBytes(memory)).toBeGreaterThan(resident + 512 * MiB * (1 - KERNEL.mixed));
  });

  it('takes last what lies apart, and then takes it', () => {
    const subject = guest({ apart: { resident: 200 * MiB, bare: 0 }, hugePages: false }, 0.5);
    const { memory, parameters } = subject;
    const { freeResident } = memory;
    run(subject, 5, { demand: freeResident, target: 4 * GiB });
    expect(memory.freeResident).toBe(200 * MiB);
    run(subject, 5, { demand: parameters.maximum, target: 4 * GiB });
    expect(memory.freeResident).toBeLessThan(200 * MiB);
  });

  it('faults new memory in by huge pages while there is room, and by small ones when there is none', () => {
    const faults = (demand: number): number => {
      const subject = guest({ hotShare: 0, swap: 4 * GiB });
      run(subject, 30, { demand, target: 2 * GiB });
      return subject.memory.minorFaults;
    };
    expect(faults(1 * GiB)).toBe(512);
    expect(faults(2.2 * GiB)).toBeGreaterThan(50_000);
    const small = guest({ maximum: 400 * MiB, hugePages: false });
    run(small, 5, { demand: 100 * MiB, target: 400 * MiB });
    expect(small.memory.minorFaults).toBe((100 * MiB) / PAGE);
  });

  it('reads files from end to end once in a while, and nothing of what is cached', () => {
    const pass = { size: 512 * MiB, rate: 256 * MiB, every: 20, mapped: 0 };
    const subject = guest({ files: pass, text: 0 });
    const { memory, harm, parameters } = subject;
    for (let i = 0; i < 21; i++) stepGuest(memory, harm, parameters, 0, 4 * GiB, STEP);
    expect(memory.cache).toBe(512 * MiB);
    for (let i = 0; i < 20; i++) stepGuest(memory, harm, parameters, 0, 4 * GiB, STEP);
    expect([memory.cache, harm.rereadBytes, memory.majorFaults]).toEqual([512 * MiB, 0, 0]);
  });

  it('does nothing to the balloon while no driver is loaded', () => {
    const subject = guest();
    for (let i = 0; i < 50; i++)
      stepGuest(subject.memory, subject.harm, subject.parameters, 1 * GiB, undefined, STEP);
    expect(subject.memory.size).toBe(4 * GiB);
    expect(subject.memory.anonymous).toBe(1 * GiB);
  });
});
