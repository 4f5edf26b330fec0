/** Finds the balloon device in QEMU's object tree: by its type, since its name is whatever its user chose. */
import { listProperties } from './commands.ts';
import type { QmpSession } from './session.ts';

/** Where devices hang: with an id, without one, and made by the machine itself. */
export const DEVICE_CONTAINERS = ['/machine/peripheral', '/machine/peripheral-anon', '/machine/unattached'];

/**
 * The types of the proxies (`virtio-balloon-pci`, with `-transitional` and `-non-transitional`, `virtio-balloon-ccw`) and of the device on a
 * virtio-mmio bus. QEMU allows one balloon a guest (system/balloon.c).
 */
const BALLOON = /^child<virtio-balloon/;

/** Its path, undefined when there is none. @throws BallonetError HYPERVISOR_*, PROTOCOL */
export async function findBalloon(session: QmpSession, timeoutMs?: number): Promise<string | undefined> {
  for (const container of DEVICE_CONTAINERS) {
    const properties = await session.call(listProperties(container), timeoutMs);
    const device = properties?.find(({ type }) => BALLOON.test(type));
    if (device) return `${container}/${device.name}`;
  }
  return undefined;
}
