import { malformed } from './files.ts';

/** Where the memory controller's files are. */
export interface MemoryHierarchy {
  readonly version: 1 | 2;
  /** Mount point, as the host sees it. */
  readonly mountPoint: string;
}

/**
 * Finds the memory controller in the lines of /proc/mounts.
 *
 * A controller is bound to one hierarchy at a time (Linux, Documentation/admin-guide/cgroup-v2.rst, "Mounting"): where a v1
 * mount has `memory` among its options, a cgroup2 mount beside it (systemd's hybrid layout) has no memory files.
 *
 * @throws BallonetError HOST_UNREADABLE when neither is mounted
 */
export function findMemoryHierarchy(mounts: string): MemoryHierarchy {
  let unified: MemoryHierarchy | undefined;
  for (const line of mounts.split('\n')) {
    const [, mountPoint, type, options = ''] = line.split(' ');
    if (mountPoint === undefined) continue;
    if (type === 'cgroup' && options.split(',').includes('memory')) {
      return { version: 1, mountPoint: unescapeMount(mountPoint) };
    }
    if (type === 'cgroup2') unified ??= { version: 2, mountPoint: unescapeMount(mountPoint) };
  }
  if (unified === undefined) throw malformed('/proc/mounts', 'no memory cgroup is mounted');
  return unified;
}

/** Blanks and backslashes in a mount point stand there as three octal digits (fstab(5)). */
function unescapeMount(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
