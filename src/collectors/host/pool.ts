import { type Bytes, formatSize } from '../../model/units.ts';

/** The memory that the guests share. */
export type Pool =
  /** This machine's /proc/meminfo when the hypervisor is local, else what the driver knows of its node. */
  | { readonly kind: 'auto' }
  /** This much for the guests themselves; what their processes need beyond the guests' sizes comes from outside it. */
  | { readonly kind: 'size'; readonly bytes: Bytes }
  /** A memory cgroup (v1 or v2) by its path below the mount point, with a leading slash. */
  | { readonly kind: 'cgroup'; readonly path: string };

/** The pool's name in a snapshot and in messages. */
export function poolName(pool: Pool, local: boolean): string {
  if (pool.kind === 'auto') return local ? 'meminfo' : 'driver';
  return pool.kind === 'size' ? `size:${formatSize(pool.bytes)}` : `cgroup:${pool.path}`;
}
