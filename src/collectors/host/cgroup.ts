import { posix } from 'node:path';
import type { AvailableTerm } from '../../model/snapshot.ts';
import { type Bytes, TiB } from '../../model/units.ts';
import { isMissingFile, malformed, readHostFile } from './files.ts';
import { parseFlatKeyed, parseNumber } from './key-values.ts';
import { findMemoryHierarchy, type MemoryHierarchy } from './mounts.ts';

/** File names of one cgroup version and the keys that differ in its memory.stat. */
interface Layout {
  readonly limit: string;
  /** Above it the kernel reclaims from the cgroup and slows it down; v1 has none that holds. */
  readonly high: string | undefined;
  readonly usage: string;
  readonly inactiveFile: string;
}

const LAYOUTS: Readonly<Record<1 | 2, Layout>> = {
  // v1 counts children only under the `total_` keys (Linux, Documentation/admin-guide/cgroup-v1/memory.rst, 5.2).
  1: {
    limit: 'memory.limit_in_bytes',
    high: undefined,
    usage: 'memory.usage_in_bytes',
    inactiveFile: 'total_inactive_file',
  },
  2: { limit: 'memory.max', high: 'memory.high', usage: 'memory.current', inactiveFile: 'inactive_file' },
};

/** v1 writes "no limit" as LONG_MAX rounded down to a page, 9223372036854771712; no real machine has a PiB. */
const NO_LIMIT = 1024 * TiB;

/** One cgroup with a limit: what of it is left. */
interface Level {
  readonly limit: Bytes;
  /** What `available` is made of. */
  readonly terms: readonly AvailableTerm[];
  readonly free: Bytes;
  /** `free` and the file pages that the kernel would drop first. */
  readonly available: Bytes;
}

/** A memory cgroup and those above it. */
export interface CgroupMemory {
  /** The narrowest of the limits from the cgroup up to the root; undefined when none limits. */
  readonly narrowest: Level | undefined;
  readonly swapUsed: Bytes | undefined;
  /** Pages swapped by the cgroup since its start; older kernels, and v1, do not count them per cgroup. */
  readonly swapInPages: number | undefined;
  readonly swapOutPages: number | undefined;
  /** Path of its PSI file; v1 has none. */
  readonly pressurePath: string | undefined;
}

/** Finds where memory cgroups are mounted. @throws BallonetError HOST_UNREADABLE */
export async function findHierarchy(root: string): Promise<MemoryHierarchy> {
  return findMemoryHierarchy(await readHostFile(root, '/proc/mounts'));
}

/**
 * Reads the cgroup at `path` below the hierarchy's mount point. A cgroup without a limit of its own is bounded by the nearest
 * limit above it, whose other children use it too; so every limited level is looked at, and each figure is the least of them.
 *
 * @throws BallonetError HOST_UNREADABLE when the cgroup is not there or one of its files is malformed
 */
export async function readCgroup(
  root: string,
  hierarchy: MemoryHierarchy,
  path: string,
): Promise<CgroupMemory> {
  const { version, mountPoint } = hierarchy;
  const layout = LAYOUTS[version];
  // Normalised as an absolute path, so that `..` cannot leave the mount point.
  const inside = posix.normalize(`/${path}`);
  const folder = posix.join(mountPoint, inside);
  const stat = parseFlatKeyed(await readHostFile(root, `${folder}/memory.stat`));
  const narrowest = await narrowestLevel(root, mountPoint, inside, layout);
  return {
    narrowest,
    swapUsed:
      version === 1 ? stat.get('total_swap') : await readOptional(root, `${folder}/memory.swap.current`),
    swapInPages: stat.get('pswpin'),
    swapOutPages: stat.get('pswpout'),
    pressurePath: version === 2 ? `${folder}/memory.pressure` : undefined,
  };
}

async function narrowestLevel(
  root: string,
  mountPoint: string,
  inside: string,
  layout: Layout,
): Promise<Level | undefined> {
  let narrowest: Level | undefined;
  for (let path = inside; ; path = posix.dirname(path)) {
    const level = await readLevel(root, posix.join(mountPoint, path), layout, path === inside);
    if (level !== undefined) narrowest = narrowest === undefined ? level : least(narrowest, level);
    if (path === '/') return narrowest;
  }
}

function least(a: Level, b: Level): Level {
  return {
    limit: Math.min(a.limit, b.limit),
    terms: a.available <= b.available ? a.terms : b.terms,
    free: Math.min(a.free, b.free),
    available: Math.min(a.available, b.available),
  };
}

async function readLevel(
  root: string,
  folder: string,
  layout: Layout,
  isLeaf: boolean,
): Promise<Level | undefined> {
  const limitPath = `${folder}/${layout.limit}`;
  let text: string;
  try {
    text = await readHostFile(root, limitPath);
  } catch (error) {
    // The root of a v2 hierarchy has no limit files, nor has a level for which the controller is not enabled.
    if (!isLeaf && isMissingFile(error)) return undefined;
    throw error;
  }
  const max = limitOf(limitPath, text);
  const highPath = layout.high === undefined ? undefined : `${folder}/${layout.high}`;
  const high = highPath === undefined ? NO_LIMIT : await readHigh(root, highPath);
  const limit = Math.min(max, high);
  if (limit >= NO_LIMIT) return undefined;
  const usagePath = `${folder}/${layout.usage}`;
  const usage = parseNumber(await readHostFile(root, usagePath));
  if (usage === undefined || !Number.isFinite(usage)) throw malformed(usagePath, 'not a number');
  const stat = parseFlatKeyed(await readHostFile(root, `${folder}/memory.stat`));
  const free = Math.max(0, limit - usage);
  const droppable = stat.get(layout.inactiveFile) ?? 0;
  const terms = [
    {
      name: 'limit',
      bytes: limit,
      explanation: limit === max ? limitPath : `${highPath}: the kernel slows down what grows past it`,
    },
    // A cgroup above its `high` is over by what it uses, and has nothing free, not less.
    { name: 'usage', bytes: free - limit, explanation: usagePath },
    { name: 'inactive-file', bytes: droppable, explanation: `file pages that the kernel would drop first` },
  ];
  return { limit, terms, free, available: Math.min(limit, free + droppable) };
}

/** @throws BallonetError HOST_UNREADABLE */
function limitOf(path: string, text: string): Bytes {
  const limit = text.trim() === 'max' ? NO_LIMIT : parseNumber(text);
  if (limit === undefined) throw malformed(path, 'neither a number nor max');
  return limit;
}

async function readHigh(root: string, path: string): Promise<Bytes> {
  try {
    return limitOf(path, await readHostFile(root, path));
  } catch (error) {
    if (isMissingFile(error)) return NO_LIMIT;
    throw error;
  }
}

/** A number that is absent where the kernel was built or started without what it counts. */
async function readOptional(root: string, path: string): Promise<number | undefined> {
  try {
    return parseNumber(await readHostFile(root, path));
  } catch (error) {
    if (isMissingFile(error)) return undefined;
    throw error;
  }
}
