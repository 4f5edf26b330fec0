import { accessSync } from 'node:fs';

/** Which hypervisor a command talks to, and why that one. */
export interface ChosenUri {
  readonly uri: string;
  readonly because: 'option' | 'environment' | 'local-libvirt' | 'embedded';
}

const EMBEDDED = 'sim:///overcommitted';
const SYSTEM_SOCKETS = [
  '/run/libvirt/virtqemud-sock',
  '/run/libvirt/libvirt-sock',
  '/var/run/libvirt/libvirt-sock',
];

/**
 * `-c`, else LIBVIRT_DEFAULT_URI as virsh reads it, else the local libvirt if its socket is there, else the embedded
 * simulated host.
 */
export function chooseUri(
  option: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
  exists: (path: string) => boolean = isThere,
): ChosenUri {
  if (option !== undefined) return { uri: option, because: 'option' };
  const fromEnvironment = environment.LIBVIRT_DEFAULT_URI;
  if (fromEnvironment !== undefined && fromEnvironment !== '')
    return { uri: fromEnvironment, because: 'environment' };
  return SYSTEM_SOCKETS.some(exists)
    ? { uri: 'qemu:///system', because: 'local-libvirt' }
    : { uri: EMBEDDED, because: 'embedded' };
}

function isThere(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}
