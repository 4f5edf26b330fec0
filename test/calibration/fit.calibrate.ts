/** Fits the model's figures to the recordings and writes them: `npm run fit`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { KERNEL, TCG } from '../../src/hypervisor/simulated/calibrated.ts';
import { MiB } from '../../src/model/units.ts';
import { lossOf } from './errors.ts';
import { readRecording } from './recording.ts';
import { type Fit, replay, SHIPPED } from './replay.ts';
import { SCRIPTS } from './script.ts';
import { type Coordinate, search } from './search.ts';

type Bounds = Omit<Coordinate, 'start'>;

const FILE = 'src/hypervisor/simulated/calibrated.ts';

const KERNEL_COORDINATES = [
  { name: 'swapCluster', least: 1, most: 16 },
  { name: 'swapFaults', least: 0, most: 4 },
  { name: 'kept', least: 0, most: 0.8 },
  { name: 'mixed', least: 0, most: 1 },
  { name: 'apart', least: 0, most: 0.2 },
  { name: 'bare', least: 0, most: 0.1 },
] as const satisfies readonly Bounds[];

/** MiB. */
const KERNEL_AMOUNTS = [
  { name: 'ahead', least: 0, most: 160 },
  { name: 'keptMost', least: 0, most: 160 },
] as const satisfies readonly Bounds[];

/** MiB a second. How fast swapped memory comes back (`swapIn`, `fault`) does not show where it is touched as fast as it was in the lab. */
const MACHINE_COORDINATES = [
  { name: 'inflateTouched', least: 100, most: 2000 },
  { name: 'inflateUntouched', least: 100, most: 2000 },
  { name: 'deflate', least: 200, most: 4000 },
  { name: 'touch', least: 50, most: 1000 },
  { name: 'swapOut', least: 50, most: 1000 },
  { name: 'files', least: 50, most: 1000 },
] as const satisfies readonly Bounds[];

it('fits', { timeout: 600_000 }, () => {
  const fitted = SCRIPTS.filter(({ heldOut }) => heldOut !== true).map(script => ({
    script,
    recording: readRecording(script.name),
  }));
  const raw = line(
    fitted.map(({ script, recording }) => [
      script.memory / MiB,
      script.memory / MiB - recording.total / 1024,
    ]),
  );
  const fitOf = (values: readonly number[]): Fit => {
    const [swapCluster = 0, swapFaults = 0, kept = 0, mixed = 0, apart = 0, bare = 0, ...others] = values;
    const [ahead = 0, keptMost = 0, ...speeds] = others;
    const [inflateTouched = 0, inflateUntouched = 0, deflate = 0, touch = 0, swapOut = 0, files = 0] =
      speeds.map(speed => speed * MiB);
    return {
      kernel: {
        fixed: round(raw.fixed) * MiB,
        share: round(raw.share),
        swapCluster,
        swapFaults,
        kept,
        keptMost: keptMost * MiB,
        ahead: ahead * MiB,
        mixed,
        apart,
        bare,
      },
      machine: { ...TCG, inflateTouched, inflateUntouched, deflate, touch, swapOut, files },
    };
  };
  const loss = (fit: Fit): number =>
    lossOf(
      fitted.map(({ script, recording }) => ({ script, recording, model: replay(script, recording, fit) })),
    );
  // From what there is, so that a fit to the same recordings makes nothing worse.
  const coordinates = [
    ...KERNEL_COORDINATES.map(each => ({ ...each, start: KERNEL[each.name] })),
    ...KERNEL_AMOUNTS.map(each => ({ ...each, start: KERNEL[each.name] / MiB })),
    ...MACHINE_COORDINATES.map(each => ({ ...each, start: TCG[each.name] / MiB })),
  ];
  const found = fitOf(search(coordinates, values => loss(fitOf(values))).map(round));
  console.log(`loss ${loss(SHIPPED).toFixed(3)} before, ${loss(found).toFixed(3)} after`, found);
  expect(loss(found)).toBeLessThanOrEqual(loss(SHIPPED) * 1.001);
  let text = readFileSync(FILE, 'utf8');
  for (const [name, value] of Object.entries(found.kernel)) {
    const written =
      name === 'fixed' || KERNEL_AMOUNTS.some(amount => amount.name === name)
        ? `${round(value / MiB)} * MiB`
        : String(round(value));
    text = replaced(text, name, KERNEL[name as keyof typeof KERNEL], written);
  }
  for (const [name, value] of Object.entries(found.machine)) {
    const written = name === 'fault' ? String(round(value)) : `${round(value / MiB)} * MiB`;
    text = replaced(text, name, TCG[name as keyof typeof TCG], written);
  }
  writeFileSync(FILE, text);
});

/** Puts a number into the line of the constants that has this name. */
function replaced(text: string, name: string, before: number, after: string): string {
  const place = new RegExp(`^(  ${name}: )[\\d.]+( \\* MiB)?,$`, 'm');
  if (!place.test(text)) throw new Error(`${FILE} has no line for ${name}, which was ${before}`);
  return text.replace(place, `$1${after},`);
}

/** The straight line through points, by least squares. */
function line(points: readonly (readonly [number, number])[]): {
  readonly fixed: number;
  readonly share: number;
} {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([each]) => each)), mean(points.map(([, each]) => each))];
  const over = points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0);
  const under = points.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
  return { fixed: y - (over / under) * x, share: over / under };
}

/** Three digits: the recordings say no more. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}
