import { existsSync } from 'node:fs';

/** What the lab runs, and the Debian package that brings it. */
const FILES: Readonly<Record<string, string>> = {
  '/usr/sbin/libvirtd': 'libvirt-daemon-system',
  '/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so': 'libvirt-daemon-driver-qemu',
  '/usr/bin/virsh': 'libvirt-clients',
  '/usr/bin/qemu-system-x86_64': 'qemu-system-x86',
  '/usr/share/qemu/linuxboot_dma.bin': 'qemu-system-data',
  '/usr/share/seabios/bios-256k.bin': 'seabios',
  '/usr/bin/gcc': 'gcc',
  '/usr/include/stdio.h': 'libc6-dev',
  '/usr/lib/x86_64-linux-gnu/libc.a': 'libc6-dev',
  '/bin/busybox': 'busybox-static',
  '/usr/bin/python3': 'python3',
  '/usr/lib/python3/dist-packages/libvirt.py': 'python3-libvirt',
  '/sbin/mkfs.ext4': 'e2fsprogs',
  '/bin/bash': 'bash',
  '/bin/mount': 'mount',
  '/usr/bin/unshare': 'util-linux',
  '/usr/bin/nsenter': 'util-linux',
  '/usr/bin/openssl': 'openssl',
  '/usr/bin/ssh': 'openssh-client',
  '/usr/sbin/sshd': 'openssh-server',
  '/usr/sbin/saslpasswd2': 'sasl2-bin',
  '/usr/lib/x86_64-linux-gnu/sasl2/libscram.so': 'libsasl2-modules',
  '/usr/lib/x86_64-linux-gnu/sasl2/libsasldb.so': 'libsasl2-modules-db',
};

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
