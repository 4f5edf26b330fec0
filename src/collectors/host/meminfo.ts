import { ABSENT, known, type Reading } from '../../model/snapshot.ts';
import { kibToBytes } from '../../model/units.ts';
import { malformed, readHostFile } from './files.ts';
import { type KeyValues, parseMeminfoLines } from './key-values.ts';

const PATH = '/proc/meminfo';

/** What /proc/meminfo tells, in bytes. */
export interface MeminfoReadings {
  readonly total: Reading;
  readonly available: Reading;
  readonly free: Reading;
  readonly swapUsed: Reading;
  readonly committed: Reading;
}

export const NO_MEMINFO: MeminfoReadings = {
  total: ABSENT,
  available: ABSENT,
  free: ABSENT,
  swapUsed: ABSENT,
  committed: ABSENT,
};

/** @throws BallonetError HOST_UNREADABLE */
export async function readMeminfo(root: string): Promise<MeminfoReadings> {
  return meminfoReadings(parseMeminfoLines(await readHostFile(root, PATH)));
}

/**
 * Readings out of the lines of /proc/meminfo. MemAvailable may be smaller than MemFree (the kernel takes the watermarks
 * off), so the two are not compared with each other. MemAvailable came with Linux 3.14; without it that reading is absent.
 *
 * @throws BallonetError HOST_UNREADABLE when MemTotal is not there
 */
function meminfoReadings(lines: KeyValues): MeminfoReadings {
  const total = lines.get('MemTotal');
  if (total === undefined) throw malformed(PATH, 'no MemTotal');
  const swapTotal = lines.get('SwapTotal');
  const swapFree = lines.get('SwapFree');
  const committed = lines.get('Committed_AS');
  return {
    total: amount(total, Number.POSITIVE_INFINITY),
    available: amount(lines.get('MemAvailable'), total),
    free: amount(lines.get('MemFree'), total),
    swapUsed:
      swapTotal === undefined || swapFree === undefined ? ABSENT : amount(swapTotal - swapFree, swapTotal),
    committed: amount(committed, Number.POSITIVE_INFINITY),
  };
}

/** A KiB amount as bytes; implausible when it is negative, above `limitKib` or past what a double holds exactly. */
function amount(kib: number | undefined, limitKib: number): Reading {
  if (kib === undefined) return ABSENT;
  const bytes = kibToBytes(kib);
  const plausible = kib >= 0 && kib <= limitKib && Number.isSafeInteger(bytes);
  return plausible ? known(bytes) : { ageSeconds: 0, quality: 'implausible' };
}
