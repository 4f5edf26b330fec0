/** What keeps a guest's balloon from freeing memory (H21), by QEMU's objects and by what the host knows of its process. */
import type { Obstacle } from '../../model/snapshot.ts';
import { type Kib, kibToBytes } from '../../model/units.ts';
import { DEVICE_CONTAINERS } from './balloon-device.ts';
import { getConfidentialSupport, listProperties } from './commands.ts';
import { memoryKinds } from './process.ts';
import type { QmpSession } from './session.ts';

/** QEMU's types; those for s390's channels and cryptographic queues let pages go (hw/vfio/ccw.c, hw/vfio/ap.c). */
const PASSTHROUGH = /^child<(vfio-(?!ccw|ap>)|vhost-vdpa-)/;
const VIRTIO_MEM = /^child<virtio-mem/;

/**
 * Share of the guest's memory that must be locked to count: VFIO and `-overcommit mem-lock=on` lock all of it, and what io_uring
 * and others lock for themselves is some MiB.
 */
const LOCKED_SHARE = 0.5;

/** @throws BallonetError HYPERVISOR_*, PROTOCOL */
export async function findObstacles(
  session: QmpSession,
  pid: number | undefined,
  maximumKib: Kib,
): Promise<Obstacle[]> {
  const [support, memory, ...containers] = await Promise.all([
    session.call(getConfidentialSupport()),
    pid === undefined ? undefined : memoryKinds(pid),
    ...DEVICE_CONTAINERS.map(container => session.call(listProperties(container))),
  ]);
  const types = containers.flatMap(properties => properties?.map(({ type }) => type) ?? []);
  const found = new Set<Obstacle>();
  if (types.some(type => PASSTHROUGH.test(type)) || memory?.vdpa) found.add('passthrough');
  if (types.some(type => VIRTIO_MEM.test(type))) found.add('virtio-mem');
  if (memory !== undefined && memory.hugetlbBytes > 0) found.add('hugepages');
  if (memory !== undefined && memory.lockedBytes > LOCKED_SHARE * kibToBytes(maximumKib)) found.add('locked');
  if (support) found.add('launch-security');
  return [...found];
}
