/** The query of a hypervisor URI: which parameters each transport has. Source: libvirt 9.0.0, docs/uri.rst. */
import { BallonetError } from '../../model/errors.ts';

export type TransportName = 'unix' | 'tls' | 'ssh' | 'ext';

/** Values by name, decoded; only names that the transport has. */
export type Parameters = ReadonlyMap<string, string>;

/** Parameters that concern what is said over the connection, so that every transport has them. */
const EVERYWHERE = ['name', 'authfile'];

const KNOWN: Readonly<Record<TransportName, readonly string[]>> = {
  unix: [...EVERYWHERE, 'socket', 'mode'],
  // no_sanity leaves out libvirt's look at one's own certificate before it is used; there is no such look here.
  tls: [...EVERYWHERE, 'pkipath', 'no_verify', 'no_sanity'],
  ssh: [...EVERYWHERE, 'command', 'keyfile', 'no_verify', 'no_tty', 'proxy', 'mode'],
  ext: [...EVERYWHERE, 'command'],
};

/** libvirt's parameters that are understood and not supported, each with the reason. */
const REFUSED: Readonly<Record<string, string>> = {
  tls_priority: 'it is in the language of GnuTLS, and Node uses OpenSSL',
  netcat: 'only virt-ssh-helper is used at the far end',
  auth: 'the login is chosen by what libvirt offers',
  sshauth: 'ssh chooses among its own logins',
  known_hosts: "ssh's own configuration says where known hosts are",
  known_hosts_verify: "ssh's own configuration says how hosts are verified",
};

/**
 * Reads the query of a URI as libvirt does: `+` is no blank, and `;` separates as `&` does.
 *
 * @throws BallonetError URI_INVALID that names the parameter
 */
export function readParameters(search: string, transport: TransportName): Parameters {
  const parameters = new Map<string, string>();
  for (const part of search.replace(/^\?/, '').split(/[&;]/)) {
    if (part === '') continue;
    const [rawName = '', ...rest] = part.split('=');
    const name = decode(rawName);
    if (!KNOWN[transport].includes(name)) throw invalid(explain(name, transport));
    const value = decode(rest.join('='));
    if (value === '') throw invalid(`the parameter '${name}' is empty`);
    parameters.set(name, value);
  }
  return parameters;
}

function explain(name: string, transport: TransportName): string {
  const reason = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined;
  if (reason !== undefined) return `the parameter '${name}' is not supported: ${reason}`;
  if (name === 'socket' && transport === 'ssh')
    return `the parameter 'socket' is not supported over ssh: virt-ssh-helper chooses the socket itself`;
  const elsewhere = Object.entries(KNOWN).find(([, names]) => names.includes(name))?.[0];
  if (elsewhere !== undefined)
    return `the parameter '${name}' belongs to the transport ${elsewhere}, not to ${transport}`;
  return `the parameter '${name}' is not known; those of ${transport} are ${KNOWN[transport].join(', ')}`;
}

/** A switch is a whole number, and on unless that is 0. */
export function isOn(parameters: Parameters, name: string): boolean {
  const value = parameters.get(name);
  if (value === undefined) return false;
  if (!/^\d+$/.test(value)) throw invalid(`the parameter '${name}' is '${value}' instead of 0 or 1`);
  return Number(value) !== 0;
}

export function absolutePath(parameters: Parameters, name: string): string | undefined {
  const value = parameters.get(name);
  if (value !== undefined && !value.startsWith('/'))
    throw invalid(`the ${name} '${value}' is not an absolute path`);
  return value;
}

export function oneOf<T extends string>(
  parameters: Parameters,
  name: string,
  words: readonly T[],
): T | undefined {
  const value = parameters.get(name);
  const word = words.find(candidate => candidate === value);
  if (value !== undefined && word === undefined)
    throw invalid(`the ${name} '${value}' is none of ${words.join(', ')}`);
  return word;
}

/** Percent-decoding. @throws BallonetError URI_INVALID */
export function decode(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch (error) {
    throw new BallonetError('URI_INVALID', `'${text}' is not percent-encoded text`, { cause: error });
  }
  if (decoded.includes('\0')) throw invalid('it has a NUL character');
  return decoded;
}

export function invalid(why: string): BallonetError {
  return new BallonetError('URI_INVALID', why);
}
