/** Where libvirt's daemons have their sockets. Source: libvirt 9.0.0, src/remote/remote_sockets.c. */
import type { Places } from './places.ts';

/** Which daemon: the driver's own (`direct`), libvirtd (`legacy`), or the first of the two that is there. */
type SocketMode = 'auto' | 'direct' | 'legacy';

export interface SocketQuery {
  readonly driver: string;
  /** Path of the URI. */
  readonly path: string;
  readonly mode: SocketMode;
  readonly readOnly: boolean;
}

/** Sockets to try, in this order. */
export function usualSockets({ driver, path, mode, readOnly }: SocketQuery, places: Places): string[] {
  const daemons = [
    ...(mode === 'legacy' ? [] : [`virt${driver}d-sock`]),
    ...(mode === 'direct' ? [] : ['libvirt-sock']),
  ];
  // libvirt gives root the system daemon for /session too, and has no read-only socket in a session.
  const session = places.uid !== 0 && (path === '/session' || driver === 'test');
  const sessionDir = places.runtimeDir ? `${places.runtimeDir}/libvirt` : `${places.cacheDir}/libvirt`;
  const system = ['/run/libvirt', '/var/run/libvirt'].flatMap(dir =>
    daemons.map(name => `${dir}/${name}${readOnly ? '-ro' : ''}`),
  );
  if (!session) return system;
  const own = daemons.map(name => `${sessionDir}/${name}`);
  return path === '/session' ? own : [...own, ...system];
}
