import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

/** What the lab runs, and the Debian package that brings it. `npm test` asks the same list whether the lab can run. */
const FILES = z
  .record(z.string(), z.string())
  .parse(JSON.parse(readFileSync(new URL('requirements.json', import.meta.url), 'utf8')));

/** The Debian packages of all that the lab runs, as `.ci/apt-packages` lists them for CI. */
export function labPackages(): string[] {
  return [...new Set(Object.values(FILES))].toSorted();
}

/**
 * Makes sure that the lab can run here. A lab test fails where it cannot: it is never skipped.
 *
 * Root is needed for the namespaces and for the read-only socket, which a session daemon does not have. Being root in a
 * user namespace is not enough: libvirt sets supplementary groups for QEMU, and the kernel denies that there.
 *
 * @throws Error with one sentence that names the missing Debian packages, or says what else is missing.
 */
export function requireLab(has: (path: string) => boolean = existsSync): void {
  if (process.arch !== 'x64')
    throw new Error(`The lab boots x86_64 guests and this machine is ${process.arch}.`);
  if (process.getuid?.() !== 0)
    throw new Error('The lab needs root: for namespaces of its own and a system libvirtd.');
  const missing = Object.entries(FILES).filter(([path]) => !has(path));
  if (missing.length === 0) return;
  const paths = missing.map(([path]) => path).join(', ');
  const packages = [...new Set(missing.map(([, name]) => name))].join(' ');
  throw new Error(`The lab misses ${paths}: as root, apt-get install --no-install-recommends ${packages}.`);
}
