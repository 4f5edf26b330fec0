import { ABSENT, known, type Reading } from '../../model/snapshot.ts';
import { type Bytes, type Kib, kibToBytes } from '../../model/units.ts';
import { malformed, readHostFile } from './files.ts';
import { type KeyValues, parseMeminfoLines } from './key-values.ts';

const PATH = '/proc/meminfo';

/** What /proc/meminfo tells, in bytes. `total` is without huge pages: those are set aside and nobody else's. */
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

interface Meminfo {
  readonly readings: MeminfoReadings;
  /** Huge pages that are set aside, used or not. */
  readonly hugetlb: Bytes;
  /** Programs' memory that the kernel has put into huge pages by itself. */
  readonly anonHuge: Bytes;
}

export const UNKNOWN_MEMINFO: Meminfo = { readings: NO_MEMINFO, hugetlb: 0, anonHuge: 0 };

/** @throws BallonetError HOST_UNREADABLE */
export async function readMeminfo(root: string): Promise<Meminfo> {
  const lines = parseMeminfoLines(await readHostFile(root, PATH));
  const hugetlb = hugetlbKib(lines);
  return {
    readings: meminfoReadings(lines, hugetlb),
    hugetlb: kibToBytes(hugetlb),
    anonHuge: kibToBytes(lines.get('AnonHugePages') ?? 0),
  };
}

/** The line Hugetlb counts pages of all sizes and came with Linux 4.19; before it those of the default size are all there is. */
function hugetlbKib(lines: KeyValues): Kib {
  const sum = lines.get('Hugetlb') ?? (lines.get('HugePages_Total') ?? 0) * (lines.get('Hugepagesize') ?? 0);
  return Number.isSafeInteger(kibToBytes(sum)) && sum < (lines.get('MemTotal') ?? 0) ? sum : 0;
}

/**
 * Readings out of the lines of /proc/meminfo. MemAvailable may be smaller than MemFree (the kernel takes the watermarks
 * off), so the two are not compared with each other. MemAvailable came with Linux 3.14; without it that reading is absent.
 *
 * @throws BallonetError HOST_UNREADABLE when MemTotal is not there
 */
function meminfoReadings(lines: KeyValues, hugetlb: Kib): MeminfoReadings {
  const memTotal = lines.get('MemTotal');
  if (memTotal === undefined) throw malformed(PATH, 'no MemTotal');
  const total = memTotal - hugetlb;
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
