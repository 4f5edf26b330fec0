/** Hypervisor URIs, as virsh reads them. Source: libvirt 9.0.0, docs/uri.rst, docs/remote.rst, src/remote/remote_driver.c. */
import { isIP } from 'node:net';
import { BallonetError, errorMessage } from '../../model/errors.ts';
import type { Places } from './places.ts';
import type { Parameters, TransportName } from './uri-parameters.ts';
import { absolutePath, decode, invalid, isOn, oneOf, readParameters } from './uri-parameters.ts';
import { usualSockets } from './uri-sockets.ts';

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
const SUPPORTED =
  'DRIVER:///system, DRIVER:///session, DRIVER+unix:///PATH?socket=FILE, DRIVER+tls://HOST/PATH, DRIVER+ssh://HOST/PATH and DRIVER+ext:///PATH?command=FILE';

const TRANSPORTS_REFUSED: Readonly<Record<string, string>> = {
  tcp: 'is plain TCP, which shows every byte to the network and cannot tell who answers; use tls or ssh',
  libssh: 'is not supported; ssh is',
  libssh2: 'is not supported; ssh is',
};

/** libvirt's port for TLS (`LIBVIRTD_TLS_PORT`). */
const TLS_PORT = 16_514;

interface UnixTarget {
  readonly kind: 'unix';
  /** Sockets to try, the first that answers wins. */
  readonly sockets: readonly string[];
}

export interface TlsTarget {
  readonly kind: 'tls';
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /**
   * False with `no_verify=1`: then neither the server's certificate nor its name is checked, and whoever answers at that
   * address can read and steer every guest's memory. For a look at a test machine only.
   */
  readonly verify: boolean;
  /** The folder that holds all certificates, instead of the usual places. */
  readonly pkiPath: string | undefined;
}

export interface SshTarget {
  readonly kind: 'ssh';
  /** The ssh program. */
  readonly command: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly user: string | undefined;
  readonly keyFile: string | undefined;
  /** False with `no_verify=1`: ssh takes any host key it has not seen before. */
  readonly verify: boolean;
  /** Never ask at the terminal. */
  readonly batch: boolean;
  /** What virt-ssh-helper is to connect to. */
  readonly remoteUri: string;
  readonly readOnly: boolean;
}

/** A program whose standard input and output are the connection. */
interface ExtTarget {
  readonly kind: 'ext';
  readonly command: string;
}

export type Target = UnixTarget | TlsTarget | SshTarget | ExtTarget;

/** What a SASL login goes by. */
export interface LoginHint {
  /** The host by which libvirt's auth file knows the password. */
  readonly host: string;
  /** The user that the URI names; ssh's user is not libvirt's. */
  readonly user: string | undefined;
  /** The `authfile` parameter. */
  readonly authFile: string | undefined;
}

