/** What a script did to a real guest, second by second, as it is kept in test/fixtures/calibration. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const figure = z.array(z.number());

/** What is compared. */
export const FIGURES = [
  'available',
  'unused',
  'cache',
  'rss',
  'swapOut',
  'swapIn',
  'majorFaults',
  'minorFaults',
] as const;
export type Figure = (typeof FIGURES)[number];

/** Those that rise and fall; the others count. */
export const AMOUNTS: readonly Figure[] = ['available', 'unused', 'cache', 'rss'];

const Recording = z.strictObject({
  /** Release of the guest's kernel, and the version of QEMU. */
  kernel: z.string(),
  qemu: z.string(),
  /** Resident memory of QEMU beside the guest's, KiB. */
  overhead: z.number(),
  /** MemTotal at the full size, KiB. */
  total: z.number(),
  /** When each step of the script began and ended, seconds. */
  steps: z.array(z.tuple([z.number(), z.number()])),
  /** When each entry of the figures was read, seconds. */
  times: figure,
  /** Amounts in KiB; counters in KiB and faults since the first entry. */
  figures: z.strictObject(
    Object.fromEntries(FIGURES.map(name => [name, figure])) as Record<Figure, typeof figure>,
  ),
});
export type Recording = Readonly<z.infer<typeof Recording>>;

/** @param turn the first recording, the second, ... */
export function recordingFile(script: string, turn = 1): string {
  return `test/fixtures/calibration/${script}${turn === 1 ? '' : `.${turn}`}.json`;
}

/** All recordings that there are of a script. */
export function readRecordings(script: string): Recording[] {
  const found: Recording[] = [];
  for (let turn = 1; existsSync(recordingFile(script, turn)); turn++)
    found.push(Recording.parse(JSON.parse(readFileSync(recordingFile(script, turn), 'utf8'))));
  return found;
}

/**
 * What a script does to a real guest as a rule: the median of its recordings, each second. How much a guest swaps differs from one time
 * to the next.
 *
 * @throws Error when it has not been recorded: `npm run calibrate`
 */
export function readRecording(script: string): Recording {
  const all = readRecordings(script);
  const [first] = all;
  if (first === undefined) throw new Error(`${script} has not been recorded: npm run calibrate`);
  const at = all.map(({ times }) => first.times.map(time => nearest(times, time)));
  const typical = (figure: Figure): number[] =>
    first.times.map((_, i) =>
      median(all.map(({ figures }, k) => figures[figure][at[k]?.[i] ?? i] ?? Number.NaN)),
    );
  const typicalStep = (i: number): [number, number] => [
    median(all.map(({ steps }) => steps[i]?.[0] ?? Number.NaN)),
    median(all.map(({ steps }) => steps[i]?.[1] ?? Number.NaN)),
  ];
  return {
    ...first,
    steps: first.steps.map((_, i) => typicalStep(i)),
    figures: Object.fromEntries(FIGURES.map(figure => [figure, typical(figure)])) as Record<Figure, number[]>,
  };
}

function nearest(times: readonly number[], time: number): number {
  const after = times.findIndex(each => each >= time);
  if (after < 0) return times.length - 1;
  const [a = Number.NaN, b = Number.NaN] = [times[after - 1], times[after]];
  return after > 0 && time - a < b - time ? after - 1 : after;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** One line for each key, so that a new recording can be read in a diff. */
export function formatRecording(recording: Recording): string {
  const { figures, ...rest } = recording;
  const lines = (object: object, indent: string) =>
    Object.entries(object).map(([key, value]) => `${indent}${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n${lines(rest, '  ').join(',\n')},\n  "figures": {\n${lines(figures, '    ').join(',\n')}\n  }\n}\n`;
}
