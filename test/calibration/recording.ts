/** What a script did to a real guest, second by second, as it is kept in test/fixtures/calibration. */
import { readFileSync } from 'node:fs';
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

export function recordingFile(script: string): string {
  return `test/fixtures/calibration/${script}.json`;
}

/** @throws Error when it has not been recorded: `npm run calibrate` */
export function readRecording(script: string): Recording {
  return Recording.parse(JSON.parse(readFileSync(recordingFile(script), 'utf8')));
}

/** One line for each key, so that a new recording can be read in a diff. */
export function formatRecording(recording: Recording): string {
  const { figures, ...rest } = recording;
  const lines = (object: object, indent: string) =>
    Object.entries(object).map(([key, value]) => `${indent}${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n${lines(rest, '  ').join(',\n')},\n  "figures": {\n${lines(figures, '    ').join(',\n')}\n  }\n}\n`;
}
