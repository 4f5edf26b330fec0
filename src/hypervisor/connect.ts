import { BallonetError } from '../model/errors.ts';
import type { ConnectOptions, Driver, Hypervisor } from './driver.ts';
import { libvirtDriver } from './libvirt/hypervisor.ts';
import { qemuDriver } from './qemu/hypervisor.ts';
import { simulatedDriver } from './simulated/hypervisor.ts';

/** The driver table; the first driver that accepts a URI is the one for it. */
const DRIVERS: readonly Driver[] = [simulatedDriver, qemuDriver, libvirtDriver];

/**
 * Opens a connection to the hypervisor that `uri` names.
 *
 * @throws BallonetError URI_INVALID, HYPERVISOR_UNREACHABLE, HYPERVISOR_DENIED, HYPERVISOR_TIMEOUT
 */
export async function connect(uri: string, options: ConnectOptions = {}): Promise<Hypervisor> {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const driver = url && DRIVERS.find(candidate => candidate.accepts(url));
  if (!driver) {
    throw new BallonetError(
      'URI_INVALID',
      `cannot connect to '${uri}': known forms are qemu:///system, qemu:///session, test:///default, DRIVER+unix:///PATH?socket=FILE, DRIVER+tls://HOST/system, DRIVER+ssh://HOST/system, qmp:///FOLDER, qmp:///FILE.qmp and sim:///NAME`,
    );
  }
  return driver.connect(uri, options);
}
