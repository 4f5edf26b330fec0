import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * Names this boot of the host (Documentation/admin-guide/sysctl/kernel.rst, random/boot_id). Where there is none, a name that no
 * other process has: instants then never count as of the same boot.
 */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return randomUUID();
  }
}
