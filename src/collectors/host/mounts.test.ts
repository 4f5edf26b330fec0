import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findMemoryHierarchy } from './mounts.ts';

const fixture = (path: string) =>
  readFileSync(new URL(`../../../test/fixtures/${path}`, import.meta.url), 'utf8');

describe('findMemoryHierarchy', () => {
  it('prefers the v1 memory mount of a hybrid host over the cgroup2 mount beside it', () => {
    expect(findMemoryHierarchy(fixture('host-v1/proc/mounts'))).toEqual({
      version: 1,
      mountPoint: '/sys/fs/cgroup/memory',
    });
    expect(
      findMemoryHierarchy('cgroup2 /u cgroup2 rw 0 0\ncgroup /m cgroup rw,nosuid,memory 0 0\n').version,
    ).toBe(1);
  });

  it('finds the unified hierarchy', () => {
    expect(findMemoryHierarchy(fixture('host-v2/proc/mounts'))).toEqual({
      version: 2,
      mountPoint: '/sys/fs/cgroup',
    });
  });

  it('decodes blanks in the mount point', () => {
    expect(findMemoryHierarchy('cgroup2 /a\\040b\\134c cgroup2 rw 0 0\n').mountPoint).toBe('/a b\\c');
  });

  it('is not taken in by a controller whose name only begins with memory', () => {
    expect(() => findMemoryHierarchy('cgroup /m cgroup rw,memory_x 0 0\n')).toThrow(
      expect.objectContaining({ code: 'HOST_UNREADABLE' }),
    );
  });
});
