import { createHash } from 'node:crypto';
import { access, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Kernel } from './kernel.ts';
import { run } from './process.ts';

const BUSYBOX = '/bin/busybox';
const COMPILE = ['-static', '-O2', '-Wall', '-Wextra', '-Werror', '-s'];

const SOURCES = ['agent.c', 'holder.c', 'workload.h'].map(name => local(`guest/${name}`));

interface Entry {
  readonly path: string;
  /** File type and permissions, as in stat(2). */
  readonly mode: number;
  readonly content?: Uint8Array;
  /** Of a device node. */
  readonly major?: number;
  readonly minor?: number;
}

/**
 * The guests' initramfs: busybox, the kernel modules and the workload. Its name in the cache is the hash of all that
 * goes in, so a changed workload is a new file and an old one is never booted by mistake.
 */
export async function buildInitramfs(cache: string, kernel: Kernel): Promise<string> {
  const files = [...kernel.modules, ...kernel.zramModules];
  const inputs = [BUSYBOX, local('guest/init.sh'), ...SOURCES, ...files];
  const [busybox, script, ...others] = await Promise.all(inputs.map(path => readFile(path)));
  const modules = others.slice(SOURCES.length);
  const hash = createHash('sha256').update(COMPILE.join(' ')).update(kernel.release);
  for (const input of [busybox, script, ...others]) if (input) hash.update(input);
  const image = join(cache, `initramfs-${hash.digest('hex').slice(0, 16)}.cpio`);
  if (
    await access(image).then(
      () => true,
      () => false,
    )
  )
    return image;

  const work = await mkdtemp(join(cache, 'initramfs.'));
  try {
    const binary = join(work, 'workload');
    await run('gcc', [...COMPILE, '-o', binary, ...SOURCES.filter(path => path.endsWith('.c'))]);
    const entries: Entry[] = [
      ...['dev', 'proc', 'sys', 'bin', 'modules', 'modules/zram'].map(path => ({ path, mode: 0o040755 })),
      // The kernel opens the console before the script can mount devtmpfs.
      { path: 'dev/console', mode: 0o020600, major: 5, minor: 1 },
      { path: 'init', mode: 0o100755, ...(script && { content: script }) },
      { path: 'bin/busybox', mode: 0o100755, ...(busybox && { content: busybox }) },
      { path: 'workload', mode: 0o100755, content: await readFile(binary) },
      ...modules.map((content, index) => ({
        path: `modules/${index < kernel.modules.length ? '' : 'zram/'}${String(index).padStart(2, '0')}-${basename(files[index] ?? '')}`,
        mode: 0o100644,
        content,
      })),
    ];
    await writeFile(join(work, 'image'), cpio(entries));
    await rename(join(work, 'image'), image);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return image;
}

/** A cpio archive in the "newc" form (kernel: Documentation/driver-api/early-userspace/buffer-format.rst). */
function cpio(entries: readonly Entry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const all = [...entries, { path: 'TRAILER!!!', mode: 0 }];
  all.forEach((entry: Entry, index) => {
    const name = Buffer.from(`${entry.path}\0`);
    const content = entry.content ?? new Uint8Array();
    const fields = [
      index + 1,
      entry.mode,
      0,
      0,
      1,
      0,
      content.length,
      0,
      0,
      entry.major ?? 0,
      entry.minor ?? 0,
      name.length,
      0,
    ];
    const header = Buffer.from(`070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}`);
    parts.push(header, name, padding(header.length + name.length), content, padding(content.length));
  });
  return Buffer.concat(parts);
}

function local(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}
