import { BallonetError } from '../model/errors.ts';
import type { ConnectOptions, Driver, Hypervisor } from './driver.ts';
import { libvirtDriver } from './libvirt/hypervisor.ts';
import { qemuDriver } from './qemu/hypervisor.ts';

/** The drivers of real guests. The simulated one needs to be told where its scenarios are. */
export const REAL_DRIVERS: readonly Driver[] = [qemuDriver, libvirtDriver];

/**
 * Opens a connection to the hypervisor that `uri` names.
 *
 * @param drivers the first one that accepts the URI is the one for it
 * @throws BallonetError URI_INVALID, HYPERVISOR_UNREACHABLE, HYPERVISOR_DENIED, HYPERVISOR_TIMEOUT
 */
export async function connectWith(
  drivers: readonly Driver[],
  uri: string,
  options: ConnectOptions = {},
): Promise<Hypervisor> {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const driver = url && drivers.find(candidate => candidate.accepts(url));
  if (!driver) {
    throw new BallonetError(
      'URI_INVALID',
      `cannot connect to '${uri}': known forms are qemu:///system, qemu:///session, test:///default, DRIVER+unix:///PATH?socket=FILE, DRIVER+tls://HOST/system, DRIVER+ssh://HOST/system, qmp:///FOLDER, qmp:///FILE.qmp and sim:///NAME or sim:///FILE.yaml`,
    );
  }
  return driver.connect(uri, options);
}