export interface Endpoint {
  readonly target: Target;
  /** The URI that the daemon is to open: without transport, host and parameters. */
  readonly openUri: string;
  readonly login: LoginHint;
  /** Each connection of its own sees a host of its own, so everything has to go over one. */
  readonly privateHost: boolean;
  /** The guests are on this machine. A loopback address does not say so: it may be a forwarded port. */
  readonly local: boolean;
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
export function resolveUri(uri: string, readOnly: boolean, places: Places): Endpoint {
  try {
    return resolve(uri, readOnly, places);
  } catch (error) {
    const shown = uri.replace(/(\/\/[^/@]*):[^/@]*@/, '$1:…@');
    throw new BallonetError(
      'URI_INVALID',
      `cannot use the URI '${shown}': ${errorMessage(error)}. Supported: ${SUPPORTED}`,
      { cause: error },
    );
  }
}

function resolve(uri: string, readOnly: boolean, places: Places): Endpoint {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (!url || !isLibvirtUri(url)) throw invalid('it names no driver of libvirt');
  const { driver, transport: named } = splitScheme(url);
  const transport = transportOf(named, url);
  if (url.hash !== '') throw invalid('it has a fragment');
  if (url.password !== '') throw invalid("it has a password, which is for libvirt's auth file");
  if (url.pathname === '/embed')
    throw invalid('the embedded driver runs inside the client, out of reach of others');
  const parameters = readParameters(url.search, transport);
  const openUri = parameters.get('name') ?? `${driver}://${url.pathname}`;
  if (!URL.canParse(openUri)) throw invalid(`the name '${openUri}' is not a URI`);
  const host = hostOf(url);
  const user = url.username === '' ? undefined : decode(url.username);
  const query = { driver, path: url.pathname, readOnly };
  return {
    target: targetOf({ transport, url, host, user, parameters, openUri, query }, places),
    openUri,
    login: {
      host,
      user: transport === 'ssh' ? undefined : user,
      authFile: absolutePath(parameters, 'authfile'),
    },
    // libvirt's test driver builds a host of its own from a file at each open; only /default is shared.
    privateHost: openUri.startsWith('test:') && openUri !== 'test:///default',
    // Guests of a test driver are nowhere: this machine's /proc says nothing of their host.
    local: transport === 'unix' && !openUri.startsWith('test:'),
  };
}

interface Parts {
  readonly transport: TransportName;
  readonly url: URL;
  readonly host: string;
  readonly user: string | undefined;
  readonly parameters: Parameters;
  readonly openUri: string;
  readonly query: { readonly driver: string; readonly path: string; readonly readOnly: boolean };
}

function targetOf(parts: Parts, places: Places): Target {
  const { transport, url, host, user, parameters, openUri, query } = parts;
  const port = url.port === '' ? undefined : Number(url.port);
  if (port === 0) throw invalid('the port is 0');
  switch (transport) {
    case 'unix': {
      const socket = absolutePath(parameters, 'socket');
      const mode = oneOf(parameters, 'mode', ['auto', 'direct', 'legacy']) ?? 'auto';
      return {
        kind: 'unix',
        sockets: socket === undefined ? usualSockets({ ...query, mode }, places) : [socket],
      };
    }
    case 'tls':
      isOn(parameters, 'no_sanity');
      return {
        kind: 'tls',
        host,
        port: port ?? TLS_PORT,
        verify: !isOn(parameters, 'no_verify'),
        pkiPath: absolutePath(parameters, 'pkipath'),
      };
    case 'ssh':
      // Others make libvirt start netcat at the far end, or name a socket, which virt-ssh-helper chooses by itself.
      oneOf(parameters, 'proxy', ['auto', 'native']);
      oneOf(parameters, 'mode', ['auto']);
      return {
        kind: 'ssh',
        command: parameters.get('command') ?? 'ssh',
        host: sshWord('host', host),
        port,
        user: user === undefined ? undefined : sshWord('user', user),
        keyFile: parameters.get('keyfile'),
        verify: !isOn(parameters, 'no_verify'),
        batch: isOn(parameters, 'no_tty'),
        remoteUri: openUri,
        readOnly: query.readOnly,
      };
    case 'ext':
      break;
  }
  const command = parameters.get('command');
  if (command === undefined) throw invalid("the transport 'ext' needs the parameter 'command'");
  return { kind: 'ext', command };
}

/** A host without a transport means TLS. */
function transportOf(named: string | undefined, url: URL): TransportName {
  const hasHost = url.host !== '' || url.username !== '';
  if (named === undefined) return hasHost ? 'tls' : 'unix';
  if (named === 'unix' && hasHost) throw invalid('a unix socket is on this host, and it names a host');
  if (named === 'unix' || named === 'tls' || named === 'ssh' || named === 'ext') return named;
  const reason = Object.hasOwn(TRANSPORTS_REFUSED, named) ? TRANSPORTS_REFUSED[named] : 'is not supported';
  throw invalid(`the transport '${named}' ${reason}`);
}

function hostOf(url: URL): string {
  if (url.hostname === '') return 'localhost';
  const host = decode(url.hostname).replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0 && !/^[\w.-]+$/.test(host)) throw invalid(`'${host}' cannot be a host's name`);
  return host;
}

/**
 * ssh takes a word with a hyphen in front for an option, and hands host and user to the shell when its configuration has a
 * ProxyCommand or a Match exec (CVE-2023-51385).
 */
function sshWord(what: string, word: string): string {
  if (word.startsWith('-')) throw invalid(`the ${what} '${word}' begins with a hyphen`);
  if (/[\s'"`$\\;&<>|(){}]|\p{Cc}/u.test(word))
    throw invalid(`the ${what} '${word}' has characters of the shell`);
  return word;
}

function splitScheme(url: URL): { driver: string; transport: string | undefined } {
  const [driver = '', ...transport] = url.protocol.slice(0, -1).split('+');
  return { driver, transport: transport.length === 0 ? undefined : transport.join('+') };
}
