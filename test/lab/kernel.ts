import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.ts';
import { extractVmlinux } from './vmlinux.ts';

/** The package that depends on the newest kernel Debian builds for virtual machines. */
const META_PACKAGE = 'linux-image-cloud-amd64';

/**
 * What the guests need of it, in the order of their dependencies. ext4, the serial console and the memory balloon's
 * core are built in; `modinfo -F depends` of the package's modules gives the rest.
 */
const MODULES = [
  'drivers/virtio/virtio_ring',
  'drivers/virtio/virtio',
  'drivers/virtio/virtio_pci_modern_dev',
  'drivers/virtio/virtio_pci_legacy_dev',
  'drivers/virtio/virtio_pci',
  'drivers/virtio/virtio_balloon',
  'drivers/char/virtio_console',
  'drivers/block/virtio_blk',
] as const;

/** Swap that is compressed in memory, for the guests that want it. */
const ZRAM_MODULES = ['crypto/lzo-rle', 'mm/zsmalloc', 'drivers/block/zram/zram'] as const;

export interface Kernel {
  readonly release: string;
  /** The ELF kernel that QEMU boots. */
  readonly image: string;
  /** Paths of the modules, in the order in which they load. */
  readonly modules: readonly string[];
  /** Those that only guests with zram load. */
  readonly zramModules: readonly string[];
}

/** The lab's cache folder: the guest kernel, the initramfs and QEMU's probed abilities. Safe to delete. */
export function cacheFolder(): string {
  const { BALLONET_LAB_CACHE, XDG_CACHE_HOME } = process.env;
  if (BALLONET_LAB_CACHE) return BALLONET_LAB_CACHE;
  return XDG_CACHE_HOME
    ? join(XDG_CACHE_HOME, 'ballonet-lab')
    : join(tmpdir(), `ballonet-lab-cache-${process.getuid?.() ?? 0}`);
}

/**
 * The guest kernel, from the cache or from Debian. The package is unpacked, not installed.
 *
 * @throws Error when the package can neither be found in the cache nor be downloaded.
 */
export async function fetchKernel(cache: string): Promise<Kernel> {
  const folder = join(cache, 'kernel');
  const cached = await kernelIn(folder);
  if (cached) return cached;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'kernel.'));
  try {
    const depends = await run('apt-cache', ['depends', META_PACKAGE]);
    const name = /Depends: (linux-image-\S+-cloud-amd64)/.exec(depends)?.[1];
    if (name === undefined) throw new Error(`apt-cache knows no dependency of ${META_PACKAGE}`);
    // As root, apt would drop to the user _apt, who cannot write here.
    await run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', name], {
      cwd: work,
      deadlineSeconds: 300,
    });
    const archive = (await readdir(work)).find(file => file.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get download ${name} left no package`);
    await run('dpkg-deb', ['-x', join(work, archive), join(work, 'root')], { deadlineSeconds: 120 });
    await unpackImage(join(work, 'root'));
    // Another lab may have been quicker; its kernel is as good.
    await rename(join(work, 'root'), folder).catch(() => undefined);
  } catch (cause) {
    throw new Error(
      `The lab cannot get its guest kernel, Debian's ${META_PACKAGE}; run apt-get update, or set BALLONET_LAB_CACHE to a folder that has it.`,
      { cause },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const kernel = await kernelIn(folder);
  if (!kernel) throw new Error(`${folder} holds no usable kernel; delete it and try again.`);
  return kernel;
}

async function unpackImage(root: string): Promise<void> {
  const boot = join(root, 'boot');
  const image = (await readdir(boot)).find(file => file.startsWith('vmlinuz-'));
  if (image === undefined) throw new Error('the package has no kernel image');
  await writeFile(
    join(boot, image.replace('vmlinuz', 'vmlinux')),
    extractVmlinux(await readFile(join(boot, image))),
  );
}

async function kernelIn(folder: string): Promise<Kernel | undefined> {
  const files = await readdir(join(folder, 'boot')).catch(() => [] as string[]);
  const release = files.find(file => file.startsWith('vmlinux-'))?.slice('vmlinux-'.length);
  if (release === undefined) return undefined;
  const pathOf = (module: string) => join(folder, 'lib/modules', release, 'kernel', `${module}.ko`);
  return {
    release,
    image: join(folder, 'boot', `vmlinux-${release}`),
    modules: MODULES.map(pathOf),
    zramModules: ZRAM_MODULES.map(pathOf),
  };
}
