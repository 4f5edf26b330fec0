/** Hypervisor URIs, as virsh reads them. Source: libvirt 9.0.0, docs/uri.rst, docs/remote.rst, src/remote/remote_driver.c. */
import { BallonetError } from '../../model/errors.ts';

/**
 * Drivers that live in a libvirt daemon. The daemon knows which of them it has; the list only tells a URI of libvirt's
 * from any other.
 */
const DRIVERS: ReadonlySet<string> = new Set([
  'bhyve',
  'ch',
  'lxc',
  'openvz',
  'qemu',
  'test',
  'vbox',
  'vz',
  'xen',
]);
const SUPPORTED = 'DRIVER:///system, DRIVER:///session and DRIVER+unix:///PATH?socket=FILE';

/** What the sockets' places depend on. */
export interface SocketPlaces {
  /** Effective user id. */
  readonly uid: number;
  /** `$XDG_RUNTIME_DIR`. */
  readonly runtimeDir?: string | undefined;
  /** `$XDG_CACHE_HOME` or `~/.cache`. */
  readonly cacheDir: string;
}

export interface Endpoint {
  /** Sockets to try, the first that answers wins. */
  readonly sockets: readonly string[];
  /** The URI that the daemon is to open: without transport and socket. */
  readonly openUri: string;
  /** Each connection of its own sees a host of its own, so everything has to go over one. */
  readonly privateHost: boolean;
}

/** True for a URI that names a driver of libvirt, whatever its transport. */
export function isLibvirtUri(url: URL): boolean {
  return DRIVERS.has(splitScheme(url).driver);
}

/**
 * Where to connect for a URI, and what to ask for there.
 *
 * @throws BallonetError URI_INVALID
 */
export function resolveUri(uri: string, readOnly: boolean, places: SocketPlaces): Endpoint {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (!url || !isLibvirtUri(url)) throw invalid(uri, 'it names no driver of libvirt');
  const { driver, transport } = splitScheme(url);
  if (transport !== undefined && transport !== 'unix')
    throw invalid(uri, `the transport '${transport}' is not supported`);
  if (url.host !== '' || url.username !== '')
    throw invalid(uri, 'it names a host, and hosts other than this one are not supported');
  if (url.hash !== '') throw invalid(uri, 'it has a fragment');
  if (url.pathname === '/embed')
    throw invalid(uri, 'the embedded driver runs inside the client, out of reach of others');
  const { socket, mode } = parameters(uri, url);
  const openUri = `${driver}://${url.pathname}`;
  return {
    sockets: socket === undefined ? usualSockets(driver, url.pathname, mode, readOnly, places) : [socket],
    openUri,
    // libvirt's test driver builds a host of its own from a file at each open; only /default is shared.
    privateHost: driver === 'test' && url.pathname !== '/default',
  };
}

type Mode = 'auto' | 'direct' | 'legacy';

function parameters(uri: string, url: URL): { socket: string | undefined; mode: Mode } {
  let socket: string | undefined;
  let mode: Mode = 'auto';
  for (const [name, value] of url.searchParams) {
    if (name === 'socket') {
      if (!value.startsWith('/')) throw invalid(uri, `the socket '${value}' is not an absolute path`);
      socket = value;
    } else if (name === 'mode') {
      if (value !== 'auto' && value !== 'direct' && value !== 'legacy') {
        throw invalid(uri, `the mode '${value}' is none of auto, direct and legacy`);
      }
      mode = value;
    } else {
      throw invalid(uri, `the parameter '${name}' is not known; socket and mode are`);
    }
  }
  return { socket, mode };
}

function usualSockets(
  driver: string,
  path: string,
  mode: Mode,
  readOnly: boolean,
  places: SocketPlaces,
): string[] {
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

function splitScheme(url: URL): { driver: string; transport: string | undefined } {
  const [driver = '', transport] = url.protocol.slice(0, -1).split('+');
  return { driver, transport };
}

function invalid(uri: string, why: string): BallonetError {
  return new BallonetError('URI_INVALID', `cannot use the URI '${uri}': ${why}. Supported: ${SUPPORTED}`);
}
