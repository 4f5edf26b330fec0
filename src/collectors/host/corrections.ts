/** What the kernel's MemAvailable leaves out or does not say (H19): each source a named term. */
import type { AvailableTerm } from '../../model/snapshot.ts';
import { type Bytes, formatSize } from '../../model/units.ts';
import { malformed, readHostFile } from './files.ts';
import { parseNumber } from './key-values.ts';

const ARCSTATS = '/proc/spl/kstat/zfs/arcstats';
const TTM_POOL = '/sys/kernel/debug/ttm/page_pool';
const KSM_SHARING = '/sys/kernel/mm/ksm/pages_sharing';

/** The kernel counts pages; 4 KiB on x86-64. */
const PAGE_BYTES = 4096;

/** Where a correction comes from. A machine without the source has no such term. */
interface Correction {
  readonly path: string;
  /** True where a file that may not be read is no problem to speak of: debugfs is root's. */
  readonly optional?: boolean;
  /** @throws BallonetError HOST_UNREADABLE */
  readonly read: (text: string) => AvailableTerm | undefined;
}

export const CORRECTIONS: readonly Correction[] = [
  { path: ARCSTATS, read: arcTerm },
  { path: TTM_POOL, optional: true, read: ttmTerm },
  { path: KSM_SHARING, read: ksmTerm },
];

/** @throws BallonetError HOST_UNREADABLE */
export async function readCorrection(
  { path, read }: Correction,
  root: string,
): Promise<AvailableTerm | undefined> {
  return read(await readHostFile(root, path));
}

/**
 * ZFS keeps its cache in pages of its own, which no figure of /proc/meminfo knows as cache (openzfs #10255). It gives up what is above
 * `c_min` under pressure, later than the page cache does.
 */
function arcTerm(text: string): AvailableTerm {
  const of = (name: string): Bytes => {
    // Rows of a kstat: name, type, data.
    const value = parseNumber(new RegExp(`^${name}\\s+\\d+\\s+(\\d+)$`, 'm').exec(text)?.[1] ?? '');
    if (value === undefined || !Number.isFinite(value)) throw malformed(ARCSTATS, `no ${name}`);
    return value;
  };
  const [size, least] = [of('size'), of('c_min')];
  return {
    name: 'zfs-arc',
    bytes: Math.max(0, size - least),
    explanation: `cache of ZFS: ${formatSize(size)}, of which it keeps ${formatSize(least)}`,
  };
}

/** Pages that graphics drivers freed and their pool keeps (drivers/gpu/drm/ttm/ttm_pool.c); its shrinker gives them back. */
function ttmTerm(text: string): AvailableTerm {
  const pages = parseNumber(/^total\s*:\s*(\d+) of\s+\d+/m.exec(text)?.[1] ?? '');
  if (pages === undefined || !Number.isFinite(pages)) throw malformed(TTM_POOL, 'no total');
  return { name: 'ttm-pool', bytes: pages * PAGE_BYTES, explanation: 'free pages kept by the graphics pool' };
}

/**
 * Pages that KSM has merged (Documentation/admin-guide/mm/ksm.rst): saved as long as nobody writes to them, so they are a debt and no
 * reserve. Nothing comes off for it, for guests seldom write to all of them at once; ksmtuned turns KSM off and on by itself (H26).
 */
function ksmTerm(text: string): AvailableTerm | undefined {
  const pages = parseNumber(text.trim());
  if (pages === undefined || !Number.isFinite(pages)) throw malformed(KSM_SHARING, 'no number of pages');
  if (pages === 0) return undefined;
  const saved = formatSize(pages * PAGE_BYTES);
  return { name: 'ksm', bytes: 0, explanation: `KSM saves ${saved}, which its guests take back by writing` };
}
