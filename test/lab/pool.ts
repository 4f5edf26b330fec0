import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bytes } from '../../src/model/units.ts';

const V1 = '/sys/fs/cgroup/memory';
const V2 = '/sys/fs/cgroup';

/** A memory cgroup that all guests of a lab live in: a host of a size of its own. */
export interface CgroupPool {
  readonly version: 1 | 2;
  readonly path: string;
  readonly limit: Bytes;
  /** Memory charged to it now, page cache of the guests' images included. */
  usage(): Promise<Bytes>;
}

/**
 * Creates the cgroup. QEMU joins it before the guest's first page (qemu-wrapper.sh), and room.sh removes it.
 *
 * @throws Error with the reason, where this user or this host cannot have one.
 */
export async function cgroupPool(name: string, limit: Bytes): Promise<CgroupPool> {
  const isV1 = await exists(join(V1, 'memory.limit_in_bytes'));
  const path = join(isV1 ? V1 : V2, name);
  try {
    if (!isV1) await requireV2();
    await mkdir(path);
  } catch (cause) {
    throw new Error(`The lab cannot have a memory cgroup for its pool: ${reason(cause)}`, { cause });
  }
  try {
    await writeFile(join(path, isV1 ? 'memory.limit_in_bytes' : 'memory.max'), String(limit));
  } catch (cause) {
    await rmdir(path);
    throw new Error(`The lab cannot limit its memory cgroup: ${reason(cause)}`, { cause });
  }
  const usageFile = join(path, isV1 ? 'memory.usage_in_bytes' : 'memory.current');
  return {
    version: isV1 ? 1 : 2,
    path,
    limit,
    usage: async () => Number(await readFile(usageFile, 'utf8')),
  };
}

async function requireV2(): Promise<void> {
  const file = join(V2, 'cgroup.subtree_control');
  const enabled = await readFile(file, 'utf8').catch(() => undefined);
  if (enabled === undefined) throw new Error(`neither ${V1} nor ${file} is there`);
  if (!enabled.split(/\s+/).includes('memory'))
    throw new Error(`the memory controller is not enabled in ${file}`);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
