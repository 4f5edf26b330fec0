import type { Obstacle } from '../model/snapshot.ts';

/** Elements that stand for obstacles in a domain XML. */
interface ObstacleXml {
  /** Directly below `<domain>`. */
  readonly inDomain: readonly string[];
  readonly inDevices: readonly string[];
}

const ELEMENTS: readonly (readonly [obstacle: Obstacle, place: keyof ObstacleXml, element: string])[] = [
  ['hugepages', 'inDomain', '<memoryBacking><hugepages/></memoryBacking>'],
  ['locked', 'inDomain', '<memoryBacking><locked/></memoryBacking>'],
  ['launch-security', 'inDomain', '<launchSecurity/>'],
  ['passthrough', 'inDevices', `<hostdev mode='subsystem' type='pci'/>`],
  ['virtio-mem', 'inDevices', `<memory model='virtio-mem'/>`],
];

/** What libvirt's XML has where a guest has these obstacles (docs/formatdomain.rst), for drivers that write one of their own. */
export function obstacleXml(obstacles: readonly Obstacle[]): ObstacleXml {
  const of = (wanted: keyof ObstacleXml) =>
    ELEMENTS.filter(([obstacle, place]) => place === wanted && obstacles.includes(obstacle)).map(
      ([, , element]) => element,
    );
  return { inDomain: of('inDomain'), inDevices: of('inDevices') };
}
