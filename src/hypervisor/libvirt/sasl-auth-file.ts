/**
 * libvirt's client-side password file. Source: libvirt 9.0.0, docs/auth.rst, src/util/virauth.c, src/util/virauthconfig.c.
 *
 *     [credentials-NAME]
 *     authname=USER
 *     password=PASSWORD
 *
 *     [auth-libvirt-HOST]
 *     credentials=NAME
 */
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { BallonetError, errorMessage } from '../../model/errors.ts';
import type { Places } from './places.ts';
import type { LoginHint } from './uri.ts';

export interface Credentials {
  /** Whose password it is. */
  readonly authName: string;
  readonly password: string;
  /** Whom to act as, where that is another. */
  readonly actAs?: string;
}

/** Values by key, by group. */
export type AuthFile = ReadonlyMap<string, ReadonlyMap<string, string>>;

const ESCAPES: Readonly<Record<string, string>> = { s: ' ', n: '\n', t: '\t', r: '\r', '\\': '\\' };

/**
 * Reads the format, which is that of GLib's key files: blanks before a value do not belong to it and those after it do, `\s`
 * is a blank, `\\` a backslash, comments are lines of their own that begin with `#`, and of two equal keys the last counts.
 *
 * @throws BallonetError HYPERVISOR_DENIED with the line, never with what stands there
 */
export function parseAuthFile(text: string, path: string): AuthFile {
  const groups = new Map<string, Map<string, string>>();
  let group: Map<string, string> | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/^[ \t]+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const name = /^\[([^[\]]+)\][ \t]*$/.exec(line)?.[1];
    if (name !== undefined) {
      group = groups.get(name) ?? new Map<string, string>();
      groups.set(name, group);
      continue;
    }
    const [, key, value] = /^([^=[\]\s]+)[ \t]*=[ \t]*(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined)
      throw wrong(path, index, 'it is neither [GROUP], KEY=VALUE nor a comment');
    if (value.includes('\uFFFD')) throw wrong(path, index, 'it is not in UTF-8');
    if (group === undefined) throw wrong(path, index, 'it is before the first group');
    group.set(
      key,
      value.replace(/\\(.)/g, (written, letter: string) => ESCAPES[letter] ?? written),
    );
  }
  return groups;
}

function wrong(path: string, index: number, why: string): BallonetError {
  return denied(`line ${index + 1} of ${path} cannot be used: ${why}`);
}

/**
 * The credentials for a host: those of its own group, else those of the group `auth-libvirt-default`.
 *
 * @throws BallonetError HYPERVISOR_DENIED when there are none, when they are incomplete, or another user's than the URI names
 */
export function findCredentials(file: AuthFile, path: string, hint: LoginHint): Credentials {
  const own = `auth-libvirt-${hint.host}`;
  const groupName = [own, 'auth-libvirt-default'].find(name => file.has(name));
  if (groupName === undefined) throw denied(`${path} has no group [${own}]`);
  const name = file.get(groupName)?.get('credentials');
  if (name === undefined) throw denied(`${path} has no key 'credentials' in [${groupName}]`);
  const group = file.get(`credentials-${name}`);
  if (!group) throw denied(`${path} has no group [credentials-${name}], which [${groupName}] names`);
  const userName = group.get('username');
  const authName = group.get('authname') ?? userName ?? hint.user;
  const password = group.get('password');
  if (!authName || password === undefined)
    throw denied(`${path} has no ${authName ? 'password' : 'authname'} in [credentials-${name}]`);
  if (hint.user !== undefined && hint.user !== authName)
    throw denied(`the URI names the user '${hint.user}', and ${path} has the password of '${authName}'`);
  return { authName, password, ...(userName !== undefined && userName !== authName && { actAs: userName }) };
}

/**
 * The credentials from the first file that there is: `$LIBVIRT_AUTH_FILE`, the URI's `authfile`, the user's, the system's.
 * The first two must be readable if they are named.
 *
 * @throws BallonetError HYPERVISOR_DENIED
 */
export async function readCredentials(
  hint: LoginHint,
  places: Pick<Places, 'authFile' | 'configDir'>,
): Promise<Credentials> {
  const usual = [`${places.configDir}/libvirt/auth.conf`, '/etc/libvirt/auth.conf'];
  const path = places.authFile ?? hint.authFile ?? (await firstReadable(usual));
  if (path === undefined)
    throw denied(
      `libvirt asks for a password, and there is none: no auth file at ${usual.join(' or ')}, and the URI has no authfile parameter`,
    );
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new BallonetError(
      'HYPERVISOR_DENIED',
      `libvirt asks for a password, and ${path} cannot be read: ${errorMessage(error)}`,
      { cause: error },
    );
  }
  return findCredentials(parseAuthFile(text, path), path, hint);
}

async function firstReadable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const readable = await access(path, constants.R_OK).then(
      () => true,
      () => false,
    );
    if (readable) return path;
  }
  return undefined;
}

function denied(message: string): BallonetError {
  return new BallonetError('HYPERVISOR_DENIED', message);
}
