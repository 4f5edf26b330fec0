import type { NodeMemory } from '../../hypervisor/driver.ts';
import { ABSENT, known, type Reading } from '../../model/snapshot.ts';
import { malformed, readHostFile } from './files.ts';

/** Memory pressure as PSI has it: share of time stalled, in percent, over three windows. */
export interface PressureReadings {
  readonly psiSomeAvg10: Reading;
  readonly psiSomeAvg60: Reading;
  readonly psiSomeAvg300: Reading;
  readonly psiFullAvg10: Reading;
  readonly psiFullAvg60: Reading;
  readonly psiFullAvg300: Reading;
}

export const NO_PRESSURE: PressureReadings = {
  psiSomeAvg10: ABSENT,
  psiSomeAvg60: ABSENT,
  psiSomeAvg300: ABSENT,
  psiFullAvg10: ABSENT,
  psiFullAvg60: ABSENT,
  psiFullAvg300: ABSENT,
};

/** `/proc/pressure/memory`, or a cgroup's `memory.pressure`. @throws BallonetError HOST_UNREADABLE */
export async function readPressure(root: string, path: string): Promise<PressureReadings> {
  return parsePressure(path, await readHostFile(root, path));
}

/**
 * Reads the two lines `some avg10=… avg60=… avg300=… total=…` and `full …` (Linux, Documentation/accounting/psi.rst).
 *
 * @throws BallonetError HOST_UNREADABLE when there is no `some` line; `path` is named in it
 */
export function parsePressure(path: string, text: string): PressureReadings {
  const lines = text.split('\n');
  const some = windows(lines, 'some');
  const full = windows(lines, 'full');
  if (some === undefined) throw malformed(path, 'no line "some avg10=…"');
  return {
    psiSomeAvg10: some[0],
    psiSomeAvg60: some[1],
    psiSomeAvg300: some[2],
    psiFullAvg10: full?.[0] ?? ABSENT,
    psiFullAvg60: full?.[1] ?? ABSENT,
    psiFullAvg300: full?.[2] ?? ABSENT,
  };
}

/** What a driver says of its host. */
export function pressureReadings({ some, full }: NonNullable<NodeMemory['pressure']>): PressureReadings {
  return {
    psiSomeAvg10: known(some[0]),
    psiSomeAvg60: known(some[1]),
    psiSomeAvg300: known(some[2]),
    psiFullAvg10: known(full[0]),
    psiFullAvg60: known(full[1]),
    psiFullAvg300: known(full[2]),
  };
}

function windows(
  lines: readonly string[],
  kind: 'some' | 'full',
): readonly [Reading, Reading, Reading] | undefined {
  for (const line of lines) {
    const match = /^(\w+) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) /.exec(line);
    if (match?.[1] === kind) return [percent(match[2]), percent(match[3]), percent(match[4])];
  }
  return undefined;
}

function percent(text: string | undefined): Reading {
  const value = Number(text);
  return value >= 0 && value <= 100 ? known(value) : { ageSeconds: 0, quality: 'implausible' };
}
